"""What a model can know of its data: the categories and ranges of the training rows, not of the file."""

import logging
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch

from trainhouse.arrays.date_parts import PARTS, raw_parts
from trainhouse.arrays.far_numbers import EmptyRows, LackingRows, find_ranges
from trainhouse.arrays.grouped import OTHER, group_line, rare_ones
from trainhouse.arrays.moments import chunks
from trainhouse.arrays.placement import in_file
from trainhouse.arrays.prepared import prepared
from trainhouse.arrays.spec import Dataset, DataSpec, Rows
from trainhouse.arrays.texts import code_of

_log = logging.getLogger(__name__)

_SHOWN = 3


def learned_from(dataset: Dataset, train: np.ndarray | None) -> Dataset:
    """Return the data set with the categories of the rows numbered `train` (None: all); others get higher codes.

    A code above those of its column's categories is unknown to the model, as in inference.
    """
    spec, x = dataset.spec, dataset.rows.x
    empty = EmptyRows(spec, train, nothing="a label and no feature")
    categories, unlearned, grouped = {}, {}, []
    for name, texts in (spec.categories or {}).items():
        codes = x[:, spec.columns.index(name)]
        counts = _counts(codes if train is None else codes[train], len(texts))
        categories[name] = tuple(text for text, count in zip(texts, counts, strict=True) if count)
        if group := rare_ones(texts, counts, dataset.min_category_rows):
            grouped.append(name)
            categories[name] = (*(text for text in categories[name] if text not in group), OTHER)
            _log.info("note: column %s: %s", name, group_line(group, dataset.min_category_rows))
        if others := tuple(text for text in texts if text not in set(categories[name])):
            unlearned[name] = others
            if not group and (strange := [text for text in others if code_of(text, categories[name]) < 0]):
                shown = ", ".join(map(repr, strange[:_SHOWN])) + (", ..." if len(strange) > _SHOWN else "")
                _log.info("note: column %s: %s in no training row, so unknown to the model", name, shown)
    lacking = LackingRows(spec)

    def look() -> dict[str, np.ndarray]:
        ends = [(np.nan, np.nan) if one is None else one for one in find_ranges(x, train, spec, empty, lacking)]
        counts = np.array([empty.count, empty.rows, empty.first])
        return {"ends": np.array(ends, np.float64).reshape(-1, 2), "empty": counts, "lacking": lacking.counts}

    found = prepared("ranges", [x, train], spec.to_dict(), dataset.name, look)
    ranges = tuple(None if np.isnan(low) else (low, high) for low, high in found["ends"].tolist())
    empty.count, empty.rows, empty.first = found["empty"].tolist()
    lacking.counts = found["lacking"]
    for line in empty.lines():  # cut lines and lost joins leave them
        _log.warning("warning: %s: %s; better left out of the file", dataset.name, line)
    known = replace(
        spec,
        categories=categories or None,
        unlearned=unlearned or None,
        ranges=ranges,
        grouped=tuple(grouped),
        date_parts=_varying(x, train, spec) or None,
    )
    return replace(coded_for(dataset, known), lacking=lacking.by_name())


def _counts(codes: np.ndarray, texts: int) -> list[int]:
    """How many rows have each text; codes below 0 are those of missing ones."""
    counted: list[int] = np.bincount(codes.astype(np.int64) + 1, minlength=texts + 1)[1:].tolist()
    return counted


def _varying(x: np.ndarray, train: np.ndarray | None, spec: DataSpec) -> dict[str, tuple[str, ...]]:
    """Return which parts of each column of dates differ among the training rows; how long ago it is always counts."""
    columns = [spec.columns.index(name) for name in spec.dates or ()]
    first: dict[str, dict[str, float]] = {name: {} for name in spec.dates or ()}
    varying: dict[str, set[str]] = {name: {"elapsed"} for name in first}
    for _, chunk in chunks(x, train) if columns else ():
        for name, column in zip(first, columns, strict=True):
            seconds = torch.from_numpy(np.array(chunk[:, column], np.float64))
            for part, values in raw_parts(seconds[~seconds.isnan()]).items():
                if len(values) and values.ne(first[name].setdefault(part, float(values[0]))).any():
                    varying[name].add(part)
    return {name: tuple(part for part in PARTS if part in found) for name, found in varying.items()}


def coded_for(dataset: Dataset, spec: DataSpec) -> Dataset:
    """Return the data set with the categories, codes, ranges and parts of dates of `spec`: that of a model."""
    codes = _new_codes(dataset.spec.categories or {}, spec)
    own_codes = _new_codes(dataset.spec.categories or {}, spec, every=True) if dataset.min_category_rows > 1 else codes
    name = dataset.name
    val, test = (rows and _recoded(rows, own_codes, name) for rows in (dataset.val, dataset.test))
    learned = {name: getattr(spec, name) for name in ("categories", "unlearned", "ranges", "grouped", "date_parts")}
    kept = replace(dataset.spec, **learned)
    return replace(dataset, rows=_recoded(dataset.rows, codes, name), val=val, test=test, spec=kept)


def with_group_in_each(spec: DataSpec) -> DataSpec:
    """Return a spec by which a file's texts that `spec` lacks get a code of their own, other than missing ones.

    Which columns have a group for them is known when the training rows are.
    """
    categories = {
        name: texts if name in spec.grouped else (*texts, OTHER) for name, texts in (spec.texts() or {}).items()
    }
    return replace(spec, categories=categories or None, unlearned=None, grouped=tuple(categories))


def with_codes_of(rows: Rows, own: DataSpec, other: DataSpec) -> Rows:
    """Return rows, coded for a model of the spec `own`, with the codes of a model of the spec `other`.

    Both are of one file, of which they may have learned different texts.
    """
    unlearned = own.unlearned or {}
    found = {name: (*texts, *unlearned.get(name, ())) for name, texts in (own.categories or {}).items()}
    return _recoded(rows, _new_codes(found, other), "the data")


def _new_codes(found: Mapping[str, tuple[str, ...]], spec: DataSpec, every: bool = False) -> dict[int, np.ndarray]:
    """Return, by the column, the codes for a model of `spec` in the order of the codes that texts are `found` with.

    Of columns whose codes stay there is nothing, unless `every` one is asked for.

    Texts that are none of its categories have the codes above those, in alphabetical order; but what inference would
    take for one of them is that one here too. Where they are grouped, the last category has the others, those of
    `with_group_in_each` too, whose code follows the ones of the texts. The last is the code of a missing text, -1.
    """
    wanted, codes = spec.categories or {}, {}
    for name, texts in found.items():
        known = wanted.get(name, texts)
        if every or texts != known:
            places = {text: code for code, text in enumerate([*known, *sorted(set(texts) - set(known))])}
            if name in spec.grouped:
                places = {text: min(code, len(known) - 1) for text, code in places.items()}
            places = {
                text: code_of(text, known) if code_of(text, known) >= 0 else code for text, code in places.items()
            }
            strange = len(known) - 1 if name in spec.grouped else -1  # of a text that the file of training lacks
            codes[spec.columns.index(name)] = np.array([*(places[text] for text in texts), strange, -1])
    return codes


def _recoded(rows: Rows, codes: dict[int, np.ndarray], source: str) -> Rows:
    """Return rows with other codes in the columns that have some; as they are if none has."""
    if not codes:
        return rows

    def recode() -> dict[str, np.ndarray]:
        x = np.array(rows.x)
        for column, new in codes.items():
            x[:, column] = new[x[:, column].astype(np.int64)]
        return {"x": x}

    if not in_file(rows.x):  # where they were to be
        return rows._replace(**recode())
    new_codes = [[column, new.tolist()] for column, new in codes.items()]
    return rows._replace(x=prepared("codes", [rows.x], new_codes, source, recode)["x"])
