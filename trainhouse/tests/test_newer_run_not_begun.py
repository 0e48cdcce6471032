"""`resume=last` names a newer run that was stopped before it had a configuration, and resumes the one before."""

import json
import os
import shutil
from pathlib import Path

import pytest

from trainhouse.tests.common import run_script

OPTIONS = ["data.rows=200", "model=linear", "trainer=cpu", "trainer.max_epochs=1", "logger=none", "preflight=false"]
REFUSED = "2026-01-01 10:00:00,000 ERROR   error: monitor: 'x' is not logged\n"


@pytest.fixture
def finished(tmp_path: Path) -> Path:
    done = run_script("train.py", *OPTIONS, "hydra.run.dir=outputs/old", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    return tmp_path / "outputs/old"


def leave_a_log(folder: Path, text: str, later: float = 100.0) -> None:
    """Leave what a run leaves that is ended before it begins."""
    (folder / "logs").mkdir(parents=True)
    log = folder / "logs/training.log"
    log.write_text(text)
    moment = (folder.parent / "old/metrics.json").stat().st_mtime + later
    os.utime(log, (moment, moment))


def test_a_newer_folder_without_a_run_is_named(finished: Path) -> None:
    outputs = finished.parent
    leave_a_log(outputs / "interrupted", "2026-01-01 10:00:00,000 ERROR   interrupted\n")
    leave_a_log(outputs / "killed", "", later=200.0)
    shutil.copytree(finished / ".hydra", outputs / "killed/.hydra")
    for name in ("killed", "interrupted"):
        done = run_script("train.py", "resume=last", cwd=outputs.parent)
        assert done.returncode == 0, done.stderr
        assert done.stderr.splitlines() == [
            f"warning: resume: outputs/{name} is newer, but has not begun (it has no config.yaml); "
            "outputs/old is resumed"
        ]
        assert json.loads((finished / "metrics.json").read_text())["status"] == "completed"
        shutil.rmtree(outputs / name)


def test_what_was_refused_evaluated_or_is_older_is_not(finished: Path) -> None:
    outputs = finished.parent
    leave_a_log(outputs / "refused", REFUSED)
    leave_a_log(outputs / "older", "", later=-1000.0)
    done = run_script("eval.py", "ckpt_path=outputs/old", cwd=outputs.parent)
    assert done.returncode == 0, done.stderr
    assert len(list(outputs.rglob("training.log"))) == 4
    done = run_script("train.py", "resume=last", cwd=outputs.parent)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
