"""``log_gradients=true``: the norm is that of the step, however its gradients come about."""

from pathlib import Path
from typing import Any

import lightning as L
import pytest
import torch
from lightning.pytorch.callbacks import Checkpoint
from lightning.pytorch.loggers.logger import DummyLogger
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from trainhouse.runs.tensorboard_logger import TensorBoardLogger
from trainhouse.tests.logged import shown
from trainhouse.tests.tiny import CLASSES, tiny_data, tiny_module, tiny_trainer
from trainhouse.training.callbacks import History
from trainhouse.training.gradients import GradientLog


class Memory(DummyLogger):
    """Keeps the rows."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[Any] = []

    def log_metrics(self, metrics: Any, step: int | None = None) -> None:
        self.rows.append((step, metrics))

    def norms(self) -> dict[str, list[Any]]:
        found: dict[str, list[Any]] = {}
        for step, row in self.rows:
            for name in row.keys() & {"step/gradient_norm", "step/gradient_norm_0", "step/gradient_norm_1"}:
                found.setdefault(name, []).append((step, row[name]))
        return found


class Line(L.LightningModule):
    """The gradient of its one weight is the mean of what it is given: 1, 2, 3, ..."""

    def __init__(self, optimizers: int = 1) -> None:
        super().__init__()
        self.weights = nn.ParameterList([nn.Parameter(torch.ones(1)) for _ in range(optimizers)])
        self.automatic_optimization = optimizers == 1

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        loss = (self.weights[0] * batch[0]).mean()
        self.log("loss", loss.detach(), on_step=False, on_epoch=True)
        if self.automatic_optimization:
            return loss
        for number, optimizer in enumerate(self.optimizers()):
            optimizer.zero_grad()
            self.manual_backward((self.weights[number] * batch[0] * (number + 1)).mean())
            optimizer.step()
        return None

    def configure_optimizers(self) -> Any:
        return [torch.optim.SGD([weight], lr=0.1) for weight in self.weights]


def fit(module: L.LightningModule, *callbacks: L.Callback, **options: Any) -> Memory:
    logger = Memory()
    common = {"max_epochs": 1, "accelerator": "cpu", "enable_progress_bar": False, "enable_model_summary": False}
    trainer = L.Trainer(
        **{**common, "log_every_n_steps": 1, **options},  # type: ignore[arg-type]
        logger=logger,
        callbacks=[GradientLog(), *callbacks],
        enable_checkpointing=any(isinstance(one, Checkpoint) for one in callbacks),
    )
    trainer.fit(module, DataLoader(TensorDataset(torch.arange(1.0, 7.0)), batch_size=1))
    return logger


def test_the_norm_is_that_of_the_gradients_before_they_are_clipped() -> None:
    expected = {"step/gradient_norm": [(step, step + 1.0) for step in range(6)]}
    assert fit(Line(), gradient_clip_val=0.5).norms() == expected


def test_the_norm_is_of_all_batches_that_make_a_step() -> None:
    logger = fit(Line(), accumulate_grad_batches=2)
    assert logger.norms() == {"step/gradient_norm": [(0, 1.5), (1, 3.5), (2, 5.5)]}


def test_the_norm_is_logged_when_steps_are_logged() -> None:
    assert [step for step, _ in fit(Line(), log_every_n_steps=4).norms()["step/gradient_norm"]] == [0, 4]


def test_the_norm_is_in_the_gradients_own_scale_under_mixed_precision() -> None:
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    plugin = L.pytorch.plugins.MixedPrecision("16-mixed", "cpu", scaler)
    norms = fit(Line(), plugins=[plugin]).norms()["step/gradient_norm"]
    assert [norm for _, norm in norms] == [pytest.approx(number + 1.0) for number in range(6)]


def test_each_optimizer_has_its_norm_at_the_steps_of_the_other_values() -> None:
    norms = fit(Line(optimizers=2)).norms()
    assert norms == {
        "step/gradient_norm_0": [(step, step + 1.0) for step in range(6)],
        "step/gradient_norm_1": [(step, 2.0 * (step + 1)) for step in range(6)],
    }


@pytest.mark.parametrize("optimizers", [1, 2])
def test_the_table_of_epochs_has_the_steps_that_loggers_have(optimizers: int, tmp_path: Path) -> None:
    history = History(tmp_path / "logs/metrics.csv")
    logger = fit(Line(optimizers), history, max_epochs=2, num_sanity_val_steps=0)
    logged = [(step, row["loss"]) for step, row in logger.rows if "loss" in row]
    assert [(row["step"], pytest.approx(row["loss"])) for row in history.rows] == logged
    assert [step for step, _ in logged] == [5, 11]


def test_weights_are_shown_once_an_epoch_and_what_is_not_finite_in_them_is_left_out(tmp_path: Path) -> None:
    data, logger = tiny_data(CLASSES), TensorBoardLogger(tmp_path, name="", version="")
    module: Any = tiny_module(data)
    module.register_parameter("odd", nn.Parameter(torch.tensor([1.0, float("inf")]), requires_grad=False))
    module.register_parameter("lost", nn.Parameter(torch.tensor([float("nan")]), requires_grad=False))
    tiny_trainer(tmp_path, GradientLog(), max_epochs=2, logger=logger).fit(module, data)
    logger.close()
    events = EventAccumulator(str(tmp_path), {"histograms": 0})
    events.Reload()
    names = {name for name, _ in module.named_parameters()} - {"lost"}
    assert set(events.Tags()["histograms"]) == {f"weights/{name}" for name in names}
    odd = events.Histograms("weights/odd")
    assert [event.histogram_value.num for event in odd] == [1, 1]
    assert [event.step for event in odd] == [event.step for event in events.Scalars("train/loss")]
    assert "step/gradient_norm" in shown(tmp_path)
