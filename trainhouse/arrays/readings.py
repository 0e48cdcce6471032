"""How labels are read when nobody says it: as classes or as amounts. What could be either is never guessed."""

import re
from collections.abc import Iterator
from difflib import get_close_matches
from typing import NamedTuple, cast

import numpy as np

from trainhouse.arrays.few_values import values_of
from trainhouse.arrays.spec import TASKS, TaskName
from trainhouse.arrays.texts import in_one_case, is_number, same_answers
from trainhouse.arrays.unlabelled import number_of
from trainhouse.arrays.written_numbers import how_to_write, is_written_number
from trainhouse.configuration.errors import UserError, is_slip

MANY = 20  # values: whole numbers with more are more often amounts
_REPEATS = 5  # rows of a class, on average: with fewer the numbers hardly come back
_LOOK = 10_000
_MISTYPED = 0.005  # of the rows, at most
_FREQUENT = 10  # times as many rows as those of a class that may be mistyped for it


class Reading(NamedTuple):
    """The task, and why it is that."""

    task: TaskName
    reason: str


class Distinct(NamedTuple):
    """The different labels of a column, with the first row of each and the number of its rows; `source` has them."""

    names: list[str]
    first: np.ndarray
    counts: np.ndarray
    source: str

    @classmethod
    def of(cls, labels: np.ndarray, source: str, has_label: np.ndarray | None = None) -> "Distinct":
        """Find those among labels (N,), of the rows that `has_label`."""
        values, first, counts = values_of(labels)
        first = first if has_label is None else np.flatnonzero(has_label)[first]
        return cls(list(map(str, values.tolist())), first, counts, source)


def read_task(labels: np.ndarray, task: str | None, source: str, has_label: np.ndarray | None = None) -> Reading:
    """Return `task` if it is given, else what the labels (N,) or (N, T) can only mean.

    They are those of the rows that `has_label`, of more; None: of all.

    Raises `UserError` that names both readings, and the key, for labels that could be classes and amounts.
    """
    if task is not None:
        if task not in TASKS:
            raise UserError(f"data.task: expected one of {', '.join(TASKS)} or null, got '{task}'")
        return Reading(cast(TaskName, task), "as set")
    if labels.ndim > 1 and labels.shape[1] > 1 and labels.dtype.kind in "biuf":
        return _several(labels, source)
    if labels.dtype.kind == "f":
        return _floats(labels.reshape(len(labels), -1)[:, 0] if labels.ndim == 2 else labels, source, has_label)
    if labels.ndim == 1 and labels.dtype.kind == "U":
        return _texts(Distinct.of(labels, source, has_label))
    if labels.ndim == 1 and labels.dtype.kind in "iu":
        return _whole(Distinct.of(labels, source, has_label))
    return Reading("classification", "true or false" if labels.dtype.kind == "b" else "")


def _several(labels: np.ndarray, source: str) -> Reading:
    """Several columns are targets, unless they hold classes in a form that is not read here."""
    if not _is_zero_or_one(labels[:_LOOK]) or not _is_zero_or_one(labels):
        is_float = labels.dtype.kind == "f"  # classes are refused later, with the key
        return Reading("regression" if is_float else "classification", "several targets")
    if (labels.sum(axis=1) == 1).all():
        what, way = "one 1 in each row", "classes? give one label a row, the number of its class; or labels of which"
        way = f"{way} several may be true"
    else:
        what, way = "nothing but 0 and 1", "labels of which several may be true"
    raise UserError(
        f"{source}: {labels.shape[1]} columns with {what}: {way}? set data.task=multilabel; or amounts? set "
        "data.task=regression"
    )


def _is_zero_or_one(labels: np.ndarray) -> bool:
    return bool(((labels == 0) | (labels == 1)).all())


def _floats(labels: np.ndarray, source: str, has_label: np.ndarray | None) -> Reading:
    """Numbers with a decimal point, which pandas writes for whole ones too where there are gaps in a column."""
    for some in (labels[:_LOOK], labels):
        whole = np.isfinite(some) & (some == np.floor(some))
        values = np.unique(some[whole])
        odd = np.flatnonzero(~whole)
        if len(values) > MANY or len(some) < _REPEATS * len(values) or len(odd) > max(1, _MISTYPED * len(some)):
            reason = "numbers with fractions" if len(odd) else "amounts, written with a decimal point"
            return Reading("regression", reason)
    few = f"{source}: {len(values)} values, all whole ({_listed(values)})"
    if len(odd) and np.isfinite(labels[odd[0]]):
        raise UserError(
            f"{few}, but row {number_of(odd[0], has_label)} is {labels[odd[0]]:g}: mistyped? mend it; or amounts? set "
            "data.task=regression"
        )
    if len(odd) or len(values) == 1:
        return Reading("regression", "numbers with a decimal point")
    if len(values) == 2:
        return Reading("classification", f"only {_listed(values)}")
    raise UserError(f"{few}: classes? set data.task=classification; or amounts? set data.task=regression")


def _whole(found: Distinct) -> Reading:
    """Whole numbers are classes where there are few that come back often; with many nothing is guessed."""
    count, rows, source = len(found.names), int(found.counts.sum()), found.source
    if count > max(50, rows // 2):
        raise UserError(f"{source}: {no_classes(count, rows)}; set data.task=regression")
    if count > 2 and (count > MANY or rows < _REPEATS * count):
        raise UserError(
            f"{source}: {count} different labels in {rows} rows, all whole numbers: amounts? set "
            "data.task=regression; or classes? set data.task=classification"
        )
    if found.names == ["-1", "0", "1"]:
        raise UserError(
            f"{source}: the label in row {found.first[0]} is -1, which is negative ({found.counts[0]} such rows): a "
            "class beside 0 and 1? set data.task=classification; an amount? set data.task=regression; or no label? "
            "empty it"
        )
    _refuse_mistyped(found)
    hint = "; for amounts data.task=regression" if count > 2 else ""
    return Reading("classification", f"{count} whole numbers{hint}")


def no_classes(values: int, rows: int) -> str:
    """Say that there are too many labels for classes."""
    return f"{values} different labels in {rows} rows are no classes"


def _texts(found: Distinct) -> Reading:
    as_class = "set data.task=classification to have"
    refuse_text_among_numbers(found, f"{as_class} it as class")
    refuse_written_numbers(found, f", or {as_class} the texts as classes")
    if same := same_answers(found.names):
        listed = ", and ".join(" and ".join(f"'{name}'" for name in group) for group in same)
        raise UserError(
            f"{found.source}: {listed} may say the same; write it in one way, or set data.task=classification to have "
            "classes of their own"
        )
    _refuse_mistyped(found)
    is_coded = all(map(is_number, found.names))
    return Reading("classification", "codes, as 007; for amounts data.task=regression" if is_coded else "text")


def refuse_text_among_numbers(found: Distinct, otherwise: str) -> None:
    """Raise `UserError` for labels that are numbers but for a few; `otherwise` says what can be done but mend them."""
    texts, first, counts, source = found
    odd = [place for place, text in enumerate(texts) if not is_number(text)]
    total, wrong = int(counts.sum()), int(counts[odd].sum())
    if odd and wrong <= 0.1 * total:
        place = min(odd, key=lambda place: first[place])
        raise UserError(
            f"{source}: {total - wrong} of {total} labels are numbers, row {first[place]} is '{texts[place]}'; mend "
            f"that row, or {otherwise}"
        )


def refuse_written_numbers(found: Distinct, otherwise: str = "") -> None:
    """Raise `UserError` for labels that are numbers to their reader only, as 17,7 or 5%; `otherwise` as above."""
    texts, first, counts, source = found
    written = [place for place, text in enumerate(texts) if not is_number(text) and is_written_number(text)]
    among = set(written)
    numbers = sum(int(counts[place]) for place, text in enumerate(texts) if place in among or is_number(text))
    total = int(counts.sum())
    if written and numbers >= 0.9 * total:
        place = min(written, key=lambda place: first[place])
        raise UserError(
            f"{source}: {numbers} of {total} labels are numbers, row {first[place]} is '{texts[place]:.40}'; "
            f"{how_to_write(texts[place], texts)}{otherwise}"
        )


def _refuse_mistyped(found: Distinct) -> None:
    """Raise `UserError` for a class that may be another one, mistyped: of a single row, or almost of the same name."""
    names, counts, total = found.names, found.counts, int(found.counts.sum())
    folded: dict[str, int] = {}
    for place, name in enumerate(names):
        other = folded.setdefault(in_one_case(name), place)
        if other != place:
            rare, common = sorted((other, place), key=lambda one: counts[one])
            raise _mistyped(found, rare, names[common])
    for rare, common in _slips(names, counts):
        if counts[rare] == 1:
            raise _mistyped(found, rare, names[common])
    if len(names) < 3 or total < 2 * _REPEATS * len(names):
        return
    for rare in np.argsort(counts, kind="stable").tolist():
        if counts[rare] > max(1, _MISTYPED * total):
            return
        is_word = not is_number(names[rare])
        frequent = [name for name, count in zip(names, counts, strict=True) if count >= _FREQUENT * counts[rare]]
        near = get_close_matches(names[rare], frequent, n=1, cutoff=0.6) if is_word else []
        if counts[rare] == 1 or near:
            raise _mistyped(found, rare, near[0] if near else "")


def _slips(names: list[str], counts: np.ndarray) -> Iterator[tuple[int, int]]:
    """Yield the places of each class that is one letter from a much more frequent one, and of that one.

    Short names and codes (DE and DK, II and III, T1a and T1b), and those that differ in a digit, are near by nature.
    """
    for rare, name in enumerate(names):
        for common in np.flatnonzero(counts >= _FREQUENT * counts[rare]).tolist():
            one, other = (text.strip().casefold() for text in (name, names[common]))
            differ = re.sub(r"\d", "", one) != re.sub(r"\d", "", other)
            are_codes = (name.isupper() and names[common].isupper()) or re.search(r"[\d\s]\S$", one)
            if (
                differ
                and not are_codes
                and max(len(one), len(other)) > 2
                and min(len(one), len(other)) > 1
                and is_slip(one, other)
            ):
                yield rare, common


def slip_lines(labels: np.ndarray, column: str) -> list[str]:
    """Say which classes among labels (N,) may be others, mistyped in several rows; of numbers, none."""
    if labels.dtype.kind != "U":
        return []
    names, counts = np.unique(labels, return_counts=True)
    return [
        f"column {column}: '{names[rare]}' ({counts[rare]} rows) may be '{names[common]}' ({counts[common]} rows), "
        "mistyped: mend it; data.task=classification keeps it, without this line"
        for rare, common in _slips(names.tolist(), counts)
    ]


def _mistyped(found: Distinct, rare: int, meant: str) -> UserError:
    names, first, counts, source = found
    rows = f"row {first[rare]} alone" if counts[rare] == 1 else f"{counts[rare]} rows, the first is {first[rare]},"
    what = f"mistyped for '{meant:.40}'" if meant else "mistyped"
    amounts = "; or amounts? set data.task=regression" if all(map(is_number, names)) else ""
    return UserError(
        f"{source}: '{names[rare]:.40}' is the label of {rows} of {int(counts.sum())}: {what}? mend it; or a class of "
        f"its own? set data.task=classification{amounts}"
    )


def _listed(values: np.ndarray) -> str:
    return ", ".join(f"{value:.1f}" for value in values[:3]) + (", ..." if len(values) > 3 else "")
