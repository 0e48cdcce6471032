"""A configuration in the folder that somebody has changed is read as data, and trusted in nothing."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from omegaconf import OmegaConf

from trainhouse.configuration.errors import UserError
from trainhouse.tests.common import run_script
from trainhouse.tests.resume.continued import Payload, resumed


def system(name: str = "os.system") -> dict[str, Any]:
    return {"_target_": name, "command": f"touch {Path('touched').absolute()}"}


TAMPERED: dict[str, Callable[[dict[str, Any]], Any]] = {
    "model": lambda c: c.update(model=system()),
    "optimizer": lambda c: c.update(optimizer=system()),
    "scheduler": lambda c: c.update(scheduler=system()),
    "data": lambda c: c["data"].update(system()),
    "trainer": lambda c: c.update(trainer={**c["trainer"], **system()}),
    "logger": lambda c: c.update(logger=system()),
    "callbacks": lambda c: c["callbacks"].update(evil=system()),
    "posix.system": lambda c: c.update(model=system("posix.system")),
    "open": lambda c: c.update(
        model={"_target_": "builtins.open", "file": str(Path("touched").absolute()), "mode": "w"}
    ),
    "torch.load": lambda c: c.update(model={"_target_": "torch.load", "f": "evil.pt", "weights_only": False}),
    "alias": lambda c: c.update(data={**c["data"], "_target_": "trainhouse.arrays.npy.np.load", "file": "evil.pt"}),
    "alias of os": lambda c: c.update(data={**c["data"], **system("trainhouse.arrays.array_file.os.system")}),
    "alias in training": lambda c: c["callbacks"].update(
        evil={"_target_": "trainhouse.training.signals.subprocess.run", "args": ["touch", "touched"]}
    ),
    "interpolation": lambda c: c.update(x="os.system", model=system("${x}")),
    "interpolation of a node": lambda c: c.update(x=system(), model="${x}"),
    "nested in model": lambda c: c["model"].update(activation=system()),
    "nested in optimizer": lambda c: c["optimizer"].update(lr=system()),
    "nested in a callback": lambda c: c["callbacks"]["early_stopping"].update(patience=[system()]),
    "nested in logger": lambda c: c.update(
        logger={"_target_": "lightning.pytorch.loggers.CSVLogger", "name": {"a": [system()]}}
    ),
    "nested in trainer": lambda c: c["trainer"].update(profiler=system()),
    "nested in data": lambda c: c["data"].update(augmentation=system()),
    "nested in loss": lambda c: c["loss"].update(name=system()),
    "elsewhere": lambda c: c.update(anything=[system()]),
    "a loader of Lightning": lambda c: c["trainer"].update(
        profiler={
            "_target_": "lightning.fabric.utilities.cloud_io._load",
            "path_or_url": "evil.pt",
            "map_location": "cpu",
            "weights_only": False,
        }
    ),
    "no target": lambda c: c["model"].pop("_target_"),
    "a number for a target": lambda c: c["model"].update(_target_=3),
    "no model": lambda c: c.pop("model"),
    "no data": lambda c: c.pop("data"),
    "no optimizer": lambda c: c.pop("optimizer"),
    "no trainer": lambda c: c.pop("trainer"),
    "no seed": lambda c: c.pop("seed"),
    "no monitor": lambda c: c.pop("monitor"),
    "no batch size": lambda c: c["data"].pop("batch_size"),
    "no epochs": lambda c: c["trainer"].pop("max_epochs"),
    "no limit": lambda c: c["trainer"].pop("limit_val_batches"),
    "a string for a group": lambda c: c.update(model="simple_net"),
    "a list for a group": lambda c: c.update(callbacks=[1, 2]),
    "null for a group": lambda c: c.update(trainer=None),
    "an unknown key of the model": lambda c: c["model"].update(widht=3),
    "an unknown key of the data": lambda c: c["data"].update(colour=3),
    "an unknown key of the trainer": lambda c: c["trainer"].update(max_epoch=3),
    "an unknown key of the loss": lambda c: c["loss"].update(nmae="mse"),
    "a value out of range": lambda c: c["data"].update(batch_size=-1),
    "a key that is not set": lambda c: c["model"].update(dropout="???"),
    "an interpolation of nothing": lambda c: c["model"].update(dropout="${nothing}"),
}


@pytest.mark.parametrize("change", TAMPERED)
def test_a_configuration_that_was_tampered_with_is_refused_in_one_line(change: str, killed: Path) -> None:
    torch.save(Payload(Path("touched").absolute()), "evil.pt")
    config = OmegaConf.to_container(OmegaConf.load(killed / "config.yaml"))
    assert isinstance(config, dict)
    TAMPERED[change](config)
    OmegaConf.save(OmegaConf.create(config), killed / "config.yaml")
    before = (killed / "checkpoints/last.ckpt").read_bytes()
    try:
        with pytest.raises(UserError) as refused:
            resumed(killed)
    finally:
        assert not Path("touched").exists(), "code of the file was run"
    assert "\n" not in str(refused.value)
    assert (killed / "checkpoints/last.ckpt").read_bytes() == before


@pytest.mark.parametrize(
    "text",
    [
        b"model: [1, 2",
        b"a: b: c",
        b"\t- x",
        b"\x00\x01\x02",
        b"\xff\xfe broken",
        b"",
        b"just a string",
        b"- 1\n- 2\n",
        b"seed: !!python/object/apply:os.system ['touch touched']\n",
        b"a: &a [*a]\nseed: 0\n",
        b"seed: ${oc.env:NO_SUCH_VARIABLE}\n",
    ],
)
def test_a_configuration_that_is_none_is_refused_in_one_line_that_names_it(text: bytes, killed: Path) -> None:
    (killed / "config.yaml").write_bytes(text)
    with pytest.raises(UserError) as refused:
        resumed(killed)
    assert f"{killed}/config.yaml" in str(refused.value)
    assert "\n" not in str(refused.value)
    assert not Path("touched").exists()


def test_a_tampered_configuration_ends_the_command_before_it_runs_anything(killed: Path) -> None:
    config = OmegaConf.load(killed / "config.yaml")
    config.model = system()
    OmegaConf.save(config, killed / "config.yaml")
    done = run_script("train.py", "resume=last", cwd=Path.cwd())
    assert done.returncode == 1
    assert "config.yaml: model._target_ is 'os.system'; a file may only name torch.nn.Module" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not Path("touched").exists()
