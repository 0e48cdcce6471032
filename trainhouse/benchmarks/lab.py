"""Where measuring happens: a temporary folder, the generated data in it, and what several rows share."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from trainhouse.benchmarks.processes import ROOT, output_of, python

Made = TypeVar("Made")

CLASSES = 10
PIXELS = (28, 28)
_BLOCK = 100_000  # rows generated at a time


@dataclass
class Lab:
    """One run of the benchmarks. `folder` is temporary: whatever is written goes there."""

    folder: Path
    repeats: int = 5
    quick: bool = False
    _made: dict[object, Any] = field(default_factory=dict)
    _numbers: Any = field(default_factory=itertools.count)

    def size(self, full: int, quick: int) -> int:
        """Return a size for this run: a quick one only shows that everything works."""
        return quick if self.quick else full

    def once(self, key: object, make: Callable[[], Made]) -> Made:
        """Return what `make` makes, for all rows that ask for `key`."""
        if key not in self._made:
            self._made[key] = make()
        made: Made = self._made[key]
        return made

    def new_folder(self) -> Path:
        """Return a folder that isn't there yet."""
        return self.folder / f"run_{next(self._numbers)}"

    def images(self, rows: int) -> list[str]:
        """Return the command-line words for `rows` generated images of ten classes: uint8, (28, 28)."""
        x, y = self.once(("images", rows), lambda: self._write_images(rows))
        return ["data=npy", f"data.features={x}", f"data.labels={y}"]

    def _write_images(self, rows: int) -> tuple[Path, Path]:
        random = np.random.default_rng(0)
        centres = random.integers(0, 128, (CLASSES, *PIXELS), dtype=np.uint8)
        classes = random.permutation(np.arange(rows) % CLASSES)
        # A tenth of the labels is wrong: a loss of zero would fill the optimizer with denormal, slow numbers.
        y = np.where(random.random(rows) < 0.1, random.permutation(classes), classes)
        x_path, y_path = self.folder / f"images_{rows}.npy", self.folder / f"labels_{rows}.npy"
        np.save(y_path, y)
        x = np.lib.format.open_memmap(x_path, mode="w+", dtype=np.uint8, shape=(rows, *PIXELS))
        for start in range(0, rows, _BLOCK):
            block = centres[classes[start : start + _BLOCK]]
            x[start : start + _BLOCK] = block + random.integers(0, 128, block.shape, dtype=np.uint8)
        x.flush()
        return x_path, y_path

    def table(self, rows: int, columns: int) -> Path:
        """Return a file of `rows` generated rows of float32."""
        return self.once(("table", rows, columns), lambda: self._write_table(rows, columns))

    def _write_table(self, rows: int, columns: int) -> Path:
        path = self.folder / f"table_{rows}.npy"
        random = np.random.default_rng(0)
        x = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(rows, columns))
        for start in range(0, rows, _BLOCK):
            x[start : start + _BLOCK] = random.standard_normal((min(_BLOCK, rows - start), columns), dtype=np.float32)
        x.flush()
        return path

    def trained(self, *overrides: str) -> Path:
        """Return the folder of a run of one epoch with these overrides of train.py."""
        return self.once(("trained", overrides), lambda: self._train(overrides))

    def _train(self, overrides: tuple[str, ...]) -> Path:
        folder = self.new_folder()
        output_of(train_command(folder, *overrides, "trainer.max_epochs=1"), self.folder)
        return folder


def train_command(folder: Path, *overrides: str) -> list[str]:
    """Return the command that trains into `folder`."""
    return python(ROOT / "train.py", *overrides, f"hydra.run.dir={folder}")


def perceptron(lab: Lab) -> list[str]:
    """Return the overrides for a perceptron of three layers on images, as several rows train it."""
    images = lab.images(lab.size(full=60_000, quick=8_000))
    return [*images, "model=simple_net", "model.hidden_sizes=[256,128]", "data.batch_size=128"]
