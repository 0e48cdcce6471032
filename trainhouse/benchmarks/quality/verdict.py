"""What the scores of several splits say: means, deviations, paired differences."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from trainhouse.reports import aligned_table

_ERRORS = 2.0  # standard errors that are noise
_CHANCE = 0.02  # a score that much above chance is none yet
CAPTION = (
    "Scores are means over splits ± their deviation, on test rows that no model has seen; of default and mlp, which\n"
    "validate, each is the mean over several divisions of the other rows. 'difference' is that of the\n"
    "default model to the better of linear and mlp, with two standard errors over the same splits: 'worse' marks one\n"
    "that is lower by more than that. 'shuffled' is its score after training on labels that were dealt out at random."
)


@dataclass(frozen=True)
class Compared:
    """The scores (seeds,) of all on one problem; higher is better."""

    name: str
    measure: str
    test_rows: int
    ours: np.ndarray
    others: Mapping[str, np.ndarray]
    yardsticks: Sequence[str]
    shuffled: np.ndarray
    chance: np.ndarray
    seconds: float
    """Of one training of ours, with all that surrounds it."""

    @property
    def best(self) -> str:
        """The better of the yardsticks, by its mean."""
        return max(self.yardsticks, key=lambda name: float(self.others[name].mean()))

    @property
    def difference(self) -> tuple[float, float]:
        """Ours less the best yardstick's, paired by splits: the mean, and what of it may be noise."""
        paired = self.ours - self.others[self.best]
        return float(paired.mean()), _ERRORS * float(paired.std(ddof=1)) / len(paired) ** 0.5

    @property
    def is_worse(self) -> bool:
        """Whether ours is worse by more than noise, a single test row of each split at least."""
        mean, noise = self.difference
        return bool(mean < -max(noise, 1 / self.test_rows if self.measure == "accuracy" else 0.0))

    @property
    def learns_from_noise(self) -> bool:
        """Whether the score after training on shuffled labels is better than chance, beyond noise."""
        paired = self.shuffled - self.chance
        return bool(paired.mean() > _ERRORS * paired.std(ddof=1) / len(paired) ** 0.5 + _CHANCE)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "name": self.name,
            "measure": self.measure,
            "default": self.ours.tolist(),
            **{name: scores.tolist() for name, scores in self.others.items()},
            "difference": self.difference,
            "shuffled": self.shuffled.tolist(),
            "chance": self.chance.tolist(),
            "seconds": self.seconds,
        }


def table(found: Sequence[Compared]) -> str:
    """Return the comparison as aligned text."""
    names = list(found[0].others)
    header = ("", "measure", "default", *names, "difference", "shuffled", "chance", "s", "")
    rows = [
        (
            one.name,
            one.measure,
            _spread(one.ours),
            *(_spread(one.others[name]) for name in names),
            "{:+.3f} ± {:.3f}".format(*one.difference),
            f"{one.shuffled.mean():.3f}",
            f"{one.chance.mean():.3f}",
            f"{one.seconds:.1f}",
            "worse" if one.is_worse else "learns from noise" if one.learns_from_noise else "",
        )
        for one in found
    ]
    return f"{aligned_table.table(header, rows)}\n\n{CAPTION}"


def _spread(scores: np.ndarray) -> str:
    return f"{scores.mean():.3f} ± {scores.std(ddof=1):.3f}"
