"""Checkpoints, runs and configuration files with one fault each."""

import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from trainhouse.checkpoints.checkpoint import RECORD

Edit = Callable[[dict[str, Any]], object]


def checkpoints(folder: Path) -> None:
    """The run's best model with one fault each."""
    best = folder / "run" / "checkpoints" / "best_model.ckpt"
    ck = folder / "ck"
    ck.mkdir()
    weights = torch.load(best, weights_only=True)["state_dict"]
    (ck / "cut.ckpt").write_bytes(best.read_bytes()[: best.stat().st_size // 2])
    (ck / "text.ckpt").write_text("hello world")
    (ck / "empty.ckpt").touch()
    contents = {
        "weights": weights,
        "list": [1, 2],
        "code": {"x": _Payload()},
        "module": torch.nn.Linear(2, 2),
    }
    for name, content in contents.items():
        torch.save(content, ck / f"{name}.ckpt")
    (ck / "pickle.ckpt").write_bytes(pickle.dumps(_Payload()))
    edits: dict[str, Edit] = {
        "format": lambda c: c[RECORD].update(format=999),
        "record": lambda c: c.update({RECORD: 5}),
        "no_spec": lambda c: c[RECORD].pop("spec"),
        "wrong_spec": lambda c: c[RECORD].update(spec={"a": 1}),
        "outputs": lambda c: c[RECORD]["spec"].update(outputs=7),
        "no_weights": lambda c: c.pop("state_dict"),
        "list_of_weights": lambda c: c.update(state_dict=[1]),
        "nan_weights": lambda c: [t.fill_(torch.nan) for t in c["state_dict"].values() if t.is_floating_point()],
        "model_code": lambda c: c[RECORD]["config"]["model"].update(_target_="os.system"),
        "data_code": lambda c: c[RECORD]["config"]["data"].update(_target_="os.system"),
        "sizes": lambda c: c[RECORD]["config"]["model"].update(hidden_sizes=[3]),
        "no_config": lambda c: c[RECORD].update(config={}),
        "list_config": lambda c: c[RECORD].update(config=[1]),
        "no_model": lambda c: c[RECORD]["config"].pop("model"),
        "no_data": lambda c: c[RECORD]["config"].pop("data"),
        "no_loss": lambda c: c[RECORD]["config"].pop("loss"),
        "no_provenance": lambda c: c[RECORD].update(provenance={}),
    }
    for name, edit in edits.items():
        content = torch.load(best, weights_only=True)
        edit(content)
        torch.save(content, ck / f"{name}.ckpt")
    torch.save({"layer.weight": torch.zeros(2)}, folder / "weights.pt")
    torch.save({"epoch": 3, "lr": [0.1]}, folder / "objects.pt")


def runs(folder: Path) -> None:
    """Folders of runs for selection, each with one run whose metrics.json has one fault."""
    edits: dict[str, Edit] = {
        "good": lambda m: None,
        "failed": lambda m: m.update(status="failed"),
        "no_best": lambda m: m.update(best_model=None),
        "no_provenance": lambda m: m.pop("provenance"),
        "no_metrics": lambda m: m.pop("metrics"),
        "no_monitor": lambda m: m.pop("monitor"),
        "text_metric": lambda m: m["metrics"].update({"val/loss": "x"}),
        "list_metrics": lambda m: m.update(metrics=[1]),
        "null_metric": lambda m: m["metrics"].update({"val/loss": None}),
        "wrong_mode": lambda m: m.update(mode="up"),
        "no_epoch": lambda m: m.update(best_epoch=None),
        "null_split": lambda m: m.update(data_split=None),
        "wrong_split": lambda m: m.update(data_split=[0.8]),
        "wrong_monitor": lambda m: m.update(monitor=3),
        "wrong_ends": lambda m: m["directions"].update({"val/loss": "up"}),
        "old": lambda m: m.pop("directions"),
        "in_part": lambda m: m.update(measured_in_part=True),
        "damaged_model": lambda m: None,
    }
    for name, edit in edits.items():
        run = folder / "runs" / name / "r"
        shutil.copytree(folder / "run", run)
        content = json.loads((run / "metrics.json").read_text())
        edit(content)
        (run / "metrics.json").write_text(json.dumps(content))
    (folder / "runs" / "damaged_model" / "r" / "checkpoints" / "best_model.ckpt").write_text("hello")
    for name, text in {"cut": '{"status": "comp', "empty": "", "list": "[1]"}.items():
        run = folder / "runs" / name / "r"
        shutil.copytree(folder / "run", run)
        (run / "metrics.json").write_text(text)
    (folder / "runs" / "none").mkdir()
    (folder / "folder.ckpt").mkdir()


def resumable(folder: Path) -> None:
    """Runs to resume, each with one fault; a case that resumes gets a copy."""
    configs: dict[str, Callable[[str], str]] = {
        "done": lambda text: text,
        "cut_config": lambda text: text[:900] + '\n"',
        "empty_config": lambda text: "",
        "wrong_type": lambda text: text.replace("max_epochs: 6", "max_epochs: abc"),
        "wrong_key": lambda text: text.replace("max_epochs:", "max_epcohs:"),
        "no_batch_size": lambda text: text.replace("batch_size:", "batchsize:"),
        "code": lambda text: text.replace("torch.optim.Adam", "os.system"),
    }
    for name, change in configs.items():
        shutil.copytree(folder / "run", folder / "res" / name)
        path = folder / "res" / name / "config.yaml"
        path.write_text(change(path.read_text()))
    shutil.copytree(folder / "run", folder / "res" / "half_metrics")
    (folder / "res" / "half_metrics" / "metrics.json").write_text('{"status": "completed"}')
    shutil.copytree(folder / "run", folder / "res" / "all_damaged")
    for path in (folder / "res" / "all_damaged" / "checkpoints").glob("*.ckpt"):
        path.write_text("x")


def configs(folder: Path) -> None:
    """A user's own files for the group `experiment`."""
    texts = {
        "tab": "trainer:\n\tmax_epochs: 3\n",
        "twice": "seed: 1\nseed: 2\n",
        "unclosed": "model:\n  hidden_sizes: [1, 2\n",
        "two_colons": "name: a: b\n",
        "typo": "trainer:\n  max_epoch: 3\n",
        "top_typo": "sed: 3\n",
        "data_typo": "data:\n  batchsize: 5\n",
        "callback_typo": "callbacks:\n  early_stoping:\n    patience: 3\n",
        "list": "- 1\n- 2\n",
        "scalar": "hello\n",
        "wrong_option": "defaults:\n  - override /model: cnnn\n",
        "wrong_group": "defaults:\n  - override /modle: cnn\n",
        "wrong_default": "defaults:\n  - nowhere\n",
        "reference": "name: ${nothing}\n",
        "text_rate": 'optimizer:\n  lr: "1e-3"\n',
        "not_a_group": "trainer: 5\n",
        "null_group": "trainer: null\n",
        "new_group": "foo:\n  bar: 3\n",
    }
    group = folder / "own" / "experiment"
    group.mkdir(parents=True)
    for name, text in texts.items():
        (group / f"{name}.yaml").write_text(f"# @package _global_\n{text}")
    (group / "no_package.yaml").write_text("seed: 3\n")
    (group / "not_utf8.yaml").write_bytes(b"# @package _global_\nname: \xff\xfe\n")


class _Payload:
    """Runs code when it is unpickled."""

    def __reduce__(self) -> Any:
        return open, ("it_ran", "w")
