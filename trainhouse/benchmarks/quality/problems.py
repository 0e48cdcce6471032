"""The data of the comparison: small sets that scikit-learn ships, and some that are generated here."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from sklearn import datasets

TEST = 0.3  # of the rows
_SIDE = 12


@dataclass(frozen=True)
class Problem:
    """Rows to learn from: `x` (N, features) float32, or images (N, H, W) uint8; `y` classes or one number a row."""

    name: str
    x: np.ndarray
    y: np.ndarray

    @property
    def is_classes(self) -> bool:
        """Whether the labels are classes."""
        return self.y.dtype.kind == "i"

    def divided(self, seed: int, shuffled: bool = False) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Return x and y of training, then of the test; with `shuffled` the labels of training are dealt out again."""
        random = np.random.default_rng(seed)
        order = random.permutation(len(self.y))
        rows, test = np.split(order, [round(len(order) * (1 - TEST))])
        y = random.permutation(self.y[rows]) if shuffled else self.y[rows]
        return self.x[rows], y, self.x[test], self.y[test]

    def chance(self, y: np.ndarray, test: np.ndarray) -> float:
        """Return the score of a constant prediction: the most frequent class, or the mean, of `y`."""
        if self.is_classes:
            return float(np.mean(test == np.bincount(y).argmax()))
        return self.score(np.full(len(test), y.mean()), test)

    def score(self, said: np.ndarray, test: np.ndarray) -> float:
        """Return the accuracy, or R2."""
        if self.is_classes:
            return float(np.mean(said == test))
        return float(1 - np.mean((said - test) ** 2) / np.mean((test - test.mean()) ** 2))


def _shipped(name: str, load: Callable[..., tuple[np.ndarray, np.ndarray]]) -> Problem:
    x, y = load(return_X_y=True)
    return Problem(name, x.astype(np.float32), y.astype(np.int64 if len(np.unique(y)) < 20 else np.float64))


def _friedman() -> Problem:
    """Ten columns, of which five count, in sines, squares and products; a noise of 1."""
    x, y = datasets.make_friedman1(600, noise=1.0, random_state=0)
    return Problem("friedman", x.astype(np.float32), y)


def _noisy() -> Problem:
    """Three classes of two clusters each, in five of twenty columns; of a twentieth of the rows the class is wrong."""
    x, y = datasets.make_classification(
        1000, 20, n_informative=5, n_classes=3, n_clusters_per_class=2, flip_y=0.05, random_state=0
    )
    return Problem("clusters", x.astype(np.float32), y.astype(np.int64))


def _digits() -> Problem:
    data = datasets.load_digits()
    return Problem("digits", data.images.astype(np.uint8), data.target.astype(np.int64))


def _bars() -> Problem:
    """Images of 12 x 12 bytes: a bar across, down, or along either diagonal, anywhere, in noise."""
    random = np.random.default_rng(0)
    y = random.integers(0, 4, 800)
    x = random.integers(0, 100, (800, _SIDE, _SIDE))
    steps = [(0, 1), (1, 0), (1, 1), (1, -1)]
    for image, kind in zip(x, y, strict=True):
        row, column = random.integers(3, _SIDE - 3, 2)
        for place in range(-3, 4):
            down, right = steps[kind]
            image[(row + place * down) % _SIDE, (column + place * right) % _SIDE] += 130
    return Problem("bars", x.astype(np.uint8), y.astype(np.int64))


def problems() -> list[Problem]:
    """Return six tables, then two sets of images."""
    return [
        _shipped("iris", datasets.load_iris),
        _shipped("wine", datasets.load_wine),
        _shipped("breast cancer", datasets.load_breast_cancer),
        _noisy(),
        _shipped("diabetes", datasets.load_diabetes),
        _friedman(),
        _digits(),
        _bars(),
    ]
