"""Stops training before the step that would fill the weights with NaN, and says where it came from."""

import math
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

import lightning as L
import numpy as np
import torch
from lightning.fabric.utilities.apply_func import move_data_to_device
from lightning.pytorch.plugins.precision import MixedPrecision
from torch import Tensor
from torch.optim import Optimizer

from trainhouse.arrays.datamodule import DataModule
from trainhouse.configuration.errors import UserError
from trainhouse.configuration.speed import fast
from trainhouse.machine.files import atomic_write
from trainhouse.resuming.gathering import of_any_rank
from trainhouse.resuming.seeding import reseed
from trainhouse.resuming.sharded import is_sharded, part_of
from trainhouse.resuming.trainer_parts import datamodule_of
from trainhouse.runs.layout import LAST_CHECKPOINT
from trainhouse.runs.typed import shown_path

BAD_BATCH = "bad_batch.npz"
BAD_BATCH_OF_ANY_KIND = "bad_batch.pt"


class NonFiniteGuard(L.Callback):
    """Raises `UserError` before the optimizer step if the loss or a gradient is not finite; saves the batch.

    The gradients are checked by the kernel of torch's gradient scaler: one pass over all of them. On a GPU nothing
    waits for it if the optimizer is fused: it is handed the result and leaves the weights alone, and the host
    looks at it every `log_every_n_steps` steps and before each checkpoint. With ``16-mixed`` the scaler
    itself skips such steps, so only the loss is checked.
    """

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.seed = folder, seed
        self._found: Tensor | None = None
        self._batch: Any = None
        self._finite = fast("finite")
        self._on_cpu = True
        self._is_sharded = False  # a rank sees a part of each gradient then

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Make the place of the result, on the device."""
        self._found = torch.zeros((), device=pl_module.device)  # without dimensions: optimizers subtract it from theirs
        self._scale = torch.ones((), device=pl_module.device)
        self._bad_steps = torch.zeros((), device=pl_module.device)  # of the optimizer, the first bad one among them
        self._last_step = -1
        dtype = torch.float64 if pl_module.dtype == torch.float64 else torch.float32
        self._loss = torch.zeros((), dtype=dtype, device=pl_module.device)
        self._on_cpu = pl_module.device.type == "cpu"
        self._is_sharded = is_sharded(pl_module)
        self._scaled = isinstance(trainer.precision_plugin, MixedPrecision) and trainer.precision_plugin.scaler
        self._weights = [weight for weight in pl_module.parameters() if weight.requires_grad]

    def on_train_batch_start(
        self, trainer: L.Trainer, pl_module: L.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Remember the batch of a user's own DataModule; one of array data can be fetched again."""
        if not isinstance(datamodule_of(trainer), DataModule):
            self._batch = batch

    def on_before_backward(self, trainer: L.Trainer, pl_module: L.LightningModule, loss: Tensor) -> None:
        """Check the loss of this batch."""
        if self._on_cpu:
            if not math.isfinite(loss.item()) and trainer.world_size == 1:  # other ranks would wait for this one's
                self._stop(trainer, pl_module, f"the loss is {loss.item()}")
        else:
            # Half way to the new one: what is not finite stays so. To look at each loss is one more kernel to launch.
            self._loss.lerp_(loss.detach().to(self._loss).reshape(()), 0.5)

    def on_after_backward(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Check the gradients of this batch, on the CPU, where the answer is there at once."""
        if self._on_cpu:
            self._look([weight.grad for weight in self._weights if weight.grad is not None])
            self._stop_if_found(trainer, pl_module)

    def on_before_optimizer_step(self, trainer: L.Trainer, pl_module: L.LightningModule, optimizer: Optimizer) -> None:
        """Check the gradients on a GPU; after this the weights change."""
        if self._on_cpu:
            if not pl_module.automatic_optimization:  # where it is for the user to call backward
                self._look([weight.grad for weight in self._weights if weight.grad is not None])
                self._stop_if_found(trainer, pl_module)
        else:
            gradients = [] if self._scaled else [weight.grad for weight in self._weights if weight.grad is not None]
            self._look([self._loss, *gradients])
            assert self._found is not None
            self._bad_steps.add_(self._found)
            self._last_step = trainer.global_step
            waits = self._is_sharded or not optimizer.defaults.get("fused")
            if not waits and not self._scaled:
                optimizer.found_inf = self._found  # type: ignore[attr-defined]  # as the gradient scaler does it
            if waits or trainer.global_step % trainer.log_every_n_steps == 0:  # type: ignore[attr-defined]
                self._stop_if_found(trainer, pl_module)

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Look at the result of the last steps, also of those that a module takes past Lightning's optimizer."""
        self._look([self._loss])
        self._stop_if_found(trainer, pl_module)

    def _look(self, tensors: list[Tensor]) -> None:
        """Add to the result, which is that of all ranks if each has a part."""
        assert self._found is not None
        tensors = [part for part in map(part_of, tensors) if part.numel()]
        tensors = [tensor.coalesce().values() if tensor.is_sparse else tensor for tensor in tensors]
        tensors = [torch.view_as_real(tensor) if tensor.is_complex() else tensor for tensor in tensors]
        if self._finite:
            self._finite.add_non_finite(tensors, self._found, self._scale)
        else:
            for tensor in tensors:
                self._found.clamp_(min=(~tensor.isfinite().all()).to(self._found))
        if self._is_sharded:
            torch.distributed.all_reduce(self._found, torch.distributed.ReduceOp.MAX)

    def on_save_checkpoint(self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict[str, Any]) -> None:
        """Refuse to write weights that are not finite: the step itself can overflow."""
        if trainer.state.fn != "fit" or self._found is None:
            return
        self._look([self._loss])
        self._stop_if_found(trainer, pl_module)
        state = [(name, value) for name, value in pl_module.state_dict().items() if isinstance(value, Tensor)]
        bad = [name for name, value in state if value.is_floating_point() and not part_of(value).isfinite().all()]
        if self._is_sharded:
            bad = of_any_rank(bad)
        if bad:
            self._stop(
                trainer, pl_module, f"{bad[0]} is not finite after the last step", "nothing of that step was saved"
            )

    def _stop_if_found(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if self._found is None or not self._found.item():
            return
        gradients = [(name, weight.grad) for name, weight in pl_module.named_parameters() if weight.grad is not None]
        bad = [name for name, gradient in gradients if not part_of(gradient).isfinite().all()]
        if self._is_sharded:
            bad = of_any_rank(bad)
        self._stop(
            trainer, pl_module, f"the gradient of {_listed(bad)} is not finite" if bad else "the loss is not finite"
        )

    def _stop(
        self, trainer: L.Trainer, pl_module: L.LightningModule, what: str, kept: str = "the weights were not updated"
    ) -> None:
        epoch, step, batch_idx = trainer.current_epoch, trainer.global_step, trainer.fit_loop.batch_idx
        bad_steps = int(self._bad_steps)
        first = self._last_step - bad_steps + 1
        if bad_steps and first < step:  # noticed some steps later, within the same epoch
            step, batch_idx = first, batch_idx - (step - first) * trainer.accumulate_grad_batches
        datamodule = datamodule_of(trainer)
        where = f"epoch {epoch + 1}, step {step + 1}, batch {batch_idx + 1}"
        if not isinstance(datamodule, DataModule) or not hasattr(pl_module, "preprocessing"):
            self._stop_own(what, where, kept, datamodule)
        batches = datamodule.train_batches()
        rows, (x, y, *_) = batches.row_numbers(epoch, batch_idx), batches[epoch, batch_idx]
        bad = rows[self._bad_rows(trainer, pl_module, x, batch_idx)]
        path = self.folder / BAD_BATCH
        with atomic_write(path) as file:
            np.savez(file, x=x.numpy(), y=y.numpy(), rows=rows, bad_rows=bad)
        named = f" for {_rows(bad)} of the data" if 0 < len(bad) < len(rows) else ""
        named = " for every row of the batch" if len(bad) == len(rows) else named
        last = self.folder / LAST_CHECKPOINT
        saved = f"the last good state in {shown_path(last)}" if last.exists() else "no state was saved before"
        raise UserError(
            f"training diverged: {what}{named} at {where}; {kept}. "
            f"The batch is in {shown_path(path)}, {saved}. "
            "In a new run lower optimizer.lr, set trainer.gradient_clip_val, or look at the data"
        )

    def _stop_own(self, what: str, where: str, kept: str, datamodule: Any) -> NoReturn:
        """Stop a module or data of the user's own, whose batch may be anything."""
        rows = getattr(datamodule, "row_numbers", None)
        named, saved = "", ""
        if self._batch is not None:
            path = self.folder / BAD_BATCH_OF_ANY_KIND
            if callable(rows):
                named = f" for a batch of {_rows(np.asarray(rows(self._batch)))} of the data"
            with suppress(Exception), atomic_write(path) as file:  # it may hold what can't be saved
                torch.save(move_data_to_device(self._batch, torch.device("cpu")), file)
                saved = f"The batch is in {shown_path(path)}. "
        last = self.folder / LAST_CHECKPOINT
        state = f"The last good state is in {shown_path(last)}." if last.exists() else "No state was saved before."
        raise UserError(
            f"training diverged: {what}{named} at {where}; {kept}. {saved}{state} "
            "In a new run lower the learning rate, set trainer.gradient_clip_val, or look at the data"
        )

    def _bad_rows(self, trainer: L.Trainer, pl_module: L.LightningModule, x: Tensor, batch_idx: int) -> np.ndarray:
        """Where in the batch the outputs are not finite, with the dropout that this step has drawn."""
        reseed(self.seed, "step", trainer.current_epoch, batch_idx, trainer.global_rank)
        with torch.no_grad(), trainer.precision_plugin.forward_context():
            outputs = pl_module(x.to(pl_module.device))
        return np.flatnonzero(~outputs.float().flatten(1).isfinite().all(dim=1).cpu().numpy())


def _rows(numbers: np.ndarray) -> str:
    return f"row{'s' if len(numbers) > 1 else ''} {_listed([str(number) for number in numbers])}"


def _listed(names: list[str], most: int = 5) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
