"""Text categories: which one a string means, and which strings a model doesn't know."""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import TypeVar

import numpy as np

from trainhouse.arrays.spec import DataSpec
from trainhouse.configuration.errors import UserError

# Without zeros in front: 007 is a code, not a number.
_NUMBER = re.compile(r"[+-]?(0|[1-9]\d*|(?=\.\d))(\.\d*)?([eE][+-]?\d{1,3})?", re.ASCII)
_WITHOUT_WIDTH = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff\u00ad"))
_STRAIGHT = str.maketrans("\u2018\u2019\u201c\u201d`", "''\"\"'")
_SHOWN = 3
# Each yes with its no.
_PAIRS = "1 0, 1.0 0.0, t f, y n, j n, true false, yes no, on off, ja nein, ja nee, oui non, si no, sí no, sì no, "
_PAIRS += "sim não, vrai faux, wahr falsch, vero falso, verdadero falso, verdadeiro falso, tak nie, да нет, "
_PAIRS += "истина ложь, 是 否, 真 假"
_ANSWERS = tuple(tuple(pair.split()) for pair in _PAIRS.split(", "))
_YES, _NO = map(frozenset, zip(*_ANSWERS, strict=True))
_MOST_SHORT = 2  # more words of two letters are codes of languages

_Key = TypeVar("_Key", bound=Hashable)


def meaning(text: str) -> tuple[str, object]:
    """Return what is equal for texts that mean the same: true and TRUE, 3 and 3.0, other than by space around them."""
    text = unicodedata.normalize("NFC", text.strip())
    if text.lower() in ("true", "false"):
        return "truth", text.lower()
    return ("number", Decimal(text)) if _NUMBER.fullmatch(text) else ("text", text)


def in_one_case(text: str) -> str:
    """Return what is equal for texts that differ in case or in spaces only, those without width among them."""
    text = " ".join(text.translate(_WITHOUT_WIDTH).split())
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


def class_of(text: str, classes: tuple[str, ...]) -> int:
    """Return the place of `text` among the classes, or of the only one that means the same; -1 if there is none."""
    exact, alike, _ = _places(classes)
    return exact[text] if text in exact else alike.get(meaning(text), -1)


def code_of(text: str, categories: tuple[str, ...]) -> int:
    """Return the place of `text` among the categories, or of the only one that means the same; -1 if there is none.

    If only one is the same but for case, it is that one.
    """
    place = class_of(text, categories)
    return place if place >= 0 else _places(categories)[2].get(in_one_case(text), -1)


def without_marks(text: str) -> str:
    """Return what is equal for texts that differ in case, spaces, or points and quotes around them only."""
    return in_one_case(text.translate(_STRAIGHT)).strip(" .'\"")


def spellings(texts: Iterable[str], same: Callable[[str], str] = in_one_case) -> list[tuple[str, ...]]:
    """Return the texts that differ from one another in case or in spaces only, or are the `same`, together."""
    together: dict[str, list[str]] = {}
    for text in texts:
        together.setdefault(same(text), []).append(text)
    return [tuple(alike) for alike in together.values() if len(alike) > 1]


def same_answers(texts: Iterable[str]) -> list[tuple[str, ...]]:
    """Return the texts that say the same, together, where each says yes or no, in ways that are easily mixed.

    These are True beside 1, y beside yes, and yes and no beside ja and nein. Single letters may be anything.
    """
    folded = {text: in_one_case(text) for text in texts}
    said = {*folded.values()}
    is_code = sum(len(one) == 2 and one.isalpha() for one in said) > _MOST_SHORT
    if is_code or not said <= _YES | _NO or not said & _YES or not said & _NO:
        return []
    pairs = [pair for pair in _ANSWERS if said >= {*pair}]
    groups = [tuple(text for text, one in folded.items() if one in same) for same in (_YES, _NO)]
    return [group for group in groups if _are_mixed({folded[text] for text in group}, pairs)]


def _are_mixed(answers: set[str], pairs: Sequence[tuple[str, ...]]) -> bool:
    """Whether of several answers that say the same one is a number or a letter, or two are of whole `pairs`."""
    words = {one for one in answers if len(one) > 1 and not is_number(one)}
    others = answers - words
    if any(is_number(other) or word.startswith(other) for word in words for other in others):
        return True
    paired = {one for pair in pairs for one in pair} & answers
    return len(paired) > 1 and not all(len(one) == 1 and one.isascii() and one.isalpha() for one in paired)


@lru_cache(maxsize=1024)
def _places(categories: tuple[str, ...]) -> tuple[dict[str, int], dict[tuple[str, object], int], dict[str, int]]:
    exact = {name: place for place, name in enumerate(categories)}
    return exact, _only(map(meaning, categories)), _only(map(in_one_case, categories))


def _only(keys: Iterable[_Key]) -> dict[_Key, int]:
    """The places of the keys that are there once."""
    listed = list(keys)
    counts = Counter(listed)
    return {key: place for place, key in enumerate(listed) if counts[key] == 1}


class Strangers:
    """Counts, column by column, a file's texts that a model doesn't know, or knows otherwise, and missing cells."""

    def __init__(self, spec: DataSpec) -> None:
        """`spec` is the model's."""
        self.categories = spec.categories or {}
        unlearned = spec.unlearned or {}
        self.grouped = {name: {*unlearned.get(name, ())} for name in spec.grouped}
        self.unknown: dict[str, Counter[str]] = {name: Counter() for name in self.categories}
        self.known: Counter[str] = Counter()
        self.taken_as: dict[str, dict[str, str]] = {name: {} for name in self.categories}
        self.missing: Counter[str] = Counter()

    def add(self, name: str, texts: Sequence[str], counts: np.ndarray) -> None:
        """Add the distinct texts of some rows of a column; empty ones are missing, not unknown."""
        categories = self.categories[name]
        for text, count in zip(texts, counts.tolist(), strict=True):
            if not text:
                self.missing[name] += count
            if not text or not count:
                continue
            place = code_of(text, categories)
            if place < 0 and text in self.grouped.get(name, ()):
                self.known[name] += count
                continue
            if place < 0:
                self.unknown[name][text] += count
                continue
            self.known[name] += count
            if text != categories[place]:
                self.taken_as[name][text] = categories[place]

    def missing_line(self, rows: int) -> str:
        """Return a line on the missing cells of so many rows, "" if there are none."""
        found = [f"{name} in {count}" for name, count in self.missing.most_common() if count]
        some = ", ".join(found[:_SHOWN]) + _others(len(found))
        return f"missing cells: {some} of {rows} rows" if found else ""

    def all_unknown(self) -> list[str]:
        """Return the columns that have texts, none of which is known."""
        return [name for name, texts in self.unknown.items() if texts and not self.known[name]]

    def refuse(self, source: str) -> None:
        """Raise `UserError` for a column all of whose texts are unknown: they are written in another way."""
        for name in self.all_unknown():
            found = ", ".join(map(repr, list(self.unknown[name])[:_SHOWN]))
            known = ", ".join(map(repr, self.categories[name][:_SHOWN]))
            raise UserError(
                f"{source}, column {name}: the model knows none of its texts ({found}), but {known}; write them as in "
                "training, or empty the cells to do without them"
            )

    def lines(self) -> list[str]:
        """Return a line for each column with unknown texts, and one for each with texts that are taken for others."""
        lines = []
        for name, texts in self.unknown.items():
            if unknown := texts.total():
                total = unknown + self.known[name]
                lines.append(f"column {name}: {unknown} of {total} texts are unknown to the model: {_shown(texts)}")
        for name, pairs in self.taken_as.items():
            if pairs:
                some = [f"{text!r} as {category!r}" for text, category in list(pairs.items())[:_SHOWN]]
                lines.append(f"column {name}: reads {', '.join(some)}{_others(len(pairs))}")
        return lines


def _shown(texts: Mapping[str, int]) -> str:
    most = sorted(texts.items(), key=lambda item: -item[1])[:_SHOWN]
    return ", ".join(f"{text!r:.40} ({count})" for text, count in most) + _others(len(texts))


def _others(count: int) -> str:
    return f" and {count - _SHOWN} more" if count > _SHOWN else ""


def is_number(text: str) -> bool:
    """Whether `text` is a number as Python and CSV files write it."""
    try:
        float(text)
    except ValueError:
        return False
    return text.isascii() and "_" not in text
