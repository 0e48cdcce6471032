"""Evaluation that draws the same each time."""

from typing import Any

import lightning as L

from trainhouse.resuming.seeding import reseed


class SeededEvaluation(L.Callback):
    """Makes what a module draws in validation and test a function of (seed, stage, batch, rank): always the same."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def on_validation_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Seed what is drawn before the first batch."""
        reseed(self.seed, "validation", trainer.global_rank)

    def on_validation_batch_start(
        self, trainer: L.Trainer, pl_module: L.LightningModule, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        """Seed the step."""
        reseed(self.seed, "validation", dataloader_idx, batch_idx, trainer.global_rank)

    def on_test_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Seed what is drawn before the first batch."""
        reseed(self.seed, "test", trainer.global_rank)

    def on_test_batch_start(
        self, trainer: L.Trainer, pl_module: L.LightningModule, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        """Seed the step."""
        reseed(self.seed, "test", dataloader_idx, batch_idx, trainer.global_rank)
