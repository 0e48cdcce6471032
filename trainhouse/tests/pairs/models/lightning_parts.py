"""One subclass of each class of Lightning's that does nothing by itself, as short as users write them."""

from typing import Any

import lightning as L
from lightning.pytorch.callbacks import BaseFinetuning, BasePredictionWriter, Checkpoint, ProgressBar
from lightning.pytorch.loggers import Logger
from lightning.pytorch.profilers import Profiler
from lightning.pytorch.strategies import SingleDeviceStrategy
from torch import nn
from torch.optim import Optimizer


class Counts(L.Callback):
    """Counts steps, and makes the rate smaller by the count."""

    def __init__(self) -> None:
        self.steps = 0

    def on_train_batch_end(self, trainer: L.Trainer, pl_module: L.LightningModule, *_: Any) -> None:
        self.steps += 1
        for group in trainer.optimizers[0].param_groups:
            group["lr"] = 0.01 / self.steps


class FirstLayerLater(BaseFinetuning):
    """Trains the first layer from the second epoch on."""

    def __init__(self) -> None:
        super().__init__()

    def _first(self, module: L.LightningModule) -> nn.Module:
        return next(part for part in module.modules() if isinstance(part, nn.Linear))

    def freeze_before_training(self, pl_module: L.LightningModule) -> None:
        self.freeze(self._first(pl_module))

    def finetune_function(self, pl_module: L.LightningModule, epoch: int, optimizer: Optimizer) -> None:
        if epoch == 1:
            self.unfreeze_and_add_param_group(self._first(pl_module), optimizer)


class PredictionFile(BasePredictionWriter):
    """Has somewhere to write predictions to."""

    def write_on_batch_end(self, *_: Any) -> None:
        raise AssertionError("training predicts nothing")


class SavesTwice(Checkpoint):
    """Saves a second file after each epoch."""

    def __init__(self, dirpath: str) -> None:
        self.path = f"{dirpath}/second.ckpt"

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        trainer.save_checkpoint(self.path)


class OwnBar(ProgressBar):
    """Shows nothing."""

    def disable(self) -> None: ...

    def enable(self) -> None: ...


class Prints(Logger):
    """Keeps what it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[Any] = []

    name = version = None  # type: ignore[assignment]

    def log_hyperparams(self, params: Any, *_: Any, **__: Any) -> None:
        self.lines.append(params)

    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        self.lines.append((step, metrics))


class Counter(Profiler):
    """Counts what is begun."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = 0

    def start(self, action_name: str) -> None:
        self.begun += 1

    def stop(self, action_name: str) -> None: ...


class OwnDevice(SingleDeviceStrategy):
    """The CPU, by a class of one's own."""

    def __init__(self) -> None:
        super().__init__("cpu")


def look(*_: Any, **__: Any) -> None:
    """What a LambdaCallback calls."""
