"""One progress bar is drawn, whoever draws it, and only where it can be; what is off is not built."""

import sys
from pathlib import Path
from typing import Any

import lightning as L
import pytest
from lightning.pytorch.callbacks import ProgressBar, TQDMProgressBar

from trainhouse.configuration.errors import UserError
from trainhouse.machine import terminal
from trainhouse.tests.common import composed
from trainhouse.tests.own import OwnData, OwnModule, own_config
from trainhouse.tests.tiny import tiny_config
from trainhouse.training.left_out import left_out
from trainhouse.training.train import train


class MyBar(ProgressBar):
    """A user's own: where it may write, only it knows."""

    def disable(self) -> None:
        """Nothing is shown."""


class BringsABar(OwnModule):
    """Configures its bar by itself."""

    bar: Any = None

    def configure_callbacks(self) -> list[L.Callback]:
        type(self).bar = TQDMProgressBar()
        return [type(self).bar]


MINE = f"+callbacks.mine={{_target_:{__name__}.MyBar}}"
TQDM = "callbacks=[default,tqdm_progress_bar]"
BOTH = {"progress_bar", "tqdm_progress_bar"}


@pytest.mark.parametrize(
    ("overrides", "shown", "expected"),
    [
        ([], True, set()),
        ([TQDM], True, {"progress_bar"}),
        (["callbacks=[rich_progress_bar,default]"], True, {"progress_bar"}),
        ([TQDM], False, BOTH),
        ([MINE], True, {"progress_bar"}),
        ([MINE], False, {"progress_bar"}),
        ([TQDM, "trainer.enable_progress_bar=false"], True, BOTH),
        (["+trainer.enable_checkpointing=false"], True, {"epoch_checkpoint", "best_checkpoint", "last_checkpoint"}),
        (["monitor=null"], True, {"best_checkpoint", "early_stopping"}),
    ],
)
def test_one_bar_is_drawn_and_what_is_off_is_not_built(
    overrides: list[str], shown: bool, expected: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: shown, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name in ("NO_COLOR", "CI", "JPY_PARENT_PID"):
        monkeypatch.delenv(name, raising=False)
    assert left_out(composed(*overrides)) == expected


def test_two_bars_are_refused() -> None:
    with pytest.raises(
        UserError, match=r"^callbacks: callbacks.tqdm_progress_bar and callbacks.mine are progress bars"
    ):
        left_out(composed(TQDM, MINE))


def test_a_sweep_keeps_bars_from_its_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terminal, "has_live_line", lambda: True)
    assert left_out(composed(TQDM)) == {"progress_bar"}
    with terminal.quiet():
        assert left_out(composed(TQDM)) == BOTH


def test_a_bar_that_a_module_brings_is_not_drawn_into_a_pipe(tmp_path: Path) -> None:
    train(own_config(BringsABar, OwnData, "preflight=false"), tmp_path)
    assert BringsABar.bar.is_disabled


def test_lines_are_said_above_a_bar_of_tqdm(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from tqdm import tqdm

    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    with tqdm(total=2, initial=1, file=sys.stdout):
        terminal.say("a line")
    before, _, after = capsys.readouterr().out.partition("a line\n")
    assert before.endswith("\r")  # where the bar was is empty again
    assert "1/2" in after


def test_a_run_without_checkpoints_is_tested_and_says_that_nothing_is_kept(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", logger="trainhouse"):
        result = train(tiny_config(tmp_path / "rows.npy", "+trainer.enable_checkpointing=false"), tmp_path / "run")
    assert result.best_model is None
    assert {"val/loss", "test/loss"} <= result.metrics.keys()
    assert not [*(tmp_path / "run/checkpoints").glob("*.ckpt")]
    assert "no checkpoint will be kept" in caplog.text


@pytest.mark.filterwarnings("ignore:You are trying to `self.log")
def test_a_bare_run_trains_with_nothing_around_it(tmp_path: Path) -> None:
    bare = ["+trainer.barebones=true", "logger=none", "figures=false"]
    with pytest.raises(UserError, match=r"^trainer.barebones: .* add monitor=null$"):
        train(tiny_config(tmp_path / "rows.npy", *bare), tmp_path / "refused")
    result = train(tiny_config(tmp_path / "rows.npy", *bare, "monitor=null"), tmp_path / "run")
    assert result.epochs == 2
    assert not [*(tmp_path / "run/checkpoints").glob("*.ckpt")]


def test_validation_by_the_clock_runs_and_is_said_not_to_resume_exactly(tmp_path: Path) -> None:
    every = "trainer.val_check_interval={seconds:0.001}"
    result = train(tiny_config(tmp_path / "rows.npy", every, "trainer.max_epochs=1"), tmp_path / "run")
    assert "val/loss" in result.metrics
    assert '"exact": false' in (tmp_path / "run/metrics.json").read_text()
