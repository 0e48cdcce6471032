"""Characters of generated sentences, in blocks; the targets are the same characters moved on by one."""

import random

import lightning as L
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

SUBJECTS, VERBS, OBJECTS = ("the cat", "a dog", "my hen"), ("sees", "eats", "likes"), ("fish.", "corn.", "a bone.")


class Blocks(Dataset):
    def __init__(self, tokens: Tensor, block_size: int, stride: int):
        self.tokens, self.block_size, self.stride = tokens, block_size, stride

    def __len__(self) -> int:
        return (len(self.tokens) - self.block_size - 1) // self.stride + 1

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        block = self.tokens[index * self.stride :][: self.block_size + 1]
        return block[:-1], block[1:]


class CharacterDataModule(L.LightningDataModule):
    def __init__(self, sentences: int = 60, block_size: int = 16, batch_size: int = 8):
        super().__init__()
        self.save_hyperparameters()
        rng = random.Random(5)
        words = (rng.choice(choices) for _ in range(sentences) for choices in (SUBJECTS, VERBS, OBJECTS))
        self.text = " ".join(words)
        self.characters = sorted(set(self.text))

    def facts(self) -> dict:
        size = self.hparams.block_size
        return {"vocab_size": len(self.characters), "block_size": size, "vocabulary": self.characters}

    def setup(self, stage: str) -> None:
        tokens = torch.tensor([self.characters.index(character) for character in self.text])
        size = self.hparams.block_size
        first, second = int(0.7 * len(tokens)), int(0.85 * len(tokens))
        self.train = Blocks(tokens[:first], size, stride=size // 2)
        self.val = Blocks(tokens[first:second], size, stride=size)
        self.test = Blocks(tokens[second:], size, stride=size)

    def train_dataloader(self) -> DataLoader:
        return DataLoader(self.train, batch_size=self.hparams.batch_size, shuffle=True)

    def val_dataloader(self) -> DataLoader:
        return DataLoader(self.val, batch_size=self.hparams.batch_size)

    def test_dataloader(self) -> DataLoader:
        return DataLoader(self.test, batch_size=self.hparams.batch_size)
