"""A small encoder and decoder with one skip connection; the dice score is a metric object given to `self.log`."""

import lightning as L
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchmetrics.segmentation import DiceScore


def block(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU())


class UNet(L.LightningModule):
    def __init__(self, in_channels: int = 1, classes: int = 2, width: int = 6, lr: float = 5e-3):
        super().__init__()
        self.save_hyperparameters()
        self.down = block(in_channels, width)
        self.middle = block(width, 2 * width)
        self.up = nn.Sequential(block(3 * width, width), nn.Conv2d(width, classes, 1))
        self.train_dice, self.val_dice, self.test_dice = (
            DiceScore(num_classes=classes, include_background=False, input_format="index") for _ in range(3)
        )

    def forward(self, image: Tensor) -> Tensor:
        fine = self.down(image)
        coarse = self.middle(F.max_pool2d(fine, 2))
        return self.up(torch.cat([fine, F.interpolate(coarse, scale_factor=2.0)], dim=1))

    def _step(self, batch: tuple[Tensor, Tensor], split: str, dice: DiceScore) -> Tensor:
        image, mask = batch
        logits = self(image)
        loss = F.cross_entropy(logits, mask)
        dice(logits.argmax(1), mask)
        self.log(f"{split}/loss", loss, on_step=split == "train", on_epoch=split != "train", prog_bar=True)
        self.log(f"{split}/dice", dice, on_step=False, on_epoch=True, prog_bar=True)
        return loss

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        return self._step(batch, "train", self.train_dice)

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        self._step(batch, "val", self.val_dice)

    def test_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        self._step(batch, "test", self.test_dice)

    def configure_optimizers(self) -> dict:
        optimizer = torch.optim.AdamW(self.parameters(), lr=self.hparams.lr)
        return {"optimizer": optimizer, "lr_scheduler": torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 10)}
