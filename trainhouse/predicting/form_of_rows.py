"""How a table of new rows is read: as the command says, or as that of training was where the file leaves it open."""

from collections.abc import Mapping
from typing import Any

from trainhouse.checkpoints.checkpoint import Checkpoint
from trainhouse.configuration.errors import UserError, did_you_mean
from trainhouse.tables.csv_form import FormKeys
from trainhouse.tables.one_file import Keys

_TEXTS = ("separator", "decimal", "thousands", "encoding", "sheet")
FORM = (*_TEXTS, "skip_rows")
"""The keys of data that a file of new rows may have of its own."""


def keys_of_rows(checkpoint: Checkpoint, given: Mapping[str, Any]) -> Keys:
    """Return what is `given` of the form of new rows; else that of training, as a hint.

    Raises `UserError` for another key, and for a value that can't be.
    """
    for name, value in given.items():
        if name not in FORM:
            raise UserError(
                f"data.{name}: this model was trained on arrays, whose new rows are input=...; of data only "
                f"{', '.join(FORM)} say how it is read{did_you_mean(name, FORM)}"
            )
        is_number = isinstance(value, int) and not isinstance(value, bool)
        if not (is_number if name == "skip_rows" else value is None or isinstance(value, str)):
            expected = "a number of lines" if name == "skip_rows" else "a string"
            raise UserError(f"data.{name}: expected {expected}, got {value!r}")
    trained = {name: checkpoint.config.data.get(name) for name in _TEXTS}
    of_text = {name: value for name, value in given.items() if name != "sheet"}
    if of_text:
        form = FormKeys(**of_text).check()
    else:
        form = FormKeys(**{name: trained[name] for name in _TEXTS[:-1]}, are_hints=True)
    return Keys(form, given.get("sheet"))
