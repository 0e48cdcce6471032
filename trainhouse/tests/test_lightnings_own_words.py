"""What Lightning refuses by itself ends in its own words, on a line; an error in a user's step keeps its traceback."""

from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from torch import Tensor

from trainhouse.configuration.errors import UserError, refusal_of_lightning
from trainhouse.launching.failure import report
from trainhouse.tests.common import run_script
from trainhouse.tests.own import OwnData, OwnModule, own_config
from trainhouse.training.train import train


class Manual(OwnModule):
    def __init__(self) -> None:
        super().__init__()
        self.automatic_optimization = False

    def training_step(self, batch: list[Tensor], batch_idx: int) -> None:  # type: ignore[override]
        self.optimizers()


class Raises(OwnModule):
    """Fails in its own code, which Lightning calls."""

    def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        raise ValueError("mine")


class TakesMore(OwnModule):
    """Can't be called with what Lightning has."""

    def training_step(self, batch: list[Tensor], batch_idx: int, more: Any) -> Tensor:  # type: ignore[override]
        return torch.zeros(())


def failing(module: type, folder: Path, *overrides: str) -> Exception:
    with pytest.raises(Exception) as caught:  # noqa: PT011  # each of another class
        train(own_config(module, OwnData, "preflight=false", *overrides), folder)
    return caught.value


def test_a_refusal_of_the_run_names_the_key(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    error = failing(Manual, tmp_path, "trainer.gradient_clip_val=1")
    assert isinstance(error, MisconfigurationException)
    line = report(error, show_traceback=False, quiet=False)
    assert line.startswith("error: Automatic gradient clipping is not supported for manual optimization.")
    assert line.endswith("(here trainer.gradient_clip_val)")
    assert capsys.readouterr().err == f"{line}\n"


def test_other_errors_that_it_raises_are_its_words_too(tmp_path: Path) -> None:
    error = failing(OwnModule, tmp_path, "monitor=vl", "mode=min")
    assert isinstance(error, RuntimeError)
    assert str(refusal_of_lightning(error)).startswith(
        "Early stopping conditioned on metric `vl` which is not available"
    )


@pytest.mark.parametrize(("module", "kind"), [(Raises, ValueError), (TakesMore, TypeError)])
def test_an_error_of_a_users_own_step_is_none_of_its(module: type, kind: type, tmp_path: Path) -> None:
    error = failing(module, tmp_path)
    assert type(error) is kind
    assert refusal_of_lightning(error) is None


def test_what_was_never_raised_is_no_refusal() -> None:
    assert refusal_of_lightning(ValueError("mine")) is None


@pytest.mark.parametrize("overrides", [["trainer.gradient_clip_val=1"], ["trainer.val_check_interval=9"]])
def test_the_trial_and_the_run_end_in_one_line(overrides: list[str], tmp_path: Path) -> None:
    try:
        train(own_config(Manual, OwnData, *overrides), tmp_path)
    except UserError as error:
        said = str(error)
    except Exception as error:
        said = refusal_of_lightning(error) or ""
    assert said
    assert "\n" not in said


def test_a_process_for_another_device_shows_no_traceback_that_nobody_asked_for(tmp_path: Path) -> None:
    inherited = {"LOCAL_RANK": "1", "HYDRA_FULL_ERROR": "1"}  # the first process has set it for Hydra
    for asked in ("0", "1"):
        done = run_script("train.py", "monitor=nope", cwd=tmp_path, **inherited, TRAINHOUSE_FULL_ERROR=asked)
        assert done.returncode == 1
        assert "error: monitor: 'nope' is not logged" in done.stderr
        assert ("Traceback" in done.stderr) == (asked == "1")
