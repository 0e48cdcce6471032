"""How a table of new rows is read: as the command says, or as that of training was where the file leaves it open."""

from collections.abc import Mapping
from typing import Any

from trainhouse.checkpoints.checkpoint import Checkpoint
from trainhouse.configuration.errors import UserError, did_you_mean
from trainhouse.tables.csv_form import FormKeys
from trainhouse.tables.one_file import HINTS, Keys

_TEXTS = ("separator", "decimal", "thousands", "encoding", "sheet")
FORM = (*_TEXTS, "skip_rows")
"""The keys of data that a file of new rows may have of its own."""


def keys_of_rows(checkpoint: Checkpoint, given: Mapping[str, Any]) -> Keys:
    """Return what is `given` of the form of new rows; for the rest that of training, as a hint.

    Raises `UserError` for another key, and for a value that can't be.
    """
    for name, value in given.items():
        if name not in FORM:
            raise UserError(
                f"data.{name}: this model was trained on arrays, whose new rows are input=...; of data only "
                f"{', '.join(FORM)} say how it is read{did_you_mean(name, FORM)}"
            )
        if not _fits(name, value):
            expected = "a number of lines" if name == "skip_rows" else "a string"
            raise UserError(f"data.{name}: expected {expected}, got {value!r}")
    marks = ("decimal", "thousands")  # which are one question
    said = {*given, *(marks if given.keys() & {*marks} else ())}
    found = {name: checkpoint.config.data.get(name) for name in FORM if name not in said}
    trained = {name: value for name, value in found.items() if value is not None and _fits(name, value)}
    if not said & {*marks} and not trained.keys() & {*marks} and checkpoint.spec:
        trained |= {name: mark for name, mark in zip(marks, checkpoint.spec.marks, strict=False) if mark}  # recognised
    read = {**trained, **given}
    form = FormKeys(**{name: value for name, value in read.items() if name != "sheet"}, hints=HINTS & trained.keys())
    return Keys(form.check(), read.get("sheet"))


def _fits(name: str, value: object) -> bool:
    if name == "skip_rows":
        return isinstance(value, int) and not isinstance(value, bool)
    return value is None or isinstance(value, str)
