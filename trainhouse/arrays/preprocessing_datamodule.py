"""Array data as a LightningModule of the user's own takes it: preprocessed."""

from typing import Any

import torch
from torch import nn

from trainhouse.arrays.batches import Batch
from trainhouse.arrays.datamodule import DataModule
from trainhouse.arrays.order import mix


class PreprocessingDataModule(DataModule):
    """Serves batches as a LightningModule of the user's own takes them: preprocessed, after they are on the device.

    The fitted preprocessing is this DataModule's state, so a checkpoint has it.
    """

    preprocessing: nn.Module
    augmentation: nn.Module

    def serve_preprocessed(self, preprocessing: nn.Module, augmentation: nn.Module | None = None) -> None:
        """Have x of each batch go through `preprocessing`, and in training through `augmentation` too."""
        self.preprocessing = preprocessing.requires_grad_(False).eval()
        self.augmentation = augmentation or nn.Identity()

    def on_after_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Batch:
        """Preprocess x; what augmentation draws depends on (seed, epoch, batch, rank) alone."""
        x, *others = batch
        with torch.no_grad():
            x = self.preprocessing.to(x.device)(x)
            if self.trainer is not None and self.trainer.training:
                cursor = self.cursor
                with torch.random.fork_rng():
                    torch.manual_seed(mix(self.seed, "augment", cursor.epoch, cursor.batch, self.trainer.global_rank))
                    x = self.augmentation.train()(x)
        return x, *others

    def state_dict(self) -> dict[str, Any]:
        """Return what the preprocessing was fitted to."""
        return {"preprocessing": self.preprocessing.state_dict()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take it over."""
        self.preprocessing.load_state_dict(state_dict["preprocessing"])
