"""Which row of the data is in which split, kept in the run's folder: to look at, to join, to give to another program.

Up to 100,000 rows it is ``splits.csv``: ``row`` (counted from 0), ``split``, and the identifiers; with the ``file``, as
the key that names it, where a split has one of its own. Beyond that it is ``splits.npz``, whose array ``split`` has a
byte for each row of the data: 0 train, 1 val, 2 test, 255 none.
"""

import csv
import io
import logging
from pathlib import Path
from typing import Any

import numpy as np
from lightning.pytorch.utilities import rank_zero_only

from trainhouse.arrays.datamodule import DataModule
from trainhouse.arrays.split import SPLITS
from trainhouse.machine.files import atomic_write
from trainhouse.runs.layout import SPLIT_ARRAY, SPLIT_TABLE

_log = logging.getLogger(__name__)
_MOST_AS_TEXT = 100_000
_MOST = 2**27  # rows: 128 MiB
_NONE = 255


@rank_zero_only
def write_splits(folder: Path, datamodule: Any) -> None:
    """Write the file of a run on arrays, unless a run that is resumed has it already."""
    if not isinstance(datamodule, DataModule) or any((folder / name).exists() for name in (SPLIT_TABLE, SPLIT_ARRAY)):
        return
    main = datamodule.parts["all"][0]
    codes = np.full(len(main.y), _NONE, np.uint8)  # of rows without a label too
    own: dict[str, list[str]] = {}
    for place, split in enumerate(SPLITS):
        rows = datamodule.parts[split][0]
        if rows is main:
            codes[datamodule.row_numbers_of(split)] = place
        else:
            is_in = np.full(len(rows.y), "", "U5")
            is_in[datamodule.row_numbers_of(split)] = split
            own[split] = is_in.tolist()
    if len(codes) > _MOST:
        _log.info("note: which row is in which split is not kept, of more than %s rows", f"{_MOST:,}")
    elif len(codes) + sum(map(len, own.values())) > _MOST_AS_TEXT:
        with atomic_write(folder / SPLIT_ARRAY) as file:
            np.savez(file, split=codes)
    else:
        with atomic_write(folder / SPLIT_TABLE) as file:
            file.write(_table(datamodule, codes, own).encode())


def _table(datamodule: DataModule, codes: np.ndarray, own: dict[str, list[str]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = dict(enumerate(SPLITS))
    keys = datamodule.beside["all"].keys
    main = "data.file" if "test" in keys else "data.features"
    parts = [("all", main, [names.get(code, "") for code in codes.tolist()])]
    for split, splits in own.items():
        parts.append((split, keys.get(split, f"data.{split}_features"), splits))
    for place, (split, file, splits) in enumerate(parts):
        ids = datamodule.beside[split].ids
        columns = ids(np.arange(len(splits))) if ids else {}
        if place == 0:
            apart = [f"id_{name}" if name in ("row", "split", "file") else name for name in columns]
            writer.writerow(["row", "split", *(["file"] if own else []), *apart])
        files = [[file] * len(splits)] if own else []
        writer.writerows(zip(range(len(splits)), splits, *files, *columns.values(), strict=True))
    return text.getvalue()
