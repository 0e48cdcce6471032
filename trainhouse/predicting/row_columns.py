"""What says of which row a prediction is: its number in the file, and the columns that the data calls identifiers."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from trainhouse.checkpoints.checkpoint import Checkpoint
from trainhouse.tables.id_columns import IdReader
from trainhouse.tables.one_file import Keys

_log = logging.getLogger(__name__)
Columns = dict[str, Any]
ROW = "row"


class RowColumns:
    """Names the rows of predictions, which come in the order of their file."""

    def __init__(self, reader: IdReader | None = None, is_named: bool = True) -> None:
        """Number rows from 0, with the columns of a `reader` beside them; not at all unless `is_named`."""
        self.reader, self.is_named, self.count = reader, is_named, 0

    def beside(self, columns: Columns) -> Columns:
        """Return the columns of a batch of predictions, behind those that name its rows."""
        if not self.is_named:
            return columns
        rows = len(next(iter(columns.values())))
        numbers = np.arange(self.count, self.count + rows)
        self.count += rows
        return named_rows(numbers, self.reader.take(rows) if self.reader else {}, columns)


def named_rows(numbers: np.ndarray, ids: Columns, columns: Columns) -> Columns:
    """Return ``row``, the identifiers, and the `columns` of predictions, for whose names an identifier's makes way."""
    taken = {ROW, *columns}
    apart = {f"id_{name}" if name in taken else name: np.array(cells, object) for name, cells in ids.items()}
    return ({} if ROW in columns else {ROW: numbers}) | apart | columns


def row_columns(members: Sequence[Checkpoint], input: str, output: Path, keys: Keys) -> RowColumns:
    """Return what names the rows of a file of new rows: its number, and the columns in data.id_columns.

    A ``.npy`` file has numbers only: the places of its rows are those of the input.
    """
    names = members[0].config.data.get("id_columns")
    is_list = isinstance(names, list) and all(isinstance(name, str) for name in names)
    reader = IdReader.of(Path(input), names, keys, members[0].data_spec.columns) if is_list and names else None
    if output.suffix == ".npy":
        if reader is not None:
            _log.info("note: a .npy file takes no id columns; its rows are those of the input, in their order")
        return RowColumns(is_named=False)
    return RowColumns(reader)
