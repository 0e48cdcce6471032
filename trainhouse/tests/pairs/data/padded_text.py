"""Texts of different lengths in a file that `prepare_data` writes, batched with others of about the same length."""

import json
import random
from collections.abc import Iterator
from pathlib import Path

import lightning as L
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader, Dataset, Sampler

Row = tuple[Tensor, int]


class Texts(Dataset):
    def __init__(self, rows: list[dict]):
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> Row:
        return torch.tensor(self.rows[index]["tokens"]), self.rows[index]["label"]


def pad(rows: list[Row]) -> tuple[Tensor, Tensor, Tensor]:
    """Token numbers [B, T], 0 behind the end of a row; lengths [B]; labels [B]."""
    tokens, labels = zip(*rows, strict=True)
    return (
        pad_sequence(list(tokens), batch_first=True),
        torch.tensor([len(text) for text in tokens]),
        torch.tensor(labels),
    )


class LengthBuckets(Sampler[list[int]]):
    """Batches of about equal lengths: sorted with some noise, cut, and the batches shuffled."""

    def __init__(self, lengths: list[int], batch_size: int, noise: float = 2.0):
        self.lengths = torch.tensor(lengths, dtype=torch.float)
        self.batch_size = batch_size
        self.noise = noise

    def __len__(self) -> int:
        return -(-len(self.lengths) // self.batch_size)

    def __iter__(self) -> Iterator[list[int]]:
        order = (self.lengths + self.noise * torch.rand(len(self.lengths))).argsort()
        batches = order.split(self.batch_size)
        for index in torch.randperm(len(batches)).tolist():
            yield batches[index].tolist()


class PaddedTextDataModule(L.LightningDataModule):
    def __init__(self, data_dir: str = "data/", vocab_size: int = 20, batch_size: int = 8, num_workers: int = 2):
        super().__init__()
        self.file = Path(data_dir) / "texts.jsonl"
        self.vocab_size = vocab_size
        self.batch_size = batch_size
        self.num_workers = num_workers

    def prepare_data(self) -> None:
        if self.file.exists():
            return
        self.file.parent.mkdir(parents=True, exist_ok=True)
        rng = random.Random(17)
        with self.file.open("w") as file:
            for _ in range(96):
                label, length = rng.randrange(2), rng.randint(3, 14)
                tokens = [1 + int(rng.random() ** 2 * (self.vocab_size - 1)) for _ in range(length)]
                tokens = [self.vocab_size - token for token in tokens] if label else tokens
                file.write(json.dumps({"tokens": tokens, "label": label}) + "\n")

    def setup(self, stage: str) -> None:
        rows = [json.loads(line) for line in self.file.read_text().splitlines()]
        self.train, self.val, self.test = Texts(rows[:64]), Texts(rows[64:80]), Texts(rows[80:])

    def train_dataloader(self) -> DataLoader:
        return DataLoader(
            self.train,
            batch_sampler=LengthBuckets([len(row["tokens"]) for row in self.train.rows], self.batch_size),
            collate_fn=pad,
            num_workers=self.num_workers,
            persistent_workers=self.num_workers > 0,
        )

    def val_dataloader(self) -> DataLoader:
        return DataLoader(
            self.val,
            batch_size=self.batch_size,
            collate_fn=pad,
            num_workers=self.num_workers,
            persistent_workers=self.num_workers > 0,
        )

    def test_dataloader(self) -> DataLoader:
        return DataLoader(self.test, batch_size=self.batch_size, collate_fn=pad)
