"""What stands for a missing value in a table: one list for numbers and for text, longer or shorter as asked.

``None`` and ``NA`` mean it nearly everywhere; where they don't (Namibia is NA) a text column can keep them.
"""

from collections.abc import Sequence
from typing import Annotated, Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
from annotated_types import doc
from pyarrow import csv

from trainhouse.arrays.texts import is_number
from trainhouse.configuration.errors import UserError, did_you_mean

USUAL = (*csv.ConvertOptions().null_values, "None", "<NA>")
"""The words that stand for a missing value when nobody says anything else; an empty cell always does."""

NaValues = Annotated[
    list[str | float] | dict[str, list[str | float]] | None,
    doc('a list of words as ["?"], or {add: ["?"], keep: [NA]}, or null'),
]


class Words(NamedTuple):
    """What stands for a missing value in columns of text, and in columns of numbers and dates."""

    in_texts: tuple[str, ...]
    in_numbers: tuple[str, ...]
    added: tuple[str, ...] = ()
    """Those that a user has named, which stand for a missing label too."""

    @classmethod
    def asked(cls, given: Any) -> "Words":
        """Return what `data.na_values` says. Raises `UserError` for what it can't be."""
        lists = given if isinstance(given, dict) else {"add": given or []}
        for name, words in lists.items():
            if name not in ("add", "keep"):
                raise UserError(
                    f"data.na_values: expected add and keep, got '{name}'{did_you_mean(name, ('add', 'keep'))}"
                )
            if not isinstance(words, (list, tuple)):
                raise UserError(f'data.na_values: expected a list of words in {name}, as {name}: ["?"], got {words!r}')
        add, keep = (tuple(map(str, lists.get(name, ()))) for name in ("add", "keep"))
        if both := [word for word in add if word in keep]:
            raise UserError(f"data.na_values: '{both[0]}' is in add and in keep; leave it out of one")
        every = tuple(sorted({*USUAL, *add} - {""}))
        return cls(tuple(word for word in every if word not in keep), every, add)

    @classmethod
    def of_spec(cls, words: Sequence[str]) -> "Words":
        """Return those of a model whose spec has `missing_words`; older ones have none for text."""
        return cls(tuple(words), tuple(sorted({*USUAL, *words} - {""})))

    @property
    def own(self) -> tuple[str, ...]:
        """Those that a user has added, or has named though they are usual."""
        return tuple(word for word in self.in_numbers if word not in USUAL or word in self.added)


def without(column: pa.ChunkedArray, words: Sequence[str]) -> pa.ChunkedArray:
    """Return a column in which cells that stand for missing ones are null: of text by their spelling, spaces around
    it aside; of numbers by their value, as in -999."""
    if not words:
        return column
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        found = pc.is_in(pc.utf8_trim_whitespace(column), value_set=pa.array(["", *words], column.type))
    elif pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        numbers = [float(word) for word in words if is_number(word) and float(word) == float(word)]
        if not numbers:
            return column
        found = pc.is_in(column.cast(pa.float64(), safe=False), value_set=pa.array(numbers, pa.float64()))
    else:
        return column
    return pc.if_else(found, pa.scalar(None, column.type), column)


def counted(column: pa.ChunkedArray, words: Sequence[str]) -> dict[str, int]:
    """Return how often each of the words stands for a missing text in a column of text."""
    trimmed = pc.utf8_trim_whitespace(column)
    found = pc.value_counts(trimmed.filter(pc.is_in(trimmed, value_set=pa.array(words, column.type))))
    return {one["values"]: one["counts"] for one in found.to_pylist()}


def said(name: str, counts: dict[str, int]) -> str:
    """Say how many cells of a column of text are missing by their spelling, and how to keep them."""
    most = sorted(counts.items(), key=lambda one: -one[1])[:3]
    listed = ", ".join(f"'{word}' ({count})" for word, count in most)
    keep = f"'data.na_values={{keep: [{', '.join(word for word, _ in most)}]}}'"
    total = sum(counts.values())
    return f"column {name}: {total} cell{'s' * (total != 1)} read as missing: {listed}; {keep} has them as texts"
