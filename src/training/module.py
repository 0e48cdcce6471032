"""The LightningModule: one step for training, validation and test, around a network that knows nothing of it."""

import math
from collections.abc import Callable, Mapping
from typing import Any, cast

import lightning as L
import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torchmetrics import Metric, MetricCollection

from src.evaluation.metrics import WIDEST, usual
from src.evaluation.tasks import TASKS
from src.training.losses import Auto, Loss
from src.training.parameter_groups import optimizer_of, takes_no_groups
from src.training.threshold import DecidesAtThreshold
from trainhouse import (
    Batch,
    DataSpec,
    KeepsFloat64,
    UserError,
    is_far,
    moments_of,
    spans_the_run,
    takes_weights,
    to_numpy,
    weight_in_step,
)

SPLITS = ("train", "val", "test")


class MeanLoss(Metric):
    """The mean of the batches' losses, each weighted by its rows. Adds tensors only: the device is never waited for."""

    full_state_update = False
    total: Tensor
    rows: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("total", torch.tensor(0.0, dtype=WIDEST), dist_reduce_fx="sum")
        self.add_state("rows", torch.tensor(0), dist_reduce_fx="sum")

    def update(self, loss: Tensor, rows: int, weights: Tensor | None = None) -> None:
        """Add the mean loss of one batch of `rows` rows, in which each counts by its weight if there are any."""
        self.total.add_(loss, alpha=rows)  # in place: to set an attribute of a module costs as much as the addition
        if weights is None:
            self.rows.add_(rows)
        else:
            self.rows = self.rows + weights.to(WIDEST).sum()

    def compute(self) -> Tensor:
        """Return the mean over all rows, by their weights."""
        return (self.total / self.rows).float()


class Module(KeepsFloat64, DecidesAtThreshold, L.LightningModule):
    """Trains `network` behind its `preprocessing`; logs ``<split>/loss`` and the task's metrics at an epoch's end."""

    target_mean: Tensor
    target_std: Tensor

    def __init__(
        self,
        spec: DataSpec,
        preprocessing: nn.Module,
        network: nn.Module,
        loss: Loss | None = None,
        augmentation: nn.Module | None = None,
        optimizer: Callable[..., Optimizer] | None = None,
        scheduler: Callable[..., Any] | None = None,
        monitor: str = "val/loss",
        log_every_n_steps: int = 50,
        metrics: Mapping[str, Mapping[str, Metric]] | None = None,
        parameter_groups: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        """`loss` is a function of outputs and targets, `metrics` has those of train, val and test by their names.

        Both are by default what the task usually has. `optimizer` takes the parameters, `scheduler` the optimizer; a
        module that only predicts needs neither. `parameter_groups` has what the optimizer gets for weights of the
        network whose names match, as ``{"layers.1.*": {"lr": 1e-4}}``.
        """
        super().__init__()
        self.spec = spec
        self.preprocessing = preprocessing
        self.augmentation = augmentation or nn.Identity()
        self.network = network
        self.usual_task = TASKS[spec.task]
        self.loss = loss or Auto(spec.task, spec.outputs)
        self.parameter_groups = parameter_groups or {}
        self.make_optimizer, self.make_scheduler, self.monitor = optimizer, scheduler, monitor
        self.log_every_n_steps, self._logged_step = log_every_n_steps, -1
        self._counted = (-1, -1)
        chosen = metrics or {split: usual(spec, split) for split in SPLITS}
        self.metrics = nn.ModuleDict(
            {f"{split}_split": MetricCollection({**chosen[split]}, prefix=f"{split}/") for split in SPLITS}
        )
        self.losses = nn.ModuleDict({f"{split}_split": MeanLoss() for split in SPLITS})
        self.use_threshold()
        size = spec.outputs if self.task.scales_targets else 0
        self.register_buffer("target_mean", torch.zeros(size, dtype=torch.float64))
        self.register_buffer("target_std", torch.ones(size, dtype=torch.float64))
        self.targets_are_far = False
        self.register_load_state_dict_post_hook(Module.look_at_targets)  # type: ignore[no-untyped-call]

    def fit_targets(self, y: np.ndarray) -> None:
        """Take mean and deviation of the training targets (N, T), if the task scales them."""
        if self.task.scales_targets:
            mean, std = moments_of(y, self.spec.targets)
            self.target_mean.copy_(torch.from_numpy(mean))
            self.target_std.copy_(torch.from_numpy(std))
            self.look_at_targets()

    def forward(self, x: Tensor) -> Tensor:
        """Map stored rows (B, *input_shape) to logits (B, C), or to standardised predictions (B, T)."""
        outputs: Tensor = self.network(self.augmentation(self.preprocessing(x)))
        return outputs

    def predict(self, x: Tensor) -> Tensor:
        """Map stored rows to class probabilities (B, C), or to predictions (B, T) in the targets' own units."""
        return self._said(self._unscale(self(x)))

    def _said(self, values: Tensor) -> Tensor:
        """What is said of rows: in float32, unless that would round away what tells targets apart."""
        if self.task.scales_targets and not self.targets_are_far:
            values = values.float()
        return self.task.predict(values)

    def look_at_targets(self, *_: object) -> None:
        """Note whether they lie far from 0, as dates in seconds do, or are of a size that float32 has not."""
        self.targets_are_far = bool(is_far(self.target_mean, self.target_std).any())

    def _unscale(self, outputs: Tensor) -> Tensor:
        """Outputs (B, T) in the targets' own units, in float64: in float32, 1.7e9 +- 20 are all the same."""
        return outputs * self.target_std + self.target_mean if self.task.scales_targets else outputs

    def _scale(self, targets: Tensor, outputs: Tensor) -> Tensor:
        """Targets standardised, and only then rounded to the precision of the outputs."""
        if not self.task.scales_targets:
            return targets
        return ((targets - self.target_mean) / self.target_std).to(outputs.dtype)

    @property
    def directions(self) -> dict[str, str]:
        """The better end of each value that is logged: ``min`` or ``max``."""
        better = {f"{split}/loss": "min" for split in SPLITS}
        for split in SPLITS:
            for name, metric in self._measures(split)[1].items():
                if metric.higher_is_better is not None:
                    names = [f"{split}/{each}" for each in getattr(metric, "names", None) or ()]
                    end = "max" if metric.higher_is_better else "min"
                    better |= dict.fromkeys(names or [str(name)], end)
        return better

    def predict_step(self, batch: Tensor | Batch, batch_idx: int) -> Tensor:
        """Predict for the rows of a batch, with or without their targets."""
        return self.predict(batch if isinstance(batch, Tensor) else batch[0])

    def prediction_columns(self, output: Tensor) -> dict[str, Any]:
        """Name what `predict_step` returns, as columns of a file."""
        return self.task.prediction_columns(self.spec, to_numpy(output))

    def _step(self, batch: Batch, split: str, counts: bool = True) -> tuple[Tensor, Tensor]:
        """Count one batch; return its mean loss, and its logits or predictions in the targets' units."""
        x, y, *others = batch
        weighed = {"weights": others[0]} if others else {}  # of rows, if the data has some
        outputs = self(x)
        loss, values = self.loss(outputs, self._scale(y, outputs), **weighed), self._unscale(outputs)
        if not counts:
            return loss, values
        with torch.no_grad():
            mean, metrics = self._measures(split)
            mean.update(loss.detach(), len(y), **weighed)
            for metric in metrics.values(copy_state=False):
                metric.update(values.detach(), y, **(weighed if weighed and takes_weights(metric) else {}))
        return loss, values

    def _measures(self, split: str) -> tuple[MeanLoss, MetricCollection]:
        mean, metrics = self.losses[f"{split}_split"], self.metrics[f"{split}_split"]
        return cast(MeanLoss, mean), cast(MetricCollection, metrics)

    def _log_epoch(self, split: str) -> None:
        mean, metrics = self._measures(split)
        self.log_dict({f"{split}/loss": mean.compute(), **metrics.compute()})
        mean.reset()
        metrics.reset()

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Return the batch's mean loss; every `log_every_n_steps` the loggers get it too."""
        place = (self.current_epoch, batch_idx)  # LBFGS asks several times for the loss of one batch
        is_first, self._counted = place != self._counted, place
        loss, _ = self._step(batch, "train", counts=is_first)
        step = self.global_step
        if self.trainer.loggers and step % self.log_every_n_steps == 0 and step != self._logged_step:
            self._logged_step = step  # several batches make one step when gradients are accumulated
            rate = self.trainer.optimizers[0].param_groups[0]["lr"]
            for logger in self.trainer.loggers:
                logger.log_metrics({"step/loss": loss.item(), "step/lr": rate}, step=step)
        weight = weight_in_step(self.trainer, batch_idx)
        return loss if weight == 1 else loss * weight

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Count one batch."""
        self._step(batch, "val")

    def test_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Count one batch; return probabilities (B, C), or predictions (B, T), as `predict` does."""
        return self._said(self._step(batch, "test")[1])

    def on_train_epoch_end(self) -> None:
        """Log what the epoch's steps have counted."""
        self._log_epoch("train")

    def on_validation_epoch_end(self) -> None:
        """Log what the validation steps have counted."""
        self._log_epoch("val")
        self.keep_chosen_threshold()

    def on_test_epoch_end(self) -> None:
        """Log what the test steps have counted."""
        self._log_epoch("test")

    def configure_optimizers(self) -> Any:
        """Build the optimizer and its schedule: by step over the run, or by epoch if it takes no `total_steps`."""
        assert self.make_optimizer is not None, "this module was built to predict"
        weights = [(name, weight) for name, weight in self.named_parameters() if weight.requires_grad]
        accumulates = takes_no_groups(self.make_optimizer) and self.trainer.accumulate_grad_batches > 1
        optimizer = optimizer_of(self.make_optimizer, weights, self.parameter_groups, accumulates)
        if self.make_scheduler is None:
            return optimizer
        if not spans_the_run(self.make_scheduler):
            every = (self.trainer.check_val_every_n_epoch or 1) if self.monitor.startswith("val/") else 1
            plan = {
                "scheduler": self.make_scheduler(optimizer),
                "interval": "epoch",
                "monitor": self.monitor,
                "frequency": every,
            }
        else:
            steps = self.trainer.estimated_stepping_batches
            if not math.isfinite(steps):
                raise UserError(
                    "trainer.max_epochs: this scheduler needs an end of the run; set it or trainer.max_steps"
                )
            plan = {"scheduler": self.make_scheduler(optimizer, total_steps=int(steps)), "interval": "step"}
        return {"optimizer": optimizer, "lr_scheduler": plan}
