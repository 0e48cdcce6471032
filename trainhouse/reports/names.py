"""The names of logged values: which split they are of, and what they measure."""

import re
from collections.abc import Collection, Mapping

SPLITS = ("train", "val", "test")
_FORM = re.compile(r"(train|val|valid|validation|test)[/_.-](.+)", re.DOTALL)
_FORK = re.compile(r"(.+)_(step|epoch)((?:/dataloader_idx_\d+)?)", re.DOTALL)
_SAME = {"valid": "val", "validation": "val"}
COLUMNS = ("epoch", "step", "lr", "seconds", "train_rows", "train_seconds")
"""What a row of a run's history holds beside what the module logs."""


def split_of(name: str) -> str | None:
    """Return ``train``, ``val`` or ``test`` of a name such as ``val/loss`` or ``val_loss``; None if it says neither."""
    match = _FORM.fullmatch(name)
    return _SAME.get(match[1], match[1]) if match else None


def measure_of(name: str) -> str:
    """Return a name without the split in front: ``loss`` of ``val/loss`` and of ``val_loss``."""
    match = _FORM.fullmatch(name)
    return match[2] if match else name


def of_split(metrics: Mapping[str, float], split: str) -> dict[str, float]:
    """Return the values of one split, or of ``all`` rows, by what they measure."""
    if split == "all":
        return {name.removeprefix("all/"): value for name, value in metrics.items() if name.startswith("all/")}
    return {measure_of(name): value for name, value in metrics.items() if split_of(name) == split}


def as_tested(name: str, others: Collection[str]) -> str:
    """Return the name under which a value of the test is kept: ``test/<name>`` where its own says otherwise.

    That is a name of training or validation by its form, as ``val_loss``, or one of the `others` that these log.
    """

    def logged(full: str) -> str:
        return full.partition("/dataloader_idx_")[0]  # Lightning's, of several loaders

    is_taken = logged(name) in {logged(other) for other in others}
    return f"test/{name}" if is_taken or split_of(name) in ("train", "val") else name


def logged_once(metrics: Mapping[str, float], besides: str | None = None) -> dict[str, float]:
    """Leave out what Lightning keeps beside a value that is logged on steps and epochs: `x_step`, `x_epoch` beside `x`.

    `besides` is a name that stays.
    """

    def is_fork(name: str) -> bool:
        match = _FORK.fullmatch(name)
        if name == besides or not match:
            return False
        of_epoch = metrics.get(f"{match[1]}_epoch{match[3]}")
        return of_epoch is not None and of_epoch == metrics.get(f"{match[1]}{match[3]}")

    return {name: value for name, value in metrics.items() if not is_fork(name)}
