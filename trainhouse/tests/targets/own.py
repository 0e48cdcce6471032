"""What a user may have written, classes of every kind in a module of their own package, and how a name is checked."""

from collections.abc import Collection
from pathlib import Path

import lightning as L
import torch
import torchmetrics
from lightning.pytorch.loggers import Logger
from torch import nn
from torch.utils.data import Dataset, Sampler

from trainhouse.configuration.targets import check_part

# What a user may have written: a module of their own package, with classes of every kind.
OWN = {
    "Net": type("Net", (nn.Module,), {}),
    "LitNet": type("LitNet", (L.LightningModule,), {}),
    "Data": type("Data", (L.LightningDataModule,), {}),
    "Rows": type("Rows", (Dataset,), {}),
    "Draw": type("Draw", (Sampler,), {}),
    "Score": type("Score", (torchmetrics.Metric,), {}),
    "Watch": type("Watch", (L.Callback,), {}),
    "Log": type("Log", (Logger,), {}),
    "Descent": type("Descent", (torch.optim.SGD,), {}),
    "Rate": type("Rate", (torch.optim.lr_scheduler.StepLR,), {}),
    "Plain": type("Plain", (), {}),
    "make": lambda: None,
    "read_all": lambda: None,
}
for name, thing in OWN.items():
    thing.__module__, thing.__qualname__ = "src.own", name


def check(node: object, part: str = "model", typed: Collection[str] = ()) -> None:
    check_part(part, node, "best.ckpt", typed)


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
