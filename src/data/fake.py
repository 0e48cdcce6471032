"""A data set out of nothing, so that a fresh clone trains at once: classes of several clusters each."""

import logging
from pathlib import Path
from typing import Annotated

import numpy as np
from annotated_types import Ge, Interval

from trainhouse import Dataset, DataSpec, UserError, atomic_write, open_array, read_json, read_npy, write_json

_log = logging.getLogger(__name__)


def read_fake(
    path: str,
    rows: Annotated[int, Ge(1)],
    columns: Annotated[int, Ge(2)],
    classes: Annotated[int, Ge(2)],
    noise: Annotated[float, Ge(0)],
    seed: Annotated[int, Interval(ge=0, lt=2**32)],
    like: DataSpec | None = None,
) -> Dataset:
    """Return the example data at `path`, generating the file first if it is not there.

    The file is (rows, columns + 1) float32 with the class in the last column; a `.json` file beside it says
    what it was made with. An existing file is used as it is; raises `UserError` if it has another size or was
    made with other values than asked for. With `like`, the spec of earlier data, nothing is generated.
    """
    asked = {"rows": rows, "columns": columns, "classes": classes, "noise": noise, "seed": seed}
    record = Path(f"{path}.json")
    if like is None and not Path(path).exists():
        made = generate(rows, columns, classes, noise, seed)
        try:
            write_json(record, asked)  # first: rows that are there without it would pass for any
            with atomic_write(path) as file:
                np.save(file, made)
        except OSError as error:
            raise UserError(f"data.path: cannot write {path}: {error.strerror}") from error
        _log.info("generated %s (%d rows)", path, rows)
    shape = open_array(path, "data.path").shape
    if shape != (rows, columns + 1):
        raise UserError(
            f"data.path: {path} has shape {shape}, but data.rows and data.columns ask for {(rows, columns + 1)}; "
            "delete the file to generate it again, or train on it with data=npy data.features=" + path
        )
    for name, value in _read_record(record).items():
        if asked.get(name) != value:
            raise UserError(
                f"data.{name}: {path} was made with {value}, not {asked.get(name)}; "
                "delete the file to generate it again, or generate another one with data.path=..."
            )
    return read_npy(features=path, task="classification", like=like)


def _read_record(path: Path) -> dict[str, float]:
    """What a file was made with; nothing if it was not generated here."""
    if not path.is_file():
        return {}
    try:
        return dict(read_json(path))
    except (ValueError, TypeError) as error:
        raise UserError(f"{path}: damaged ({error}); delete it and the file it is about") from error


def generate(rows: int, columns: int, classes: int, noise: float, seed: int) -> np.ndarray:
    """Return (rows, columns + 1) float32: features, and the class in the last column.

    Each class is three normal clusters of deviation `noise` in the first half of the columns, around
    centres of deviation 1, so that no straight line parts them; the other half is noise alone. The legacy
    generator is used because numpy promises that its stream never changes.
    """
    random = np.random.RandomState(seed)
    informative = columns // 2
    centres = random.standard_normal((3 * classes, informative))
    cluster = random.randint(3 * classes, size=rows)
    x = random.standard_normal((rows, columns))
    x[:, :informative] = centres[cluster] + noise * x[:, :informative]
    return np.column_stack([x, cluster % classes]).astype(np.float32)
