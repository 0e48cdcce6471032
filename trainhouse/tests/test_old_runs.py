"""What an older version of the project wrote still evaluates, predicts, is promoted and resumes."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from trainhouse.tests.common import read_history, run_script

OLD = Path(__file__).parent / "old_runs"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A working folder of one's own with the old runs in it."""
    shutil.copytree(OLD, tmp_path, dirs_exist_ok=True)
    return tmp_path


def test_an_old_run_evaluates_to_the_numbers_that_it_had(folder: Path) -> None:
    done = run_script("eval.py", "ckpt_path=finished", "hydra.run.dir=evaluated", cwd=folder)
    assert done.returncode == 0, done.stderr
    before = json.loads((folder / "finished/metrics.json").read_text())["metrics"]
    now = json.loads((folder / "evaluated/metrics.json").read_text())["metrics"]
    assert now == {name: pytest.approx(value, rel=1e-6) for name, value in before.items() if name.startswith("test/")}


def test_an_old_checkpoint_predicts(folder: Path) -> None:
    np.save(folder / "new.npy", np.zeros((3, 4), dtype=np.float32))
    done = run_script(
        "infer.py", "ckpt_path=finished", "input=new.npy", "output=predictions.csv", "accelerator=cpu", cwd=folder
    )
    assert done.returncode == 0, done.stderr
    assert len((folder / "predictions.csv").read_text().splitlines()) == 4


def test_an_old_run_is_promoted(folder: Path) -> None:
    done = run_script("select_best_model.py", "runs=finished", cwd=folder)
    assert done.returncode == 0, done.stderr
    best = folder / "finished/checkpoints/best_model.ckpt"
    assert (folder / "checkpoints/final_model.ckpt").read_bytes() == best.read_bytes()


def test_an_old_run_that_was_killed_resumes_in_its_folder(folder: Path) -> None:
    before = read_history(folder / "killed/logs/metrics.csv")
    done = run_script("train.py", "resume=killed", "trainer.max_epochs=12", cwd=folder)
    assert done.returncode == 0, done.stderr
    rows = read_history(folder / "killed/logs/metrics.csv")
    assert rows[: len(before)] == before
    assert [row["epoch"] for row in rows] == [*range(1, 13)]
    assert json.loads((folder / "killed/metrics.json").read_text())["status"] == "completed"


def test_an_old_run_is_run_again_from_its_configuration(folder: Path) -> None:
    done = run_script(
        "train.py", f"--config-path={folder / 'finished'}", "--config-name=config", "hydra.run.dir=again", cwd=folder
    )
    assert done.returncode == 0, done.stderr
    before, now = (read_history(folder / name / "logs/metrics.csv") for name in ("finished", "again"))
    losses = [[row["val/loss"] for row in rows] for rows in (before, now)]
    assert losses[1] == pytest.approx(losses[0], rel=1e-5)


def test_an_old_checkpoint_is_started_from(folder: Path) -> None:
    arguments = ["data.rows=60", "data.columns=4", "data.classes=3", "data.path=rows.npy", "model.hidden_sizes=[8]"]
    done = run_script(
        "train.py", *arguments, "init_from=finished", "trainer=cpu", "trainer.max_epochs=1", "name=new", cwd=folder
    )
    assert done.returncode == 0, done.stderr
    assert "weights from finished/checkpoints/best_model.ckpt (epoch 3)" in done.stdout
