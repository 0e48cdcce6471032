"""What a model can know of its data: the categories and ranges of the training rows, not of the file."""

import logging
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from trainhouse.arrays.far_numbers import EmptyRows, LackingRows, find_ranges
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
    categories, unlearned = {}, {}
    for name, texts in (spec.categories or {}).items():
        codes = x[:, spec.columns.index(name)]
        seen = np.zeros(len(texts) + 1, dtype=bool)
        seen[np.unique(codes if train is None else codes[train]).astype(np.int64)] = True  # the last one for -1
        categories[name] = tuple(text for text, is_seen in zip(texts, seen, strict=False) if is_seen)
        if others := tuple(text for text in texts if text not in set(categories[name])):
            unlearned[name] = others
            if strange := [text for text in others if code_of(text, categories[name]) < 0]:
                shown = ", ".join(map(repr, strange[:_SHOWN])) + (", ..." if len(strange) > _SHOWN else "")
                _log.info("note: column %s: %s in no training row, so unknown to the model", name, shown)
    lacking = LackingRows(spec)
    ranges = find_ranges(x, train, spec, empty, lacking)
    for line in empty.lines():  # cut lines and lost joins leave them
        _log.warning("warning: %s: %s; better left out of the file", dataset.name, line)
    known = replace(spec, categories=categories or None, unlearned=unlearned or None, ranges=ranges)
    return replace(coded_for(dataset, known), lacking=lacking.by_name())


def coded_for(dataset: Dataset, spec: DataSpec) -> Dataset:
    """Return the data set with the categories, codes and ranges of `spec`: that of a model."""
    codes = _new_codes(dataset.spec.categories or {}, spec)
    val, test = (rows and _recoded(rows, codes) for rows in (dataset.val, dataset.test))
    kept = replace(dataset.spec, categories=spec.categories, unlearned=spec.unlearned, ranges=spec.ranges)
    return replace(dataset, rows=_recoded(dataset.rows, codes), val=val, test=test, spec=kept)


def with_codes_of(rows: Rows, own: DataSpec, other: DataSpec) -> Rows:
    """Return rows, coded for a model of the spec `own`, with the codes of a model of the spec `other`.

    Both are of one file, of which they may have learned different texts.
    """
    unlearned = own.unlearned or {}
    found = {name: (*texts, *unlearned.get(name, ())) for name, texts in (own.categories or {}).items()}
    return _recoded(rows, _new_codes(found, other))


def _new_codes(found: Mapping[str, tuple[str, ...]], spec: DataSpec) -> dict[int, np.ndarray]:
    """Return, by the column, the codes for a model of `spec` in the order of the codes that texts are `found` with.

    Texts that are none of its categories have the codes above those, in alphabetical order; but what inference would
    take for one of them is that one here too.
    """
    wanted, codes = spec.categories or {}, {}
    for name, texts in found.items():
        known = wanted.get(name, texts)
        if texts != known:
            places = {text: code for code, text in enumerate([*known, *sorted(set(texts) - set(known))])}
            places = {
                text: code_of(text, known) if code_of(text, known) >= 0 else code for text, code in places.items()
            }
            codes[spec.columns.index(name)] = np.array([*(places[text] for text in texts), -1])  # the last for -1
    return codes


def _recoded(rows: Rows, codes: dict[int, np.ndarray]) -> Rows:
    """Return rows with other codes in the columns that have some; as they are if none has."""
    if not codes:
        return rows
    x = np.array(rows.x)
    for column, new in codes.items():
        x[:, column] = new[x[:, column].astype(np.int64)]
    return rows._replace(x=x)
