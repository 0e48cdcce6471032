"""What a run says of its task before it begins: why it is that one, what there is to predict, what guessing reaches."""

from itertools import accumulate

import numpy as np

from trainhouse.arrays.datamodule import DataModule
from trainhouse.arrays.digits import shown_within
from trainhouse.arrays.split import SPLITS

_WIDTH = 80
_INDENT = 8
_TARGETS = 5


def task_lines(data: DataModule) -> list[str]:
    """Return the task with its reason, the classes and their counts or the targets' mean and range, and a baseline.

    The baseline is what always saying the same reaches: the most frequent class of the training rows, or their mean.
    """
    y = {split: data.parts[split][0].y[data.row_numbers_of(split)] for split in SPLITS}
    reason = f": {data.reason}" if data.reason else ""
    lines = [f"{data.spec.task}{reason}"]
    return lines + (_classes(data, y) if data.spec.classes else _targets(data, y))


def _classes(data: DataModule, y: dict[str, np.ndarray]) -> list[str]:
    names = data.spec.classes
    counts = np.bincount(np.concatenate(list(y.values())), minlength=len(names))
    most = int(np.bincount(y["train"], minlength=len(names)).argmax())
    reached = [f"{split}/acc {np.mean(y[split] == most):.4f}" for split in SPLITS[1:] if len(y[split])]
    listed = [f"{_short(name)} {count}" for name, count in zip(names, counts.tolist(), strict=True)]
    return [_fitting("classes ", listed), _fitting(f"baseline, always {_short(names[most])}: ", reached)]


def _targets(data: DataModule, y: dict[str, np.ndarray]) -> list[str]:
    every = np.concatenate(list(y.values())).astype(np.float64)
    mean = y["train"].astype(np.float64).mean(axis=0)
    lines = []
    for place, name in list(enumerate(data.spec.targets))[:_TARGETS]:
        column = every[:, place]
        low, high = float(column.min()), float(column.max())
        said = f"mean {shown_within(column.mean(), low, high)}, from {shown_within(low, low, high)}"
        said += f" to {shown_within(high, low, high)}"
        lines.append(f"target {_short(name)}: {said}")
        reached = [
            f"{split}/rmse {np.sqrt(np.mean((y[split][:, place].astype(np.float64) - mean[place]) ** 2)):.4g}"
            for split in SPLITS[1:]
            if len(y[split])
        ]
        lines.append(_fitting(f"baseline, always {shown_within(mean[place], low, high)}: ", reached))
    more = len(data.spec.targets) - _TARGETS
    return lines + ([f"and {more} more targets"] if more > 0 else [])


def _short(name: str) -> str:
    return name if len(name) <= 20 else f"{name[:17]}..."


def _fitting(start: str, parts: list[str]) -> str:
    """Join as many of the parts as fit into a line."""
    room = _WIDTH - _INDENT - len(start) - len(", and 1000 more")
    ends = list(accumulate(len(part) + 2 for part in parts))
    fit = sum(end <= room for end in ends) if ends and ends[-1] - 2 > room + len(", and 1000 more") else len(parts)
    return start + ", ".join(parts[:fit]) + (f", and {len(parts) - fit} more" if fit < len(parts) else "")
