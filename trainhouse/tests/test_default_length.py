"""How long a run is of which nobody has said it."""

from pathlib import Path
from typing import Any

import pytest

from trainhouse.configuration.errors import UserError
from trainhouse.configuration.settings import Train
from trainhouse.tests.common import composed
from trainhouse.tests.own import OwnData
from trainhouse.tests.tiny import CLASSES, tiny_data
from trainhouse.training.default_length import with_length
from trainhouse.training.resume import resume

BATCHES = 5  # of 22 training rows, five at a time
STEPS = "data.batch_size=5"


def epochs(*overrides: str, data: Any = None, own: bool = False) -> Any:
    settings: Train = composed(STEPS, *overrides)
    return with_length(settings, data or tiny_data(CLASSES), own).trainer.max_epochs


def patience(*overrides: str, data: Any = None, own: bool = False) -> Any:
    settings: Train = composed(STEPS, *overrides)
    return with_length(settings, data or tiny_data(CLASSES), own).callbacks.early_stopping.patience


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ((), 1000 // BATCHES),
        (("trainer.max_epochs=20",), 20),
        (("trainer.max_epochs=-1",), -1),
        (("trainer.accumulate_grad_batches=2",), 334),  # three steps an epoch
        (("trainer.min_epochs=300",), 300),
        (("trainer.limit_train_batches=2",), 500),
        (("trainer.limit_train_batches=0.4",), 500),
        (("trainer.max_steps=2000",), 400),  # as far as the steps that were asked for
        (("trainer.devices=2",), 334),
        (("callbacks.early_stopping=null",), 20),
        (("callbacks=none",), 20),
        (("monitor=null",), 20),
        (("debug=fast_dev_run",), 20),
        (("trainer.overfit_batches=1",), 20),
        (("debug=limit",), 3),
    ],
)
def test_a_run_on_few_rows_has_enough_steps_unless_its_length_is_said(
    overrides: tuple[str, ...], expected: int
) -> None:
    assert epochs(*overrides) == expected


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ((), 200 // BATCHES),
        (("callbacks.early_stopping.patience=3",), 3),
        (("trainer.max_epochs=300",), 40),
        (("trainer.accumulate_grad_batches=2",), 67),  # three steps an epoch
        (("trainer.check_val_every_n_epoch=2",), 20),
        (("trainer.val_check_interval=0.5",), 80),
        (("trainer.val_check_interval=2",), 100),  # batches
        (("trainer.val_check_interval=500", "trainer.check_val_every_n_epoch=null"), 10),
        (("data.batch_size=1",), 10),  # 22 steps an epoch
        (("trainer.overfit_batches=1",), 10),
    ],
)
def test_early_stopping_waits_for_enough_steps_on_few_rows_unless_its_patience_is_said(
    overrides: tuple[str, ...], expected: int
) -> None:
    assert patience(*overrides) == expected


def test_many_rows_are_passed_over_twenty_times() -> None:
    assert epochs(data=tiny_data(CLASSES, rows=500)) == 20


def test_what_the_user_brings_keeps_twenty() -> None:
    assert epochs(own=True) == 20
    assert epochs(data=OwnData()) == 20
    assert patience(own=True) == patience(data=OwnData()) == 10


def test_a_schedule_that_refers_to_the_length_gets_a_number() -> None:
    cosine = ["scheduler=plateau", "scheduler.patience=${trainer.max_epochs}"]
    assert epochs(*cosine) == composed(*cosine).scheduler.get("patience") == 20
    plateau = ["scheduler=plateau", "scheduler.patience=${callbacks.early_stopping.patience}"]
    assert patience(*plateau) == composed(*plateau).scheduler.get("patience") == 10


def test_a_run_that_is_resumed_asks_for_a_number(made_once: Any, tmp_path: Path) -> None:
    from trainhouse.tests.tiny import tiny_run

    folder = tiny_run(made_once)
    with pytest.raises(UserError, match=r"trainer\.max_epochs: the run has 2; give another number"):
        resume(folder, composed(), ["trainer.max_epochs=auto"])
    with pytest.raises(UserError, match=r"early_stopping\.patience: the run has \d+; give another number"):
        resume(folder, composed(), ["callbacks.early_stopping.patience=auto"])
