"""A LightningModule and a LightningDataModule as a user may bring them, as small as they get, and a run of them."""

from typing import Any

import lightning as L
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from trainhouse.configuration.settings import Train, Trainer
from trainhouse.tests.common import composed


class OwnModule(L.LightningModule):
    """Learns to return zeros; saves no hyperparameters."""

    def __init__(self, width: int = 3, lr: float = 0.1) -> None:
        super().__init__()
        self.width, self.lr = width, lr
        self.layer = nn.Linear(2, width)

    def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        loss = self.layer(batch[0]).square().mean()
        self.log("train/loss", loss)
        return loss

    def configure_optimizers(self) -> Any:
        return torch.optim.SGD(self.parameters(), lr=self.lr)


class OwnData(L.LightningDataModule):
    """Rows of ones, in batches of three."""

    def __init__(self, rows: int = 6) -> None:
        super().__init__()
        self.rows = rows

    def train_dataloader(self) -> Any:
        return DataLoader(TensorDataset(torch.ones(self.rows, 2)), batch_size=3)


class Validated(OwnData):
    """The same rows to validate on."""

    def val_dataloader(self) -> Any:
        return self.train_dataloader()


# What a preflight takes of a trainer.
OPTIONS = Trainer(
    {"accelerator": "cpu", "precision": "32-true", "inference_mode": True, "check_val_every_n_epoch": None}
)


def own_config(module: type, data: type = OwnData, *overrides: str, **arguments: Any) -> Train:
    """Compose two epochs without validation of a module, which gets the `arguments`."""
    short = ["monitor=null", "trainer=cpu", "trainer.max_epochs=2", "callbacks.progress_bar=null", "threads=1"]
    return composed(*short, *overrides).with_values(
        {
            "model": {"_target_": f"{module.__module__}.{module.__qualname__}", **arguments},
            "data": {"_target_": f"{data.__module__}.{data.__qualname__}"},
        }
    )
