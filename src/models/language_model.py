"""A small causal transformer that learns text character by character, and then continues a prompt."""

from typing import ClassVar

import torch
import torch.nn.functional as F
from lightning import LightningModule
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from torchmetrics.text import Perplexity


class Block(nn.Module):
    """Attention to what came before, then a perceptron for each position; each adds to its normalised input."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        if heads < 1 or width % heads:
            raise ValueError(f"width: expected a multiple of heads={heads}, got {width}")
        self.heads = heads
        self.attention_norm = nn.LayerNorm(width)
        self.queries_keys_values = nn.Linear(width, 3 * width)
        self.merge = nn.Linear(width, width)
        self.perceptron_norm = nn.LayerNorm(width)
        self.perceptron = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, T, width) to the same shape; position t sees the positions up to t."""
        joint = self.queries_keys_values(self.attention_norm(x))
        # (B, T, 3 * width) -> three of (B, heads, T, width / heads)
        queries, keys, values = joint.unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        attended = F.scaled_dot_product_attention(queries, keys, values, is_causal=True)
        x = x + self.dropout(self.merge(attended.transpose(1, 2).flatten(2)))
        changed: Tensor = self.dropout(self.perceptron(self.perceptron_norm(x)))
        return x + changed


class CausalTransformer(nn.Module):
    """Characters and their positions as learned vectors, through `layers` blocks, to logits of the next character."""

    def __init__(self, vocab_size: int, context: int, width: int, layers: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.characters = nn.Embedding(vocab_size, width)
        self.positions = nn.Embedding(context, width)
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.Sequential(*[Block(width, heads, dropout) for _ in range(layers)])
        self.output = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, vocab_size))

    def forward(self, characters: Tensor) -> Tensor:
        """Map numbers of characters (B, T), T up to `context`, to logits (B, T, vocab_size)."""
        positions = torch.arange(characters.shape[1], device=characters.device)
        logits: Tensor = self.output(self.blocks(self.dropout(self.characters(characters) + self.positions(positions))))
        return logits


class LanguageModel(LightningModule):
    """Trains the transformer on (inputs, targets), each (B, T): `targets` are `inputs` one character later."""

    monitor = "val/loss"
    directions: ClassVar[dict[str, str]] = {
        "train/loss": "min",
        "val/loss": "min",
        "test/loss": "min",
        "test/perplexity": "min",
    }

    def __init__(
        self,
        vocab_size: int,
        vocabulary: str,
        context: int,
        width: int,
        layers: int,
        heads: int,
        dropout: float,
        lr: float,
        weight_decay: float,
        new_characters: int,
        temperature: float,
    ) -> None:
        """`vocabulary` has the character of each number, so that the model alone can read and write."""
        super().__init__()
        self.save_hyperparameters()
        self.network = CausalTransformer(vocab_size, context, width, layers, heads, dropout)
        self.test_perplexity = Perplexity()

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        """Return the mean cross-entropy of the next character, in nats."""
        loss = self._loss(batch)
        self.log("train/loss", loss, on_step=False, on_epoch=True)
        return loss

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        """Log the mean cross-entropy; Lightning weights the batches by their size."""
        self.log("val/loss", self._loss(batch), prog_bar=True)

    def test_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        """Log the mean cross-entropy and the perplexity: among how many characters the model is undecided."""
        inputs, targets = batch
        self.test_perplexity(self.network(inputs), targets)
        self.log("test/loss", self._loss(batch))
        self.log("test/perplexity", self.test_perplexity)

    def predict_step(self, batch: list[str], batch_idx: int) -> dict[str, list[str]]:
        """Continue each prompt. Raises `ValueError` for one that is empty or has a character not in the vocabulary."""
        return {"prompt": batch, "continuation": [self.continue_text(prompt) for prompt in batch]}

    def prediction_columns(self, output: dict[str, list[str]]) -> dict[str, list[str]]:
        """Name the columns of a table of predictions: they have the same names here."""
        return output

    def continue_text(self, prompt: str) -> str:
        """Draw `new_characters` characters, each from what the network expects after all before it."""
        vocabulary, temperature = self.hparams["vocabulary"], self.hparams["temperature"]
        unknown = "".join(sorted(set(prompt) - set(vocabulary)))
        if unknown or not prompt:
            raise ValueError(f"prompt: expected some of the characters {vocabulary!r}, got {unknown or prompt!r}")
        characters = torch.tensor([[vocabulary.index(character) for character in prompt]], device=self.device)
        for _ in range(self.hparams["new_characters"]):
            logits = self.network(characters[:, -self.hparams["context"] :])[:, -1]
            drawn = torch.multinomial(F.softmax(logits / temperature, dim=-1), num_samples=1)
            characters = torch.cat([characters, drawn], dim=1)
        return "".join(vocabulary[number] for number in characters[0, len(prompt) :].tolist())

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """Return AdamW with a one-cycle schedule, which takes a step after each batch rather than each epoch."""
        lr, weight_decay = self.hparams["lr"], self.hparams["weight_decay"]
        optimizer = torch.optim.AdamW(self.parameters(), lr=lr, weight_decay=weight_decay)
        steps = int(self.trainer.estimated_stepping_batches)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=lr, total_steps=steps)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def _loss(self, batch: tuple[Tensor, Tensor]) -> Tensor:
        inputs, targets = batch
        return F.cross_entropy(self.network(inputs).flatten(0, 1), targets.flatten())
