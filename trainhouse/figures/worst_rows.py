"""The rows that a model gets most wrong, and those of which it is least sure: images as images, others as a table."""

import csv
import io
import math
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from trainhouse.arrays.digits import shown_date
from trainhouse.figures.measured import Measured, Picked, rows_of
from trainhouse.figures.style import GREY, PALE, SMALL, entitle, in_style, label, new_figure, write
from trainhouse.machine.numbers import format_number

_IMAGES, _ROWS, _COLUMNS = 8, 6, 6
_LONGEST = 14  # letters of a cell


@dataclass(frozen=True)
class _Part:
    """One of the two kinds of rows."""

    title: str
    value: str
    picked: Picked


def _parts(measured: Measured) -> list[_Part]:
    parts = []
    if measured.worst is not None:
        parts.append(_Part("the most wrong", measured.error, measured.worst))
    if measured.least_certain is not None:
        parts.append(_Part("the least certain", "lead over the second class", measured.least_certain))
    return parts


@in_style
def worst_rows(measured: Measured) -> Figure | None:
    """Draw the worst rows; None where the task has no errors of rows."""
    parts = _parts(measured)
    if not parts:
        return None
    figure = _images(measured, parts) if _axes_of_image(measured) else _table(measured, parts)
    values = " and ".join(f"{label(part.value, 60)} ({part.title})" for part in parts)
    caption = f"Of n = {rows_of(measured.total)}; 'row' is the number in the data, from 0. Ordered by {values}."
    if not _axes_of_image(measured) and len(measured.spec.input_shape) == 1:
        caption += f" More of them, with all {measured.spec.input_shape[0]:,} columns, are in worst_rows.csv."
    entitle(figure, "Worst rows", measured.about, caption)
    return figure


def rows_as_csv(measured: Measured) -> str:
    """Return a table of the same rows with all their columns."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    is_table = len(measured.spec.input_shape) == 1 and not _axes_of_image(measured)
    count = measured.spec.input_shape[0] if is_table else 0
    columns = [_column(measured, index) for index in range(count)]
    writer.writerow(["why", "row", *_true_names(measured), *_said_names(measured), "value", *columns])
    for part in _parts(measured):
        x = measured.stored(part.picked.positions) if is_table else None
        for place in range(len(part.picked.positions)):
            cells = [_cell(measured, index, x[place, index]) for index in range(count)] if x is not None else []
            row = int(measured.numbers[part.picked.positions[place]])
            true, said = _true(measured, part.picked, place), _said(measured, part.picked, place)
            writer.writerow([part.title, row, *true, *said, _number(part.picked.values[place]), *cells])
    return text.getvalue()


def _axes_of_image(measured: Measured) -> tuple[int, ...] | None:
    """Return in which order the axes of a row have to stand, (H, W) or (H, W, 3); None if it is no image."""
    shape, axis = measured.spec.input_shape, measured.spec.axis
    if len(shape) == 2:
        return (0, 1) if axis is None else None
    if len(shape) != 3 or axis is None or shape[axis] not in (1, 3, 4):
        return None
    height, width = (index for index in range(3) if index != axis)
    return (height, width, axis) if min(shape[height], shape[width]) >= 4 else None


def _images(measured: Measured, parts: list[_Part]) -> Figure:
    order = _axes_of_image(measured)
    assert order is not None
    columns = min(_IMAGES, max(len(part.picked.positions) for part in parts))
    figure = new_figure(max(6.4, 1.45 * columns), 2.0 * len(parts) + 0.8)
    grid = figure.subplots(len(parts), columns, squeeze=False)
    for part, line in zip(parts, grid, strict=True):
        line[0].set_ylabel(part.title)
        images = measured.stored(part.picked.positions[:columns]).astype(np.float64)
        for place, axes in enumerate(line):
            axes.set(xticks=[], yticks=[])
            axes.spines[:].set_visible(False)
            if place < len(images):
                axes.imshow(_pixels(images[place].transpose(order)), cmap="gray")
                axes.set_title(_words_of_image(measured, part.picked, place), fontsize=7.5)
    return figure


def _pixels(image: np.ndarray) -> np.ndarray:
    """Return an image (H, W) or (H, W, 3 or 4) from 0, its least number, to 1."""
    if image.ndim == 3 and image.shape[2] == 1:
        image = image[:, :, 0]
    low, high = np.nanmin(image), np.nanmax(image)
    pixels: np.ndarray = np.nan_to_num((image - low) / (high - low if high > low else 1.0))
    return pixels


def _words_of_image(measured: Measured, picked: Picked, place: int) -> str:
    row = int(measured.numbers[picked.positions[place]])
    true, said = _true(measured, picked, place), _said(measured, picked, place)
    lines = [f"row {row:,}", f"true {label(true[0], 11)}", f"said {label(said[0], 11)}"]
    if measured.spec.classes:
        lines[2] += f" {picked.predictions[place].max():.0%}"
    return "\n".join(lines)


def _table(measured: Measured, parts: list[_Part]) -> Figure:
    shape = measured.spec.input_shape
    shown = min(_COLUMNS, shape[0]) if len(shape) == 1 else 0
    head = ["row", *_true_names(measured)[:2], *_said_names(measured)[:2], "value"]
    head = [label(name, _LONGEST) for name in [*head, *(_column(measured, index) for index in range(shown))]]
    lengths = [min(_ROWS, len(part.picked.positions)) for part in parts]
    tables = []
    for part, length in zip(parts, lengths, strict=True):
        picked = part.picked
        x = measured.stored(picked.positions[:length]) if shown else None
        lines = []
        for place in range(length):
            cells = [_cell(measured, index, x[place, index]) for index in range(shown)] if x is not None else []
            row = f"{int(measured.numbers[picked.positions[place]]):,}"
            true, said = _true(measured, picked, place)[:2], _said(measured, picked, place)[:2]
            value = format_number(float(picked.values[place]))
            lines.append([label(cell, _LONGEST) for cell in [row, *true, *said, value, *cells]])
        tables.append(lines)
    columns = zip(head, *(line for lines in tables for line in lines), strict=True)
    ends = np.cumsum([0.3 + 0.073 * max(map(len, column)) for column in columns])
    figure = new_figure(max(6.4, ends[-1] + 0.3), 1.2 + sum(0.23 * length + 0.75 for length in lengths))
    grid = figure.subplots(len(parts), 1, squeeze=False, height_ratios=[length + 1.5 for length in lengths])[:, 0]
    for part, lines, axes in zip(parts, tables, grid, strict=True):
        axes.set_title(f"{part.title}: value is the {label(part.value, 60)}", loc="left")
        _write(axes, head, lines, ends)
    return figure


def _write(axes: Axes, head: list[str], lines: list[list[str]], ends: np.ndarray) -> None:
    """Write a table into a panel without axes; `ends` are those of the columns, from its left side, in inches."""
    axes.set(xticks=[], yticks=[], xlim=(0, ends[-1]), ylim=(len(lines) + 0.6, -0.6))
    axes.spines[:].set_visible(False)
    for end, name in zip(ends, head, strict=True):
        write(axes, end, 0, name, ha="right", va="center", fontsize=SMALL, color=GREY)
    axes.axhline(0.55, color=PALE, linewidth=0.8)
    for line, cells in enumerate(lines, 1):
        for end, cell in zip(ends, cells, strict=True):
            write(axes, end, line, cell, ha="right", va="center", fontsize=SMALL)


def _column(measured: Measured, index: int) -> str:
    return measured.spec.columns[index] if measured.spec.columns else f"column {index}"


def _cell(measured: Measured, index: int, value: float) -> str:
    """Return a value as the file has it: the name of a category, nothing for what is missing."""
    names = (measured.spec.categories or {}).get(_column(measured, index)) if measured.spec.columns else None
    if names is not None:
        return names[int(value)] if 0 <= value < len(names) else ""
    if np.isnan(value):
        return ""
    is_date = bool(measured.spec.columns) and _column(measured, index) in (measured.spec.dates or {})
    return shown_date(float(value)) if is_date else _number(value)


def _true_names(measured: Measured) -> list[str]:
    targets = measured.spec.targets
    several = len(targets) > 1 and not measured.spec.classes
    return [f"true {name}" for name in targets] if several else ["true"]


def _said_names(measured: Measured) -> list[str]:
    if measured.spec.classes:
        return ["predicted", "probability"]
    targets = measured.spec.targets
    return [f"predicted {name}" for name in targets] if len(targets) > 1 else ["predicted"]


def _true(measured: Measured, picked: Picked, place: int) -> list[str]:
    if measured.spec.classes:
        return [measured.spec.classes[int(picked.targets[place])]]
    return [_number(value) for value in picked.targets[place]]


def _said(measured: Measured, picked: Picked, place: int) -> list[str]:
    said = picked.predictions[place]
    if measured.spec.classes:
        return [measured.spec.classes[int(said.argmax())], f"{said.max():.3f}"]
    return [_number(value) for value in said]


def _number(value: float) -> str:
    """Return a number with five digits, or with as many as stand before its point."""
    digits = math.floor(math.log10(abs(value))) + 1 if 1 <= abs(value) < 1e9 else 0
    return f"{value:.{max(5, digits)}g}"
