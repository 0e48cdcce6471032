"""What each column of a table is and holds in training, and how well it predicts alone: a leak predicts too well.

Of many rows, or many columns, a sample is looked at, evenly spaced.
"""

import csv
import io
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from trainhouse.arrays.datamodule import DataModule
from trainhouse.arrays.digits import shown_date, shown_within

_MOST_ROWS, _MOST_CELLS, _MOST_CLASSES = 10_000, 1_000_000, 10
_LEAST_ROWS, _LEAST_OF_CLASS = 50, 10  # with fewer a high score is chance
_SUSPICIOUS = 0.99
_FREQUENT = 3
_CONSTANT = "constant"


class ColumnSummary(NamedTuple):
    """A line of the summary; what doesn't apply is empty."""

    column: str
    kind: str
    missing: int | None
    different: int | None
    least: str
    mean: str
    most: str
    most_frequent: str
    becomes: str
    alone: float | None
    """How well it predicts alone: of classes the area under the ROC curve, of amounts the rank correlation's size."""
    note: str


def column_summary(data: DataModule) -> list[ColumnSummary]:
    """Return a line for each feature column of a table, as its training rows are, then for each that is left out.

    There are none for data without columns.
    """
    spec = data.spec
    if not spec.columns or len(spec.input_shape) != 1:
        return []
    rows, numbers = data.parts["train"]
    count = data.row_count("train")
    most = max(_LEAST_ROWS, min(_MOST_ROWS, _MOST_CELLS // len(spec.columns)))
    places = np.linspace(0, count - 1, min(count, most)).astype(np.int64)
    chosen = places if numbers is None else np.sort(numbers[places])
    x, y = np.asarray(rows.x[chosen]), np.asarray(rows.y[chosen])
    answers = _answers(y, len(spec.classes))
    found = [_of_column(data, name, x[:, place].astype(np.float64), answers) for place, name in enumerate(spec.columns)]
    return [*found, *(_left_out(name, why) for name, why in data.left_out.items())]


def _left_out(name: str, why: str) -> ColumnSummary:
    return ColumnSummary(name, "left out", None, None, "", "", "", "", "", None, why)


def as_csv(columns: Sequence[ColumnSummary]) -> str:
    """Return the summary as a table."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*ColumnSummary.__annotations__])
    writer.writerows([*one[:-2], "" if one.alone is None else f"{one.alone:.3f}", one.note] for one in columns)
    return text.getvalue()


def summary_lines(columns: Sequence[ColumnSummary], data: DataModule) -> list[str]:
    """Return a line for columns that are the same in every row, and one for a column that predicts too well alone."""
    lines = []
    if constant := [one.column for one in columns if one.note == _CONSTANT]:
        more = f" and {len(constant) - _FREQUENT} more" if len(constant) > _FREQUENT else ""
        lines.append(
            f"the same in all training rows, so nothing to learn from: {', '.join(constant[:_FREQUENT])}{more}"
        )
    if leak := leak_line(columns, data):
        lines.append(leak)
    return lines


def leak_line(columns: Sequence[ColumnSummary], data: DataModule) -> str | None:
    """Return a line for the column that predicts best alone, if it does so too well; None if none does."""
    best = max(columns, key=lambda one: one.alone or 0.0, default=None)
    if not (best and best.alone and best.alone > _SUSPICIOUS and len(data.spec.columns) > 1):
        return None
    measure = "AUC" if data.spec.classes else "rank correlation"
    return (
        f"column {best.column} alone predicts {data.spec.targets[0]} ({measure} {best.alone:.3f}): known only with "
        "it, a leak? then name it in data.drop"
    )


def _of_column(data: DataModule, name: str, values: np.ndarray, answers: list[np.ndarray]) -> ColumnSummary:
    spec = data.spec
    texts = (spec.categories or {}).get(name)
    is_date = name in (spec.dates or {})
    known = values >= 0 if texts is not None else ~np.isnan(values)
    found, counts = np.unique(values[known], return_counts=True)
    with np.errstate(invalid="ignore"):  # infinite numbers are refused later
        mean = float(values[known].mean()) if len(found) else 0.0
    low, high = (float(found[0]), float(found[-1])) if len(found) else (0.0, 0.0)
    frequent = [(float(found[place]), int(counts[place])) for place in np.argsort(-counts, kind="stable")[:_FREQUENT]]
    is_shown = texts is None and len(found) > 0
    least, middle, most = (
        (shown_date(one) if is_date else shown_within(one, low, high)) * is_shown for one in (low, mean, high)
    )
    named = [(texts[int(value)] if texts else "", count) for value, count in frequent] if texts else []
    return ColumnSummary(
        name,
        "category" if texts is not None else "date" if is_date else "number",
        data.lacking.get(name, 0),
        len(found),
        least,
        middle,
        most,
        "; ".join(f"{text} {count}" for text, count in named),
        _becomes(data, name),
        _alone(values, known, answers, texts is not None, bool(spec.classes)),
        _CONSTANT if len(found) == 1 and known.all() else "",
    )


def _becomes(data: DataModule, name: str) -> str:
    spec = data.spec
    if (texts := (spec.categories or {}).get(name)) is not None:
        return f"{len(texts)} categories" + (", the last for all others" if name in spec.grouped else "")
    if name in (spec.dates or {}):
        return ", ".join((spec.date_parts or {}).get(name, ()))
    return "a number, standardised" + ("" if spec.axis is not None else " together with all others")


def _answers(y: np.ndarray, classes: int) -> list[np.ndarray]:
    """Return what is to be predicted, as numbers: of two classes one, of more the most frequent ones each by itself."""
    if not classes:
        return [y.reshape(len(y), -1)[:, 0].astype(np.float64)]
    order = [1] if classes == 2 else np.argsort(-np.bincount(y, minlength=classes), kind="stable")[:_MOST_CLASSES]
    return [(y == place).astype(np.float64) for place in order]


def _alone(
    values: np.ndarray, known: np.ndarray, answers: list[np.ndarray], is_text: bool, is_class: bool
) -> float | None:
    """Return the mean score over the answers, each by its share of rows; None where rows are too few to say."""
    if known.sum() < _LEAST_ROWS:
        return None
    scores, weights = [], []
    ranks = None if is_text else _ranks(values[known])
    for answer in answers:
        true = answer[known]
        said = _ranks(_means_of_others(values[known].astype(np.int64), true)) if ranks is None else ranks
        if is_class and min(true.sum(), len(true) - true.sum()) < _LEAST_OF_CLASS:
            continue
        scores.append(_auc(said, true) if is_class else _rank_correlation(said, true))
        weights.append(answer.sum() if is_class else 1.0)
    return float(np.average(scores, weights=weights)) if scores else None


def _means_of_others(codes: np.ndarray, answer: np.ndarray) -> np.ndarray:
    """Return for each row the mean answer of its category in the other half of the rows: in its own it knows it."""
    said = np.full(len(codes), answer.mean())
    for half in (0, 1):
        own, other = slice(half, None, 2), slice(1 - half, None, 2)
        sums = np.bincount(codes[other], answer[other], minlength=codes.max() + 1)
        counts = np.bincount(codes[other], minlength=codes.max() + 1)
        means = np.where(counts > 0, sums / np.maximum(counts, 1), answer.mean())
        said[own] = means[codes[own]]
    return said


def _ranks(values: np.ndarray) -> np.ndarray:
    """Return ranks (N,), the mean one of equal values."""
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    mean: np.ndarray = (ends - (counts - 1) / 2)[places]
    return mean


def _auc(ranks: np.ndarray, true: np.ndarray) -> float:
    """The area under the ROC curve, of the better direction (Mann & Whitney, 1947)."""
    positive = true.sum()
    area = (float(ranks @ true) - positive * (positive + 1) / 2) / (positive * (len(true) - positive))
    return float(max(area, 1 - area))


def _rank_correlation(ranks: np.ndarray, true: np.ndarray) -> float:
    """The size of Spearman's correlation; 0 of what does not vary."""
    one, other = ranks, _ranks(true)
    if one.std() == 0 or other.std() == 0:
        return 0.0
    return float(abs(np.corrcoef(one, other)[0, 1]))
