"""The preflight with a module and data of one's own: what fails is found, what more rows may mend is a warning."""

import logging
import threading
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

from trainhouse.configuration.errors import UserError
from trainhouse.tests.own import OPTIONS, OwnData, OwnModule, Validated, own_config
from trainhouse.training.preflight import preflight
from trainhouse.training.train import train


class Validates(OwnModule):
    def validation_step(self, batch: list[Tensor], batch_idx: int) -> None:
        self.log("val_loss", self.layer(batch[0]).mean())


def test_it_says_what_is_logged_and_what_the_first_batch_is() -> None:
    logged = preflight(Validates(), Validated(), [], OPTIONS)
    assert (logged.names, logged.is_complete) == (["train/loss", "val_loss"], True)
    again = preflight(Validates(), Validated(), [], OPTIONS)
    assert logged.first_batches == again.first_batches
    assert len(logged.first_batches) == 1
    assert logged.first_batches[0] is not None


def test_nothing_is_left_behind() -> None:
    module = Validates()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    torch.manual_seed(3)
    state = torch.get_rng_state()
    preflight(module, Validated(), [], OPTIONS)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    assert module._trainer is None


class Locked(OwnModule):
    """Holds what can't be copied."""

    def __init__(self) -> None:
        super().__init__()
        self.lock = threading.Lock()


def test_a_module_that_can_not_be_copied_trains_without_it(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    assert train(own_config(Locked), tmp_path).epochs == 2
    assert "preflight: left out, as the module can't be copied (cannot pickle '_thread.lock' object)" in caplog.text
    assert not preflight(Locked(), OwnData(), [], OPTIONS).is_complete


class NeedsAll(Validates):
    """Computes something at the end of an epoch that one batch is too little for."""

    def on_validation_epoch_start(self) -> None:
        self.seen = 0

    def validation_step(self, batch: list[Tensor], batch_idx: int) -> None:
        super().validation_step(batch, batch_idx)
        self.seen += len(batch[0])

    def on_validation_epoch_end(self) -> None:
        if self.seen < 6:
            raise ValueError(f"all classes are needed,\nbut {self.seen} rows have two of them")


def test_what_fails_at_the_end_of_an_epoch_of_one_batch_is_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert train(own_config(NeedsAll, Validated), tmp_path).epochs == 2
    said = [record.message for record in caplog.records if "end of an epoch" in record.message]
    assert said == [
        "warning: the end of an epoch of one batch fails (ValueError: all classes are needed, but 3 rows have two of "
        "them); with all batches it may be right"
    ]


class Broken(Validates):
    def validation_step(self, batch: list[Tensor], batch_idx: int) -> None:
        raise RuntimeError("shapes (3, 2) and (4, 1) don't fit")


def test_what_fails_in_a_step_ends_the_run_before_training(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="shapes"):
        train(own_config(Broken, Validated), tmp_path)
    assert not (tmp_path / "logs" / "metrics.csv").exists()


class Draws(OwnModule):
    """Writes to its logger, whatever that is."""

    def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        self.logger.experiment.add_histogram("weights", self.layer.weight, self.global_step)
        self.logger.log_metrics({"mine": 1.0}, self.global_step)
        return super().training_step(batch, batch_idx)


def test_loggers_are_stand_ins(tmp_path: Path) -> None:
    assert preflight(Draws(), OwnData(), [], OPTIONS).is_complete
    assert train(own_config(Draws, OwnData, "logger=tensorboard"), tmp_path).epochs == 2


class WrongRate(OwnModule):
    def configure_optimizers(self) -> Any:
        return torch.optim.SGD(self.parameters(), lr=-1.0)


class NoRows(OwnData):
    def train_dataloader(self) -> Any:
        return DataLoader(TensorDataset(torch.ones(4, 2)), batch_size=0)


class TooShort(OwnData):
    def setup(self, stage: str) -> None:
        raise ValueError("rows: expected more than 3, got 2")


@pytest.mark.parametrize(
    ("module", "data", "message"),
    [
        (WrongRate, OwnData, r"^model: Invalid learning rate: -1\.0$"),
        (OwnModule, NoRows, r"^data\.batch_size: |^data: batch_size should be a positive integer value"),
        (OwnModule, TooShort, r"^data\.rows: expected more than 3, got 2$"),
    ],
)
def test_a_value_that_ones_own_class_refuses_is_one_line(
    module: type, data: type, message: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=message):
        train(own_config(module, data), tmp_path)


class Lazy(Validates):
    """Has a layer that is as large as its first batch makes it."""

    def __init__(self) -> None:
        super().__init__()
        self.late = torch.nn.LazyLinear(1)

    def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        return super().training_step(batch, batch_idx) + self.late(batch[0]).mean()


def test_a_layer_without_a_size_yet_is_tried_out_too() -> None:
    assert preflight(Lazy(), Validated(), [], OPTIONS).is_complete


class NoBatch(OwnData):
    def train_dataloader(self) -> Any:
        return DataLoader(TensorDataset(torch.ones(2, 2)), batch_size=3, drop_last=True)


@pytest.mark.filterwarnings("ignore:Total length of")
def test_data_without_a_batch_to_train_on_is_refused() -> None:
    with pytest.raises(UserError, match=r"^data: the train_dataloader of NoBatch has no batch; with drop_last=True"):
        preflight(OwnModule(), NoBatch(), [], OPTIONS)
