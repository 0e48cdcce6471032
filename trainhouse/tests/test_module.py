"""The LightningModule: what it logs, what it predicts, what it decays."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning.pytorch.loggers.logger import Logger
from torch.nn import functional as F

from src.models.linear import Linear
from src.models.simple_net import SimpleNet
from src.training.schedules import cosine
from trainhouse.arrays.datamodule import DataModule
from trainhouse.arrays.spec import DataSpec
from trainhouse.tests.tiny import CLASSES, TARGETS, tiny_data, tiny_module, tiny_trainer


def split_of(data: DataModule, split: str) -> tuple[torch.Tensor, torch.Tensor]:
    rows, numbers = data.parts[split]
    return torch.from_numpy(rows.x[numbers]), torch.from_numpy(rows.y[numbers])


class MemoryLogger(Logger):
    def __init__(self) -> None:
        super().__init__()
        self.logged: list[tuple[int | None, dict[str, float]]] = []

    name = version = "memory"

    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        self.logged.append((step, dict(metrics)))

    def log_hyperparams(self, *args: Any, **kwargs: Any) -> None:
        pass


@pytest.mark.parametrize(
    ("spec", "names"),
    [
        (CLASSES, {"train/loss", "train/acc", "val/loss", "val/acc", "val/f1"}),
        (
            TARGETS,
            {
                "train/loss",
                "val/loss",
                "val/r2",
                *(f"val/{name}_{of}" for name in ("rmse", "mae", "r2") for of in "uv"),
            },
        ),
    ],
    ids=["classes", "targets"],
)
def test_an_epoch_logs_the_loss_and_the_tasks_metrics(spec: DataSpec, names: set[str], tmp_path: Path) -> None:
    data = tiny_data(spec)
    trainer = tiny_trainer(tmp_path)
    trainer.fit(tiny_module(data), data)
    assert set(trainer.callback_metrics) == names


def test_val_loss_is_the_mean_over_rows_though_the_last_batch_is_smaller(tmp_path: Path) -> None:
    data = tiny_data(CLASSES)
    module = tiny_module(data)
    found = tiny_trainer(tmp_path).validate(module, data, verbose=False)[0]["val/loss"]
    with torch.inference_mode():
        losses = F.cross_entropy(module(x := split_of(data, "val")[0]), split_of(data, "val")[1], reduction="none")
    assert len(x) == 8
    assert found == pytest.approx(float(losses.mean()), rel=1e-6)
    assert found != pytest.approx(float((losses[:5].mean() + losses[5:].mean()) / 2), rel=1e-3)


def test_metrics_of_an_epoch_forget_the_one_before(tmp_path: Path) -> None:
    data = tiny_data(CLASSES)
    module = tiny_module(data, optimizer=partial(torch.optim.SGD, lr=0.5))
    trainer = tiny_trainer(tmp_path, max_epochs=3)
    trainer.fit(module, data)
    again = tiny_trainer(tmp_path).validate(module, data, verbose=False)[0]
    assert again == pytest.approx({name: float(trainer.callback_metrics[name]) for name in again})


def test_regression_metrics_are_in_the_targets_own_units(tmp_path: Path) -> None:
    data = tiny_data(TARGETS)
    module = tiny_module(data)
    found = tiny_trainer(tmp_path).test(module, data, verbose=False)[0]
    x, y = split_of(data, "test")
    with torch.inference_mode():
        errors = (module.predict(x) - y).numpy()
    for column, name in enumerate("uv"):
        assert found[f"test/rmse_{name}"] == pytest.approx(np.sqrt((errors[:, column] ** 2).mean()), rel=1e-4)
        assert found[f"test/mae_{name}"] == pytest.approx(np.abs(errors[:, column]).mean(), rel=1e-4)
    assert found["test/mae_u"] > 10 > 2 > found["test/mae_v"], "the first target has a deviation of 100"
    assert not {"test/mae", "test/rmse"} & set(found), "which would add up two units"
    assert found["test/loss"] < 10, "the loss is of standardised targets"


def test_an_untrained_regression_is_near_the_targets_mean() -> None:
    data = tiny_data(TARGETS)
    module = tiny_module(data, Linear((4,), 2))
    torch.nn.init.zeros_(module.network.output.weight)
    torch.nn.init.zeros_(module.network.output.bias)
    x, y = split_of(data, "train")
    torch.testing.assert_close(module.predict(x), y.mean(dim=0).expand(len(x), 2), rtol=1e-4, atol=1e-4)


def test_a_constant_target_gives_finite_numbers(tmp_path: Path) -> None:
    data = tiny_data(TARGETS)
    data.parts["train"][0].y[:, 1] = 7.0
    module = tiny_module(data)
    trainer = tiny_trainer(tmp_path)
    trainer.fit(module, data)
    assert torch.isfinite(trainer.callback_metrics["train/loss"])
    assert torch.isfinite(module.predict(split_of(data, "test")[0])).all()


def test_predict_gives_probabilities_that_sum_to_one() -> None:
    data = tiny_data(CLASSES)
    module = tiny_module(data).eval()
    x = split_of(data, "test")[0]
    probabilities = module.predict(x)
    torch.testing.assert_close(probabilities.sum(dim=1), torch.ones(len(x)))
    assert torch.equal(probabilities.argmax(dim=1), module(x).argmax(dim=1))


def test_weight_decay_spares_biases_and_normalisation() -> None:
    data = tiny_data(CLASSES)
    network = SimpleNet((4,), 3, hidden_sizes=(8,), batch_norm=True)
    module = tiny_module(data, network, optimizer=partial(torch.optim.SGD, lr=0.1, weight_decay=1.0))
    before = {name: parameter.detach().clone() for name, parameter in module.named_parameters()}
    optimizer = module.configure_optimizers()
    for parameter in module.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    for name, parameter in module.named_parameters():
        factor = 0.9 if parameter.ndim > 1 else 1.0
        torch.testing.assert_close(parameter.detach(), factor * before[name], msg=name)
    assert {parameter.ndim for parameter in before.values()} == {1, 2}


def test_frozen_weights_are_left_out_of_the_optimizer() -> None:
    module = tiny_module(tiny_data(CLASSES))
    first = next(module.network.parameters())
    first.requires_grad_(False)
    groups = module.configure_optimizers().param_groups
    assert all(parameter is not first for group in groups for parameter in group["params"])


def test_a_schedule_runs_by_step_over_the_whole_run(tmp_path: Path) -> None:
    data = tiny_data(CLASSES)
    module = tiny_module(data, scheduler=partial(cosine, final=0.1))
    trainer = tiny_trainer(tmp_path, max_epochs=2)
    trainer.fit(module, data)
    assert trainer.global_step == 10
    assert trainer.optimizers[0].param_groups[0]["lr"] == pytest.approx(0.05 * 0.1)


def test_a_plateau_lowers_the_rate_by_epoch(tmp_path: Path) -> None:
    never = {"patience": 0, "factor": 0.5, "threshold": 1e9, "threshold_mode": "abs"}
    plateau = partial(torch.optim.lr_scheduler.ReduceLROnPlateau, **never)
    data = tiny_data(CLASSES)
    trainer = tiny_trainer(tmp_path, max_epochs=3)
    trainer.fit(tiny_module(data, scheduler=plateau), data)
    assert trainer.optimizers[0].param_groups[0]["lr"] == pytest.approx(0.05 / 4), "after epochs 2 and 3"


def test_loss_and_rate_of_single_steps_go_to_the_logger_every_few_steps(tmp_path: Path) -> None:
    data, logger = tiny_data(CLASSES), MemoryLogger()
    trainer = tiny_trainer(tmp_path, max_epochs=2, logger=logger)
    trainer.fit(tiny_module(data, log_every_n_steps=4), data)
    steps = [(step, values["step/lr"]) for step, values in logger.logged if "step/loss" in values]
    assert steps == [(0, 0.05), (4, 0.05), (8, 0.05)]
