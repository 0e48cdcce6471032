"""The data paths of a file that somebody else has trained are typed by who uses them; one's own are used again."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from trainhouse.configuration import schema
from trainhouse.configuration.errors import UserError
from trainhouse.configuration.named_in_conf import leads_outside
from trainhouse.configuration.targets import check_part
from trainhouse.launching.foreign_config import check_foreign_config
from trainhouse.runs.layout import CONFIG
from trainhouse.tests.common import CONF, ROOT, composed, run_script
from trainhouse.training.resume import resume

TINY = ["trainer=cpu", "trainer.max_epochs=1", "model.hidden_sizes=[4]", "logger=none", "preflight=false"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run on an array that lies outside of the project."""
    folder = tmp_path_factory.mktemp("trained")
    random = np.random.default_rng(0)
    (folder / "data").mkdir()
    (folder / "work").mkdir()
    np.save(folder / "data" / "x.npy", np.column_stack([random.normal(size=(60, 3)), np.arange(60) % 2]))
    paths = [f"data.features={folder}/data/x.npy", "data.task=classification"]
    done = run_script("train.py", *TINY, "data=npy", *paths, "hydra.run.dir=run", cwd=folder / "work")
    assert done.returncode == 0, done.stderr
    return folder


@contextmanager
def another_account(monkeypatch: pytest.MonkeyPatch, home: Path) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(home))
        yield


@pytest.fixture
def work(trained: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(trained / "work")
    return trained / "work"


def test_ones_own_checkpoint_is_evaluated_from_the_file_alone(work: Path) -> None:
    done = run_script("eval.py", "ckpt_path=run", "hydra.run.dir=own", cwd=work)
    assert done.returncode == 0, done.stderr


def test_that_of_another_account_gets_what_to_type_and_is_then_evaluated(
    work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = work.parent / "data" / "x.npy"
    with another_account(monkeypatch, tmp_path):
        refused = run_script("eval.py", "ckpt_path=run", "hydra.run.dir=refused", cwd=work)
        typed = run_script("eval.py", "ckpt_path=run", f"data.features={data}", "hydra.run.dir=typed", cwd=work)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == (
        f"error: run/checkpoints/best_model.ckpt: data.features is '{data}'; this file was configured by another user "
        "account (or an older version), so type its data paths: data.features=...\n"
    )
    assert typed.returncode == 0, typed.stderr
    own = run_script("eval.py", "ckpt_path=run", "hydra.run.dir=again", cwd=work)
    assert own.returncode == 0
    assert (work / "typed/metrics.json").read_text().partition("metrics")[2].partition("}")[0] == (
        work / "again/metrics.json"
    ).read_text().partition("metrics")[2].partition("}")[0], "the same split of the same rows"


def test_new_rows_are_predicted_without_the_old_paths(
    work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    np.save(tmp_path / "new.npy", np.zeros((5, 3)))
    arguments = [f"input={tmp_path}/new.npy", f"output={tmp_path}/p.csv", "ckpt_path=run"]
    with another_account(monkeypatch, tmp_path):
        done = run_script("infer.py", *arguments, cwd=work)
    assert done.returncode == 0, done.stderr


def test_a_path_that_was_changed_is_no_longer_ones_own(work: Path, tmp_path: Path) -> None:
    content = torch.load(work / "run/checkpoints/best_model.ckpt", weights_only=True)
    content["project"]["config"]["data"]["features"] = "/etc/passwd"
    torch.save(content, tmp_path / "changed.ckpt")
    done = run_script("eval.py", f"ckpt_path={tmp_path}/changed.ckpt", cwd=tmp_path)
    assert done.returncode == 1
    assert "data.features is '/etc/passwd'; this file was configured by another user account" in done.stderr


def test_a_run_folder_is_resumed_and_run_again_by_its_own_account(
    work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "run"
    shutil.copytree(work / "run", folder)
    data = f"data.features={work.parent}/data/x.npy"
    now = composed(*TINY, "data=npy", data, "data.task=classification")
    again = [f"--config-path={folder}", "--config-name=config"]
    assert resume(folder, now, []).epochs == 1
    check_foreign_config(again, CONF, "train")
    with another_account(monkeypatch, tmp_path):
        for refuse in (lambda: resume(folder, now, []), lambda: check_foreign_config(again, CONF, "train")):
            found = rf"^{folder / CONFIG}: data\.features is '.*: \+\+data\.features=\.\.\.$"
            with pytest.raises(UserError, match=found):
                refuse()
        assert resume(folder, now, [data]).epochs == 1
        check_foreign_config([*again, data], CONF, "train")


@pytest.mark.parametrize(
    ("text", "outside"),
    [
        ("data/raw/x.csv", False),
        ("data/../data/x.csv", False),
        (str(ROOT / "data" / "x.csv"), False),
        (".", False),
        ("a..b", False),
        (r"\d+", False),
        ("a:b", False),
        ("", False),
        ("../x.csv", True),
        ("data/../../x.csv", True),
        (f"{ROOT}/../x.csv", True),
        (f"{ROOT}x/x.csv", True),
        ("/etc/passwd", True),
        ("//etc/passwd", True),
        ("/", True),
        ("~/x.csv", True),
        ("~root", True),
        ("s3://bucket/x", True),
        ("file:///etc/passwd", True),
    ],
)
def test_which_strings_lead_outside(text: str, outside: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert leads_outside(text) is outside
    monkeypatch.chdir(ROOT)
    assert leads_outside(text) is outside


def test_all_data_paths_are_named_at_once_and_those_of_conf_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "mine.yaml").write_text("file: /mnt/data/mine.csv\n")
    monkeypatch.setattr(schema, "CONF", tmp_path)
    check_part("data", {"file": "/mnt/data/mine.csv"}, "best.ckpt")
    node: dict[str, Any] = {"a": "/x", "b": ["y", "../../z"], "c": {"d": "~/e"}, "f": "/mnt/data/mine.csv"}
    with pytest.raises(
        UserError, match=r"^best\.ckpt: data\.a is '/x'; .*: data\.a=\.\.\. data\.b=\.\.\. data\.c\.d=\.\.\.$"
    ):
        check_part("data", node, "best.ckpt")
    check_part("data", node, "best.ckpt", typed=["data.a", "data.b", "data.c"])
    check_part("data", node, "best.ckpt", own=True)
    check_part("model", node, "best.ckpt")


def test_nothing_else_is_composed_from_the_folder_of_a_foreign_configuration(work: Path, tmp_path: Path) -> None:
    shutil.copytree(work / "run", tmp_path / "run")
    (tmp_path / "run" / "callbacks").mkdir()
    (tmp_path / "run" / "callbacks" / "default.yaml").write_text("x: {_target_: os.system}\n")
    arguments = [f"--config-path={tmp_path}/run", "--config-name=config"]
    check_foreign_config([*arguments, "callbacks.x=1", "seed=1"], CONF, "train")
    for override in ("callbacks=default", "+callbacks=default", "callbacks@x=default", "+callbacks@_global_=default"):
        with pytest.raises(UserError, match=r"^callbacks: .*only config\.yaml is taken from there"):
            check_foreign_config([*arguments, override], CONF, "train")
