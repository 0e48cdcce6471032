"""A causal transformer over characters, with dropout; its schedule asks the Trainer how many steps there will be."""

import lightning as L
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchmetrics.text import Perplexity


class TinyTransformer(L.LightningModule):
    def __init__(
        self,
        vocab_size: int,
        block_size: int,
        width: int = 16,
        heads: int = 2,
        layers: int = 1,
        dropout: float = 0.1,
        max_lr: float = 1e-2,
    ):
        super().__init__()
        self.save_hyperparameters()
        self.token = nn.Embedding(vocab_size, width)
        self.position = nn.Parameter(0.02 * torch.randn(block_size, width))
        layer = nn.TransformerEncoderLayer(width, heads, 2 * width, dropout, batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.head = nn.Linear(width, vocab_size)
        self.register_buffer("mask", nn.Transformer.generate_square_subsequent_mask(block_size), persistent=False)
        self.val_perplexity, self.test_perplexity = Perplexity(), Perplexity()

    def forward(self, tokens: Tensor) -> Tensor:
        length = tokens.shape[1]
        hidden = self.token(tokens) + self.position[:length]
        return self.head(self.encoder(hidden, mask=self.mask[:length, :length], is_causal=True))

    def _loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        return F.cross_entropy(logits.flatten(0, 1), targets.flatten())

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        tokens, targets = batch
        loss = self._loss(self(tokens), targets)
        self.log("train/loss", loss, prog_bar=True)
        self.log("lr", self.lr_schedulers().get_last_lr()[0])
        return loss

    def _evaluate(self, batch: tuple[Tensor, Tensor], split: str, perplexity: Perplexity) -> None:
        tokens, targets = batch
        logits = self(tokens)
        perplexity(logits, targets)
        self.log(f"{split}/loss", self._loss(logits, targets), prog_bar=True)
        self.log(f"{split}/perplexity", perplexity)

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        self._evaluate(batch, "val", self.val_perplexity)

    def test_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        self._evaluate(batch, "test", self.test_perplexity)

    def configure_optimizers(self) -> dict:
        optimizer = torch.optim.AdamW(self.parameters(), lr=self.hparams.max_lr)
        scheduler = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, max_lr=self.hparams.max_lr, total_steps=int(self.trainer.estimated_stepping_batches)
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}
