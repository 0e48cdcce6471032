"""What a run says of its data and task before it begins: what there is, what to predict, what guessing reaches."""

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any

import numpy as np

from trainhouse.arrays.baseline import Baseline, always_of
from trainhouse.arrays.datamodule import DataModule
from trainhouse.arrays.digits import shown_within
from trainhouse.arrays.spec import DataSpec
from trainhouse.arrays.split import SPLITS
from trainhouse.machine.numbers import format_number

_WIDTH = 80
_INDENT = 8
_TARGETS = 5
_FEW = 5  # rows
_MANY, _HEAVY = 100, 0.7  # training rows, and the share of the variance that one in so many of them makes
_LONG = 30  # characters of a fact


def data_lines(data: DataModule) -> list[str]:
    """Return the rows of each split; then what a row holds, the classes with their counts, and what is missing."""
    split = {name: data.row_count(name) for name in SPLITS}
    spec = data.spec
    held = _fitting(f"{_row(spec)}; classes ", _classes(data)) if spec.classes else _row(spec)
    missing = [f"{_short(name)} {count:,}" for name, count in sorted(data.lacking.items(), key=lambda one: -one[1])]
    lacking = [_fitting("missing in train: ", missing)] if missing else []
    how = [f"split by {shown}"] if (shown := data.split_by) else []
    how += [f"weighted by {beside.key('weights')}"] if (beside := data.beside["train"]).weights is not None else []
    dropped = [f"{without:,} more have no label and are left out"] if (without := _unlabelled(data)) else []
    main = data.parts["all"][0]
    unused = data.row_count("all") - sum(data.row_count(name) for name in SPLITS if data.parts[name][0] is main)
    none = f", and {unused:,} later in none" if unused else ""  # of a window of time that expands
    first = f"{data.source}: {sum(split.values()):,} rows: {_rows(split)}{none}"
    return [first, *_joined([*dropped, held, *how, *lacking])]


def _unlabelled(data: DataModule) -> int:
    """How many rows have no label and are in no split, in all files."""
    main = data.parts["all"][0]
    of_files = [("all", main), *((name, rows) for name in SPLITS if (rows := data.parts[name][0]) is not main)]
    return sum(len(rows.y) - data.row_count(name) for name, rows in of_files)


def own_data_lines(name: str, rows: Mapping[str, int], facts: Mapping[str, Any]) -> list[str]:
    """Return the same of a user's DataModule: its rows, and those of its facts that are short."""
    known = {split: count for split, count in rows.items() if count}
    plain = {key: value for key, value in facts.items() if not isinstance(value, dict)}
    shown = [f"{key} {value}" for key, value in plain.items() if len(f"{key} {value}") <= _LONG]
    return [f"{name}: {_rows(known)}" if known else name, *([_fitting("facts ", shown)] if shown else [])]


def _rows(split: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in split.items())


def _row(spec: DataSpec) -> str:
    """Say what one row holds."""
    sizes = " x ".join(map(str, spec.input_shape))
    if len(spec.input_shape) == 1:
        texts = len(spec.categories or {})
        what = "column" if spec.columns else "number"
        count = f"{spec.input_shape[0]:,} {what}{'s' * (spec.input_shape[0] != 1)}"
        dates = len(spec.dates or {})
        return count + f", {texts} of text" * bool(texts) + f", {dates} of dates" * bool(dates)
    if len(spec.input_shape) == 2 and spec.axis == 1:
        return f"{spec.input_shape[0]:,} steps of {spec.input_shape[1]:,}"
    is_image = len(spec.input_shape) == 3 or (len(spec.input_shape) == 2 and spec.dtype == "uint8")
    return f"images {sizes}" if is_image else f"rows {sizes}"


def _joined(parts: Sequence[str]) -> list[str]:
    """Join parts as far as they fit into one line."""
    lines = [parts[0]]
    for part in parts[1:]:
        together = f"{lines[-1]}; {part}"
        lines = [*lines[:-1], together] if len(together) <= _WIDTH - _INDENT else [*lines, part]
    return lines


def task_lines(data: DataModule) -> list[str]:
    """Return the task with its reason, the targets' mean and range, and a baseline.

    The baseline is the metrics of a constant prediction: the most frequent class of the training rows, or their mean.
    """
    y = _targets_of(data)
    reason = f": {data.reason}" if data.reason else ""
    lines = [f"{data.spec.task}{reason}"]
    if data.spec.classes:
        return [*lines, _majority(data, y)]
    if data.spec.task == "multilabel":
        counts = sum(part.sum(axis=0) for part in y.values()).astype(int).tolist()
        named = [f"{_short(name)} {count:,}" for name, count in zip(data.spec.targets, counts, strict=True)]
        return [*lines, _fitting("rows of each label: ", named), _majority(data, y)]
    return lines + _targets(data, y)


def label_shares(data: DataModule) -> list[float]:
    """Return the share of the training rows for which each of several labels is true."""
    shares: list[float] = _targets_of(data)["train"].mean(axis=0, dtype=np.float64).tolist()
    return shares


def few_rows(data: DataModule) -> list[str]:
    """Say which splits have so few rows, or so few of a class, that a number means little; an empty split is none."""
    names, lines = data.spec.classes, []
    for split in SPLITS[1:]:
        if not (count := data.row_count(split)):
            continue
        y = data.parts[split][0].y[data.row_numbers_of(split)]
        counts = np.bincount(y, minlength=len(names)) if names else np.array([count])
        few = [place for place in np.argsort(counts, kind="stable").tolist() if counts[place] < _FEW]
        if not few:
            continue
        rows = f"{split} has {count} row{'s' * (count != 1)}"
        rare = [f"{counts[place]} of class {_short(names[place])}" for place in few] if names else []
        lines.append((_fitting(f"{rows}, ", rare) if rare else rows) + ": what is measured on so few says little")
    return lines


def heavy_tails(data: DataModule) -> list[str]:
    """Say of which targets one training row in a hundred makes most of the variance: a squared error goes by it."""
    y = data.parts["train"][0].y
    if data.spec.task != "regression" or data.row_count("train") < _MANY:
        return []
    squares = np.asarray(y[data.row_numbers_of("train")], np.float64)
    lowest = np.min([part.min(axis=0) for part in _targets_of(data).values() if len(part)], axis=0)
    squares -= squares.mean(axis=0)
    squares = (squares / np.maximum(np.abs(squares).max(axis=0), 1e-300)) ** 2
    few = len(squares) // _MANY
    largest = np.partition(squares, len(squares) - few, axis=0)[-few:].sum(axis=0)
    return [
        f"target {_short(name)}: {few} of {len(squares):,} training rows make {share:.0%} of its variance, so a "
        "squared error goes by them, and loss=huber or mae less so"
        + "; its logarithm may be a better target"
        * (low > 0)
        for name, share, low in zip(
            data.spec.targets, largest / np.maximum(squares.sum(axis=0), 1e-300), lowest.tolist(), strict=True
        )
        if share > _HEAVY
    ][:_TARGETS]


def _classes(data: DataModule) -> list[str]:
    names = data.spec.classes
    counts = sum(
        np.bincount(data.parts[split][0].y[data.row_numbers_of(split)], minlength=len(names)) for split in SPLITS
    )
    return [f"{_short(name)} {count:,}" for name, count in zip(names, np.asarray(counts).tolist(), strict=True)]


def _majority(data: DataModule, y: dict[str, np.ndarray]) -> str:
    found = _baseline(data, y)
    reached = [f"{name} {format_number(value)}" for name, value in found.metrics.items()]
    return _fitting(f"baseline, always {_short(found.always)}: ", reached)


def baseline_of(data: DataModule) -> Baseline:
    """Return the metrics of a constant prediction on the rows of validation and test."""
    return _baseline(data, _targets_of(data))


def _baseline(data: DataModule, y: dict[str, np.ndarray]) -> Baseline:
    measured = SPLITS[1:]
    weights = {split: data.weights_of(split) for split in measured}
    return Baseline.of(data.spec, always_of(data.spec, y["train"]), {split: y[split] for split in measured}, weights)


def _targets_of(data: DataModule) -> dict[str, np.ndarray]:
    return {split: data.parts[split][0].y[data.row_numbers_of(split)] for split in SPLITS}


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
            f"{split}/rmse {format_number(_rmse(y[split][:, place], mean[place], data.weights_of(split)))}"
            for split in SPLITS[1:]
            if len(y[split])
        ]
        lines.append(_fitting(f"baseline, always {shown_within(mean[place], low, high)}: ", reached))
    more = len(data.spec.targets) - _TARGETS
    return lines + ([f"and {more} more targets"] if more > 0 else [])


def _rmse(column: np.ndarray, mean: float, weights: np.ndarray | None) -> float:
    return float(np.sqrt(np.average((column.astype(np.float64) - mean) ** 2, weights=weights)))


def _short(name: str) -> str:
    return name if len(name) <= 20 else f"{name[:17]}..."


def _fitting(start: str, parts: list[str]) -> str:
    """Join as many of the parts as fit into a line."""
    room = _WIDTH - _INDENT - len(start) - len(", and 1000 more")
    ends = list(accumulate(len(part) + 2 for part in parts))
    fit = sum(end <= room for end in ends) if ends and ends[-1] - 2 > room + len(", and 1000 more") else len(parts)
    return start + ", ".join(parts[:fit]) + (f", and {len(parts) - fit} more" if fit < len(parts) else "")
