"""Manual optimization: two parts of a network, an optimizer for each, gradients summed over batches by hand."""

import lightning as L
import torch
from torch import Tensor, nn
from torch.nn import functional as F


class AccumulatingRegressor(L.LightningModule):
    def __init__(self, columns: int = 7, hidden: int = 16, accumulate: int = 3, lr: float = 1e-2):
        super().__init__()
        self.save_hyperparameters()
        self.automatic_optimization = False
        self.body = nn.Sequential(nn.Linear(columns, hidden), nn.ReLU(), nn.Dropout(0.1))
        self.head = nn.Linear(hidden, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x)).squeeze(1)

    def training_step(self, batch: list[Tensor], batch_idx: int) -> None:
        x, y = batch
        loss = F.smooth_l1_loss(self(x), y)
        self.manual_backward(loss / self.hparams.accumulate)
        if (batch_idx + 1) % self.hparams.accumulate == 0 or self.trainer.is_last_batch:
            for optimizer in self.optimizers():
                self.clip_gradients(optimizer, gradient_clip_val=1.0, gradient_clip_algorithm="norm")
                optimizer.step()
                optimizer.zero_grad()
        self.log("train/loss", loss, on_step=False, on_epoch=True)

    def on_train_epoch_end(self) -> None:
        self.lr_schedulers().step()

    def validation_step(self, batch: list[Tensor], batch_idx: int) -> None:
        x, y = batch
        self.log("val/loss", F.smooth_l1_loss(self(x), y))

    def test_step(self, batch: list[Tensor], batch_idx: int) -> None:
        x, y = batch
        self.log("test/loss", F.smooth_l1_loss(self(x), y))

    def configure_optimizers(self) -> tuple[dict, dict]:
        body = torch.optim.Adam(self.body.parameters(), lr=self.hparams.lr)
        head = torch.optim.SGD(self.head.parameters(), lr=self.hparams.lr, momentum=0.9, nesterov=True)
        scheduler = torch.optim.lr_scheduler.StepLR(body, step_size=1, gamma=0.8)
        return {"optimizer": body, "lr_scheduler": scheduler}, {"optimizer": head}
