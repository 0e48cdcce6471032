"""What a resumed run has logged is what one that never stopped has."""

import csv
import time
from pathlib import Path

import pytest

from trainhouse.tests.common import run_script
from trainhouse.tests.resume.continued import OPTIONS
from trainhouse.tests.tiny import tiny_config
from trainhouse.training.train import train

LOGGED = ["trainer.log_every_n_steps=1", "callbacks.epoch_checkpoint.every_n_epochs=1", "preflight=false"]


def steps(folder: Path) -> list[dict[str, float]]:
    """What the CSV logger has kept, with the order of its rows."""
    with open(folder / "logs" / "steps" / "metrics.csv", newline="") as file:
        return [{name: float(value) for name, value in row.items() if value} for row in csv.DictReader(file)]


@pytest.mark.filterwarnings("ignore:Experiment logs directory")
@pytest.mark.parametrize("start", ["epoch_001", None])
def test_what_the_csv_logger_has_kept_is_that_of_a_run_that_never_stopped(start: str | None, tmp_path: Path) -> None:
    config = tiny_config(tmp_path / "rows.npy", "logger=csv", *LOGGED, "trainer.max_epochs=3")
    train(config, tmp_path / "run")
    whole = steps(tmp_path / "run")
    assert [row["step"] for row in whole if "step/loss" in row] == list(range(9))
    train(config, tmp_path / "run", resume_from=tmp_path / f"run/checkpoints/{start}.ckpt" if start else None)
    assert steps(tmp_path / "run") == whole


def test_a_resume_does_not_say_that_what_was_logged_is_deleted(run: Path) -> None:
    made = [*OPTIONS, "logger=csv", "hydra.run.dir=outputs/csv", "trainer.max_epochs=1"]
    assert run_script("train.py", *made, cwd=Path.cwd()).returncode == 0
    done = run_script("train.py", "resume=outputs/csv", "trainer.max_epochs=2", cwd=Path.cwd())
    assert done.returncode == 0, done.stderr
    assert "delete" not in done.stdout + done.stderr


def test_what_tensorboard_shows_is_that_of_a_run_that_never_stopped(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    config = tiny_config(tmp_path / "rows.npy", "logger=tensorboard", *LOGGED, "trainer.max_epochs=3")
    train(config, tmp_path / "run")
    shown = {}
    for resumed in (False, True):
        if resumed:
            time.sleep(1.1)  # TensorBoard reads its files in the order of the seconds in their names
            train(config, tmp_path / "run", resume_from=tmp_path / "run/checkpoints/epoch_002.ckpt")
        events = EventAccumulator(str(tmp_path / "run"), {"scalars": 0})
        events.Reload()
        shown[resumed] = {tag: [(e.step, e.value) for e in events.Scalars(tag)] for tag in events.Tags()["scalars"]}
    assert len(shown[False]["step/loss"]) == 9
    for tag in ("step/loss", "step/lr", "train/loss", "val/loss"):
        assert shown[True][tag] == shown[False][tag], tag
