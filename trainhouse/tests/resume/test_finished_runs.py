"""A finished run is left as it is, and resumes where it is given more to do."""

import json
import logging
import shutil
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from trainhouse.configuration.errors import UserError
from trainhouse.tests.common import composed, run_script
from trainhouse.tests.resume.continued import OPTIONS, content, resumed
from trainhouse.tests.test_exact_resume import differing, outcome
from trainhouse.training.train import train


def test_a_finished_run_is_left_as_it_is(run: Path) -> None:
    before = content(Path())
    done = run_script("train.py", "resume=last", cwd=Path.cwd())
    assert done.returncode == 0, done.stderr
    assert "outputs/run has already finished after 3 epochs; nothing is changed" in done.stdout
    assert "trainer.max_epochs=6 extends it" in done.stdout
    assert content(Path()) == before


def test_a_finished_run_given_its_own_length_or_less_is_left_as_it_is(run: Path) -> None:
    before = content(Path())
    for epochs in (3, 2):
        assert resumed(run, f"trainer.max_epochs={epochs}").epochs == 3
    assert content(Path()) == before


def test_more_epochs_give_the_run_that_had_them_from_the_start(run: Path) -> None:
    train(composed(*OPTIONS, "trainer.max_epochs=5"), Path("whole"))
    result = resumed(run, "trainer.max_epochs=5")
    assert result.epochs == 5
    assert differing(outcome(Path("whole")), outcome(run)) == []
    assert OmegaConf.load(run / "config.yaml").trainer.max_epochs == 5


def test_a_killed_run_can_be_ended_where_it_is(killed: Path) -> None:
    assert resumed(killed, "trainer.max_epochs=2").epochs == 2
    assert json.loads((killed / "metrics.json").read_text())["status"] == "completed"


def test_fewer_epochs_than_are_trained_end_in_one_line(killed: Path) -> None:
    with pytest.raises(UserError, match=r"trainer\.max_epochs") as refused:
        resumed(killed, "trainer.max_epochs=1")
    assert "\n" not in str(refused.value)


@pytest.fixture
def stopped_early(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copy(made / "rows.npy", tmp_path)
    monkeypatch.chdir(tmp_path)
    result = train(early_stopping(1), Path("outputs/run"))
    assert result.epochs < 8
    return Path("outputs/run")


def early_stopping(patience: int | None) -> dict[str, Any]:
    callback = "callbacks.early_stopping" + ("=null" if patience is None else f".patience={patience}")
    return composed(*OPTIONS, "optimizer.lr=1.0", "trainer.max_epochs=8", callback)


def test_a_run_that_was_stopped_early_is_left_as_it_is(stopped_early: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="trainhouse")
    before = content(Path())
    epochs = resumed(stopped_early).epochs
    assert resumed(stopped_early, "trainer.max_epochs=50").epochs == epochs
    assert f"has already finished after {epochs} epochs" in caplog.text
    assert "it was stopped early; callbacks.early_stopping.patience=" in caplog.text
    assert content(Path()) == before


@pytest.mark.parametrize("patience", [3, None])
def test_more_patience_gives_the_run_that_had_it_from_the_start(patience: int | None, stopped_early: Path) -> None:
    whole = train(early_stopping(patience), Path("whole"))
    override = "callbacks.early_stopping" + ("=null" if patience is None else f".patience={patience}")
    result = resumed(stopped_early, override)
    assert result.epochs == whole.epochs
    assert differing(outcome(Path("whole")), outcome(stopped_early)) == []


def test_more_patience_than_a_run_needs_does_not_call_it_stopped_early(stopped_early: Path) -> None:
    resumed(stopped_early, "callbacks.early_stopping.patience=50")
    written = json.loads((stopped_early / "metrics.json").read_text())
    assert (written["epochs"], written["stopped_by"]) == (8, "max_epochs")
