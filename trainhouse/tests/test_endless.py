"""No loop of the project is without an end: what it waits for or looks for may never come."""

import errno
import sys
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from trainhouse.configuration.errors import UserError, causes, fault_of_the_machine
from trainhouse.configuration.targets import locate
from trainhouse.launching.compose_errors import explain
from trainhouse.runs import run_folder
from trainhouse.tests.common import CONF, run_script

GONE = "is a link to /nowhere/disk, which does not exist; mount or create it, or remove the link"


@pytest.mark.skipif(sys.platform == "win32", reason="makes links")
@pytest.mark.parametrize(
    ("link", "arguments", "said"),
    [
        ("outputs", [], f"hydra.run.dir: outputs {GONE}"),
        ("outputs", ["hydra.run.dir=outputs/mine"], f"hydra.run.dir: outputs {GONE}"),
        ("outputs/mine", ["hydra.run.dir=outputs/mine"], f"hydra.run.dir: outputs/mine {GONE}"),
        ("outputs", ["-m", "seed=1,2"], f"hydra.sweep.dir: outputs {GONE}"),
        ("outputs", ["-m", "seed=1,2", "hydra.sweep.dir=outputs/a/b"], f"hydra.sweep.dir: outputs {GONE}"),
    ],
)
def test_a_link_to_a_disk_that_is_not_there_ends_in_one_line(
    link: str, arguments: list[str], said: str, tmp_path: Path
) -> None:
    (tmp_path / link).parent.mkdir(exist_ok=True)
    (tmp_path / link).symlink_to("/nowhere/disk")
    done = run_script("train.py", *arguments, cwd=tmp_path, timeout=30)
    assert (done.returncode, done.stderr) == (1, f"error: {said}\n")


def test_a_file_in_place_of_a_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "outputs").touch()
    done = run_script("train.py", "hydra.run.dir=outputs/mine", cwd=tmp_path, timeout=30)
    assert done.returncode == 1
    assert done.stderr.startswith("error: hydra.run.dir: ")
    assert done.stderr.count("\n") == 1


def test_more_runs_of_one_name_than_there_can_be_end_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_folder, "_MOST_AT_ONCE", 3)
    for name in ("run", "run-1", "run-2"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.yaml").touch()
    config = OmegaConf.create(
        {"outputs": "outputs", "hydra": {"run": {"dir": str(tmp_path / "run")}, "overrides": {"hydra": [], "task": []}}}
    )
    monkeypatch.setattr(run_folder.HydraConfig, "instance", lambda: type("Any", (), {"set_config": lambda *_: None})())
    with pytest.raises(SystemExit, match=r"run and 2 more of its name hold a run; name another"):
        run_folder._claim(config, "run", run_folder._take)


def test_errors_that_are_their_own_cause_are_said_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    error, other = ValueError("a"), TypeError("b")
    error.__cause__, other.__cause__ = other, error
    assert list(causes(error)) == [error, other]
    error.__cause__ = error
    assert list(causes(error)) == [error]
    assert explain(error, CONF, "train", []) == "a"
    lines = ["try:", "    1 / 0", "except Exception as error:", "    raise error from error"]
    (tmp_path / "circular_cause.py").write_text("\n".join(lines) + "\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UserError, match=r"'circular_cause\.Net' \(ZeroDivisionError: division by zero in .*, line 2\)"):
        locate("circular_cause.Net", "model")


def test_a_fault_behind_an_error_that_is_its_own_cause_is_looked_for_once() -> None:
    error = ValueError("a")
    error.__cause__ = error
    assert fault_of_the_machine(error) is None
    error.__cause__ = other = TypeError("b")
    other.__context__ = OSError(errno.ENOSPC, "No space left on device", "x.ckpt")
    assert fault_of_the_machine(error) == "x.ckpt: No space left on device"
