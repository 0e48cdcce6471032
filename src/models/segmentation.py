"""A small U-Net that gives each pixel of an image its class."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from lightning import LightningModule
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from torchmetrics import JaccardIndex, MetricCollection
from torchmetrics.segmentation import DiceScore


class UNet(nn.Module):
    """Convolutions at falling resolutions, then back up, where each level sees what it was on the way down.

    Ronneberger et al., "U-Net", 2015, with padding and batch normalisation. `channels` has a number for each level;
    each but the first halves the image.
    """

    def __init__(self, in_channels: int, classes: int, channels: Sequence[int]) -> None:
        super().__init__()
        if not channels or min(channels) < 1:
            raise ValueError(f"channels: expected whole numbers above 0, as [8, 16], got {list(channels)}")
        self.down = nn.ModuleList(_level(before, after) for before, after in pairwise([in_channels, *channels]))
        upwards = list(pairwise(reversed(channels)))
        self.up = nn.ModuleList(_level(below + here, here) for below, here in upwards)
        self.output = nn.Conv2d(channels[0], classes, kernel_size=1)

    def forward(self, image: Tensor) -> Tensor:
        """Map (B, in_channels, H, W), of any size, to logits (B, classes, H, W)."""
        features = self.down[0](image)
        skipped = []
        for level in self.down[1:]:
            skipped.append(features)
            features = level(F.max_pool2d(features, 2, ceil_mode=True))
        for level in self.up:
            same_size = skipped.pop()
            enlarged = F.interpolate(features, same_size.shape[-2:], mode="nearest")
            features = level(torch.cat([enlarged, same_size], dim=1))
        logits: Tensor = self.output(features)
        return logits


class Segmentation(LightningModule):
    """Trains a U-Net on mappings with `image` (B, C, H, W) and `mask` (B, H, W), the class of each pixel.

    Class 0 is the background: it counts in the loss, and not in the Dice score, which would be high for an empty mask.
    """

    monitor = "val/dice"
    directions: ClassVar[dict[str, str]] = {
        "train/loss": "min",
        **{"val/loss": "min", "val/dice": "max", "val/iou": "max"},
        **{"test/loss": "min", "test/dice": "max", "test/iou": "max"},
    }

    def __init__(self, in_channels: int, classes: int, channels: Sequence[int], lr: float, weight_decay: float) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.network = UNet(in_channels, classes, channels)
        metrics = MetricCollection(
            {
                "dice": DiceScore(classes, include_background=False, aggregation_level="global", input_format="index"),
                "iou": JaccardIndex(task="multiclass", num_classes=classes),
            }
        )
        # Each stage has its own, so that neither adds to the other's counts.
        self.val_metrics = metrics.clone(prefix="val/")
        self.test_metrics = metrics.clone(prefix="test/")

    def forward(self, image: Tensor) -> Tensor:
        """Map images (B, C, H, W) to logits (B, classes, H, W)."""
        logits: Tensor = self.network(image)
        return logits

    def training_step(self, batch: dict[str, Tensor], batch_idx: int) -> Tensor:
        """Return the mean cross-entropy of a pixel."""
        loss = F.cross_entropy(self(batch["image"]), batch["mask"])
        self.log("train/loss", loss, on_step=False, on_epoch=True)
        return loss

    def validation_step(self, batch: dict[str, Tensor], batch_idx: int) -> None:
        """Log the mean cross-entropy of a pixel, the Dice score of the shapes and the mean IoU of all classes."""
        self._evaluate(batch, "val", self.val_metrics)

    def test_step(self, batch: dict[str, Tensor], batch_idx: int) -> None:
        """Log what validation logs."""
        self._evaluate(batch, "test", self.test_metrics)

    def predict_step(self, batch: dict[str, Any], batch_idx: int) -> dict[str, Any]:
        """Return the `file` of each image, and its `mask` (B, H, W)."""
        return {"file": batch["file"], "mask": self(batch["image"]).argmax(dim=1)}

    def prediction_columns(self, output: dict[str, Any]) -> dict[str, list[Any]]:
        """Table columns: the file, and for each class but 0 the pixels that have it, as `run_lengths` writes them."""
        columns = {"file": list(output["file"])}
        for number in range(1, self.hparams["classes"]):
            columns[f"class_{number}"] = [run_lengths(mask == number) for mask in output["mask"]]
        return columns

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """Return AdamW with a cosine schedule over the run's epochs."""
        lr, weight_decay = self.hparams["lr"], self.hparams["weight_decay"]
        optimizer = torch.optim.AdamW(self.parameters(), lr, weight_decay=weight_decay)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=self.trainer.max_epochs or 1)
        return {"optimizer": optimizer, "lr_scheduler": schedule}

    def _evaluate(self, batch: dict[str, Tensor], stage: str, metrics: MetricCollection) -> None:
        logits = self(batch["image"])
        metrics.update(logits.argmax(dim=1), batch["mask"])
        self.log(f"{stage}/loss", F.cross_entropy(logits, batch["mask"]), prog_bar=True, batch_size=len(logits))
        self.log_dict(metrics, batch_size=len(logits))


def run_lengths(selected: Tensor) -> str:
    """Write a mask (H, W) of true and false, read row by row, as "first length first length ..." of its true runs."""
    edges = torch.diff(F.pad(selected.flatten().int(), (1, 1))).nonzero().flatten()
    starts, ends = edges[::2], edges[1::2]
    return " ".join(
        f"{start} {length}" for start, length in zip(starts.tolist(), (ends - starts).tolist(), strict=True)
    )


def _level(before: int, after: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for width in (before, after):
        # The bias would be undone by the normalisation that follows.
        layers += [nn.Conv2d(width, after, kernel_size=3, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU()]
    return nn.Sequential(*layers)
