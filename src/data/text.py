"""Windows of characters from one text file, for a language model that predicts each from those before it."""

from pathlib import Path
from typing import Annotated, Any

import torch
from annotated_types import Ge
from lightning import LightningDataModule
from torch import Tensor
from torch.utils.data import DataLoader, Dataset


class Windows(Dataset[tuple[Tensor, Tensor]]):
    """Every `stride`-th stretch of `context` characters, with the character that follows each of them as target.

    An item is (inputs, targets): two whole-number vectors (context,), the second shifted by one.
    """

    def __init__(self, characters: Tensor, context: int, stride: int) -> None:
        self.characters = characters
        self.context = context
        self.stride = stride

    def __len__(self) -> int:
        return (len(self.characters) - self.context - 1) // self.stride + 1

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        start = index * self.stride
        window = self.characters[start : start + self.context + 1]
        return window[:-1], window[1:]


class Text(LightningDataModule):
    """A text file, cut into its first part for training, the next for validation and the last for the test.

    Batches are (inputs, targets), each (B, context). To predict, one batch is served: a list that holds `prompt`.
    """

    def __init__(
        self,
        file: str,
        split: tuple[float, float, float],
        context: Annotated[int, Ge(1)],
        stride: Annotated[int, Ge(1)],
        prompt: str,
        batch_size: int,
        num_workers: int,
    ) -> None:
        """`split` are the fractions of train, validation and test. Too short ones raise `ValueError`."""
        super().__init__()
        self.file = file
        self.split = split
        self.context = context
        self.stride = stride
        self.prompt = prompt
        self.batch_size = batch_size
        self.num_workers = num_workers

    def setup(self, stage: str) -> None:
        """Read the file. To predict, it isn't needed: the model knows its own characters."""
        if stage == "predict":
            return
        text = Path(self.file).read_text(encoding="utf-8")
        self.vocabulary = "".join(sorted(set(text)))
        number_of = {character: number for number, character in enumerate(self.vocabulary)}
        numbers = torch.tensor([number_of[character] for character in text])
        # Neighbouring windows overlap. Parts drawn at random would have the test's characters in training.
        train_end = round(self.split[0] * len(text))
        val_end = round((self.split[0] + self.split[1]) * len(text))
        train, val, test = numbers[:train_end], numbers[train_end:val_end], numbers[val_end:]
        shortest = min(len(train), len(val), len(test))
        if shortest <= self.context:
            raise ValueError(f"context: expected less than the {shortest} characters of a split, got {self.context}")
        self.train = Windows(train, self.context, self.stride)
        # Side by side: each character is a target once.
        self.val = Windows(val, self.context, self.context)
        self.test = Windows(test, self.context, self.context)

    def facts(self) -> dict[str, int | str]:
        """What the model is built from: its number of characters, the characters in order, the length of a window."""
        return {"vocab_size": len(self.vocabulary), "vocabulary": self.vocabulary, "context": self.context}

    def train_dataloader(self) -> DataLoader[Any]:
        """Serve windows that overlap, in a new order each epoch."""
        return DataLoader(self.train, batch_size=self.batch_size, shuffle=True, num_workers=self.num_workers)

    def val_dataloader(self) -> DataLoader[Any]:
        """Serve windows side by side, in the order of the file."""
        return DataLoader(self.val, batch_size=self.batch_size, num_workers=self.num_workers)

    def test_dataloader(self) -> DataLoader[Any]:
        """Serve windows side by side, in the order of the file."""
        return DataLoader(self.test, batch_size=self.batch_size, num_workers=self.num_workers)

    def predict_dataloader(self) -> DataLoader[Any]:
        """Serve the prompt, as it was written."""
        return DataLoader([self.prompt])  # type: ignore[arg-type]
