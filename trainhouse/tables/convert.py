"""From a table's cells to arrays in files: features as numbers, labels as classes or amounts, and their spec."""

import re
from math import prod
from pathlib import Path

import pyarrow as pa

from trainhouse.arrays.array_file import open_array
from trainhouse.arrays.fingerprint import content_of
from trainhouse.arrays.labels import Coding, refuse_constant
from trainhouse.arrays.readings import Reading, read_task, slip_lines
from trainhouse.arrays.spec import BY_DTYPE, DataSpec
from trainhouse.arrays.texts import Strangers
from trainhouse.arrays.unlabelled import spread
from trainhouse.configuration.errors import UserError
from trainhouse.machine.files import write_json
from trainhouse.tables.as_said import as_said
from trainhouse.tables.columns import Asked, absent_class_lines, code_lines, find_columns, labels_of, rows_with_labels
from trainhouse.tables.date_formats import find_dates
from trainhouse.tables.doubtful_numbers import doubtful_number_lines
from trainhouse.tables.header_slips import lost_row_lines, refuse_header_again
from trainhouse.tables.large_cells import refuse_too_large_cells
from trainhouse.tables.odd_rows import comment_lines, last_row_lines
from trainhouse.tables.one_file import Keys
from trainhouse.tables.problems import Problems
from trainhouse.tables.source import Table, open_table
from trainhouse.tables.stored_cells import Cells, stored_cells
from trainhouse.tables.stored_rows import write_features, write_labels
from trainhouse.tables.text_columns import find_categories, order_lines, spelling_lines, unit_of

PARTS = "features", "labels"
# The warnings that reading the table gave, why the task is what it is, and the hashes of the arrays' content.
NOTES = "told.json"


def convert(path: Path, asked: Asked, keys: Keys, folder: Path) -> None:
    """Read the table and keep its rows as arrays in `folder`, where every later run finds them."""
    like, targets = asked.like, asked.targets
    said_texts = [name for name, kind in asked.kinds.of.items() if kind != "number"]
    text_columns = [*(like.categories or ()), *(like.dates or ())] if like else said_texts
    if like and not all(re.fullmatch(r"-?(0|[1-9]\d*)", name) for name in like.classes):
        text_columns += targets  # labels as they were written then, though these alone might look like numbers
    opened = open_table(path, "data.file", keys, [*like.columns, *targets] if like else ())
    opened.refuse_twice(opened.names)
    types = {name: pa.string() for name in text_columns if name in opened.names}
    with stored_cells(opened, types, folder) as cells:
        if not cells.num_rows:
            raise UserError(f"data.file: {path} has no rows")
        _convert_cells(cells, opened, asked, path, folder)


def _convert_cells(table: Cells, opened: Table, asked: Asked, path: Path, folder: Path) -> None:
    like, targets = asked.like, asked.targets
    refuse_header_again(table, str(path))
    columns, warnings = find_columns(table, asked, path)
    opened.refuse_doubtful([*columns, *targets])
    warnings += last_row_lines(table, [*columns, *targets], str(path), may_refuse=not like)
    notes = list[str]()
    if like:
        numbers = [name for name in columns if name not in {*(like.categories or ()), *(like.dates or ())}]
        opened.refuse_texts(numbers, table.schema)
    else:
        opened.refuse_texts(asked.kinds.all_of("number"), table.schema)
        codes = opened.codes()
        warnings += code_lines(codes, columns, asked.kinds)
        table, notes = as_said(table, columns, asked.kinds, asked.words, str(path))
        amounts = [name for name in columns if name not in codes]
        warnings += doubtful_number_lines(table, amounts, [] if asked.task else targets, asked.kinds)
        refuse_too_large_cells(table, columns + targets, targets[0] if len(targets) == 1 else None, opened)

    has_label = rows_with_labels(table, asked, path)
    labels = labels_of(table, asked, str(path), has_label)
    source = f"{path}, column{'s' if targets[1:] else ''} {', '.join(targets)}"
    chosen, reason = Reading(like.task, "as in training") if like else read_task(labels, asked.task, source, has_label)
    coding = Coding.of(labels, chosen, like, source, has_label)
    if not (like or asked.task):
        warnings += [*slip_lines(labels, targets[0]), *absent_class_lines(coding.names, targets[0])]
        warnings += spelling_lines({targets[0]: coding.names}, "classes")
    y = coding.encode(labels, source, has_label)
    if chosen != "classification" and not like:
        refuse_constant(y, source)
    input_shape = like.input_shape if like else tuple(asked.shape or [len(columns)])
    if prod(input_shape) != len(columns):
        raise UserError(
            f"data.shape: {list(input_shape)} holds {prod(input_shape)} values, but {path} has {len(columns)} columns"
        )
    dates, categories = (like.dates, like.texts()) if like else _dates_and_categories(table, columns, asked, path)
    _refuse_beside_pixels(
        {**dict.fromkeys(categories or (), "text"), **dict.fromkeys(dates or (), "dates")}, asked, path
    )
    places = {name: place for place, name in enumerate(table.column_names)}
    unused = places.keys() - {*columns, *targets}
    spec = DataSpec(
        task=chosen,
        input_shape=input_shape,
        dtype=_first_dtype(asked),
        outputs=coding.outputs(y),
        classes=like.classes if like else coding.names,
        targets=tuple(targets),
        columns=tuple(columns),
        categories=categories,
        missing=asked.missing,
        channel_axis=like.channel_axis if like else asked.channel_axis,
        label_places=like.label_places if like else tuple(places[name] for name in targets),
        unused_places=like.unused_places if like else tuple(sorted(places[name] for name in unused)),
        ranges=like.ranges if like else (),
        missing_words=asked.words.in_texts if categories or asked.words.own else (),
        dates=dates or None,
        date_parts=like.date_parts if like else None,
        grouped=like.grouped if like else (),
        marks=like.marks if like else opened.marks(),
    )
    strangers = Strangers(like or spec)
    spec = write_features(
        table, spec, folder / "features.npy", str(path), strangers, may_be_narrower=not like and not dates
    )
    strangers.refuse(f"data.file: {path}")
    warnings += (
        strangers.lines() if like else [*spelling_lines(categories or {}), *order_lines(categories or {}, asked.kinds)]
    )
    if not like:
        warnings += [*lost_row_lines(opened.names), *comment_lines(table, categories or {}, opened.names[0])]
    if not (like or asked.task) and (unit := unit_of(coding.names)):
        way = "write plain numbers for amounts; data.task=classification keeps them, without this line"
        warnings.append(f"column {targets[0]}: each class is a number of '{unit}', but classes have no order; {way}")
    write_labels(spread(y, has_label), folder / "labels.npy")
    names = [name for name in table.column_names if name in unused]
    contents = {part: content_of(open_array(folder / f"{part}.npy", "data.processed"), part).hex() for part in PARTS}
    said = {"warnings": warnings, "notes": notes, "reason": reason, "readings": opened.readings(), "unused": names}
    opened.refuse_changed(folder)
    write_json(folder / NOTES, {**said, "contents": contents})
    write_json(folder / "spec.json", spec.to_dict())  # last: its presence says that the arrays are whole


def _dates_and_categories(
    table: pa.Table, columns: list[str], asked: Asked, path: Path
) -> tuple[dict[str, str], dict[str, tuple[str, ...]]]:
    """Return how dates are written, and the categories. Raises `UserError` for all columns that are neither at once."""
    problems = Problems(str(path))
    dates = find_dates(table, columns, asked.kinds, problems)
    others = [name for name in columns if name not in dates]
    categories = find_categories(table, others, problems, asked.kinds, asked.drop)
    problems.refuse()
    return dates, categories


def _refuse_beside_pixels(kinds: dict[str, str], asked: Asked, path: Path) -> None:
    """Raise `UserError` for columns of text or dates where rows are pixels, or bytes."""
    for name, kind in kinds.items():
        if asked.shape:
            raise UserError(f"data.shape: is for columns of pixels, but {name} in {path} is {kind}")
        if asked.dtype == "uint8":
            raise UserError(f"data.dtype: uint8 is for columns of whole numbers, but {name} in {path} is {kind}")


def _first_dtype(asked: Asked) -> str:
    """The dtype to read numbers with: in float64, until it is known whether float32 would do."""
    if asked.dtype == "uint8" or asked.channel_axis == BY_DTYPE:
        return asked.dtype
    return asked.like.dtype if asked.like else "float64"
