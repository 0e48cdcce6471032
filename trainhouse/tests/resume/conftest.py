"""A run to resume, finished or killed."""

import logging
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from trainhouse.tests.common import run_script
from trainhouse.tests.resume.continued import OPTIONS

MadeOnce = Callable[[str, Callable[[Path], None]], Path]


@pytest.fixture(scope="session")
def made(made_once: MadeOnce) -> Path:
    """Three epochs of a run from the command line, whose loss falls in each; only read it."""

    def make(folder: Path) -> None:
        done = run_script("train.py", *OPTIONS, "hydra.run.dir=outputs/run", cwd=folder)
        assert done.returncode == 0, done.stdout + done.stderr

    return made_once("resumed_run", make)


@pytest.fixture
def run(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Path:
    """A finished run of one's own, in a working folder of its own."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    caplog.set_level(logging.INFO, logger="trainhouse")
    return Path("outputs/run")


@pytest.fixture
def killed(run: Path) -> Path:
    """The same, killed in its third epoch: the second is the newest it has saved."""
    checkpoints = run / "checkpoints"
    shutil.copy(checkpoints / "epoch_002.ckpt", checkpoints / "last.ckpt")
    (checkpoints / "epoch_003.ckpt").unlink()
    (checkpoints / "best_model.ckpt").unlink()  # of the third epoch
    (run / "metrics.json").write_text('{"status": "running", "metrics": {}, "provenance": {}}\n')
    return run
