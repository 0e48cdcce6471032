"""Which rows of a data set train, validate and test: by chance, by a column, or by files of their own."""

import logging
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from trainhouse.arrays.beside import TEST, TRAIN, VAL, Beside, refuse_shared_groups
from trainhouse.arrays.prepared import prepared
from trainhouse.arrays.spec import Dataset
from trainhouse.arrays.split import SPLITS, split_rows
from trainhouse.arrays.split_by import split_groups, split_times
from trainhouse.arrays.unlabelled import labelled
from trainhouse.configuration.errors import UserError

_log = logging.getLogger(__name__)
_NONE = -1  # of no split


def assign_rows(
    dataset: Dataset, fractions: Sequence[float], seed: int, fold: int | None, folds: int
) -> dict[str, np.ndarray]:
    """Return the sorted row numbers of each split, of rows that have a label; arguments are those of `split_rows`.

    Of a split that has a file of its own there are none, and the fractions count for what remains. Raises `UserError`
    for what contradicts itself, and for a group that would be on two sides.
    """
    beside = dataset.beside
    own = {name: one for name, one in (("val", dataset.val), ("test", dataset.test)) if one is not None}
    _refuse_contradictions(beside, [*own], fold, dataset.name)
    if seed and (by := _alone_decides(beside, [*own])):
        _log.warning("warning: data.split_seed: has no effect, as %s alone says which rows are in which split", by)
    others = {"val": dataset.val_beside, "test": dataset.test_beside}
    for name in own:
        refuse_shared_groups(beside, others[name], (dataset.name, f"the {name} file"))
    if len(own) == 2:
        refuse_shared_groups(others["val"], others["test"], ("the val file", "the test file"))
    parts = [0.0 if name in own else part for name, part in zip(SPLITS, fractions, strict=True)]
    parts = [part / sum(parts) for part in parts]
    y, rows = dataset.rows.y, labelled(dataset.rows.y)
    if beside.splits is not None:
        if rows is not None:
            beside = replace(beside, splits=np.where(np.isin(np.arange(len(y)), rows), beside.splits, _NONE))
        return _as_said(y, beside, parts, (seed, fold, folds), dataset.name)
    if rows is None:
        return _cut(y, beside, parts, (seed, fold, folds), dataset.name)
    cut = _cut(y[rows], beside.of_rows(rows), parts, (seed, fold, folds), dataset.name)
    return {name: rows[numbers] for name, numbers in cut.items()}


Drawn = tuple[int, int | None, int]  # the seed, the fold, and how many folds


def _cut(y: np.ndarray, beside: Beside, fractions: Sequence[float], how: Drawn, source: str) -> dict[str, np.ndarray]:
    """Return the rows of each split; of many rows from what another process, or a run before, has kept."""

    def cut() -> dict[str, np.ndarray]:
        seed, fold, folds = how
        if beside.times is not None:
            return split_times(beside.times, fractions, fold, folds, beside.key("times"))
        if beside.groups is not None:
            return split_groups(y, beside.groups, fractions, seed, fold, folds, beside.key("groups"))
        return split_rows(y, fractions, seed, fold, folds)

    return prepared("split", [y, beside.groups, beside.times], [list(map(float, fractions)), *how], source, cut)


def _as_said(
    y: np.ndarray, beside: Beside, fractions: Sequence[float], how: Drawn, source: str
) -> dict[str, np.ndarray]:
    """Return the rows as the column has them; where it has no val rows, they are cut from those of train."""
    assert beside.splits is not None
    key = beside.key("splits")
    said = {
        name: np.flatnonzero(beside.splits == place) for name, place in zip(SPLITS, (TRAIN, VAL, TEST), strict=True)
    }
    if not len(said["train"]):
        raise UserError(f"{key}: no row trains; expected train in some of them")
    if beside.groups is not None:
        _refuse_groups_on_two_sides(beside, said)
    if len(said["val"]):
        if how[1] is not None:
            raise UserError(f"data.fold: {key} says already which rows validate; leave out one of the two")
        return said
    train, val, _ = fractions
    if how[1] is None and val == 0:
        return said
    rest = said["train"]
    inner = replace(beside, splits=None).of_rows(rest)
    cut = _cut(y[rest], inner, [train / (train + val), val / (train + val), 0.0], how, source)
    return {"train": rest[cut["train"]], "val": rest[cut["val"]], "test": said["test"]}


def _refuse_groups_on_two_sides(beside: Beside, said: dict[str, np.ndarray]) -> None:
    assert beside.groups is not None
    for one, other in (("train", "val"), ("train", "test"), ("val", "test")):
        first, second = beside.groups[said[one]], beside.groups[said[other]]
        shared = np.intersect1d(first, second)
        if len(shared):
            rows = said[one][first == shared[0]][0], said[other][second == shared[0]][0]
            raise UserError(
                f"{beside.key('splits')}: rows {rows[0]} and {rows[1]} are of one group of {beside.key('groups')}, but "
                f"in {one} and {other}; correct the column, or leave out one of the two keys"
            )


def _refuse_contradictions(beside: Beside, files: Sequence[str], fold: int | None, name: str) -> None:
    if fold is not None and "val" in files:
        raise UserError(
            f"data.fold: {name} has a validation split of its own ({_file_key(beside, 'val')}); leave out one of the "
            "two"
        )
    pairs = []
    if beside.times is not None:
        pairs = [("splits", beside.splits), ("groups", beside.groups)]
    for other, array in pairs:
        if array is not None:
            why = "a group may lie on both sides of a time" if other == "groups" else "both say which rows test"
            raise UserError(f"{beside.key('times')}, {beside.key(other)}: {why}; leave out one of the two")
    for which in ("splits", "times"):
        if files and getattr(beside, which) is not None:
            raise UserError(
                f"{beside.key(which)}, {_file_key(beside, files[0])}: both say which rows are the {files[0]} split; "
                "leave out one of the two"
            )


def _alone_decides(beside: Beside, files: Sequence[str]) -> str:
    """Return the keys that leave nothing to chance, "" if there are none."""
    if beside.times is not None:
        return beside.key("times")
    if beside.splits is not None:
        return beside.key("splits") if (beside.splits == VAL).any() else ""
    return " and ".join(_file_key(beside, name) for name in files) if len(files) == 2 else ""


def _file_key(beside: Beside, split: str) -> str:
    return beside.keys.get(split, f"data.{split}_features")


def refuse_unseen_classes(dataset: Dataset, absent: Sequence[str], key: str) -> None:
    """Raise `UserError` for classes without a training row: they would never be predicted, and nothing would say so.

    `key` is the one that the shares of rows come from, where nothing in the file decides.
    """
    if not absent:
        return
    if by := next((name for name in ("splits", "times", "groups") if getattr(dataset.beside, name) is not None), ""):
        raise UserError(
            f"{dataset.beside.key(by)}: class {absent[0]} is in no row that it leaves to training ({dataset.name}); "
            "have other rows train, or leave that class out"
        )
    way = "raise the first fraction of data.split or " if key == "data.split" else ""
    raise UserError(
        f"{key}: class {absent[0]} has too few rows in {dataset.name} to be in the training split; "
        f"{way}leave that class out"
    )


def how_split(dataset: Dataset) -> str:
    """Say what decides which rows are where, as ``data.group_column, data.test_file``; nothing if chance alone does."""
    beside = dataset.beside
    by = [beside.key(name) for name in ("splits", "groups", "times") if getattr(beside, name) is not None]
    files = [_file_key(beside, name) for name in ("val", "test") if getattr(dataset, name) is not None]
    return ", ".join([*by, *files])
