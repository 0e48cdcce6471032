"""Reading a table of text into the arrays that are trained on, against a parser that keeps it in memory."""

import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import csv

from trainhouse.benchmarks.lab import Lab
from trainhouse.benchmarks.measuring import Samples, interleaved, row
from trainhouse.benchmarks.processes import SkippedError, output_of, python
from trainhouse.benchmarks.rows.memory import growth

COLUMNS, FRACTIONS = 20, 15  # of which so many hold fractions, the others whole numbers
MOST_REPEATS = 2
_BLOCK = 250_000
_TIMED = "import sys, time; {}; t = time.process_time(); {}; print('seconds', time.process_time() - t)"
_OURS = _TIMED.format(
    "from trainhouse.tables.read_table import read_table", "read_table(sys.argv[1], 'c0', sys.argv[2], 'regression')"
)
_POLARS = _TIMED.format("import polars", "polars.read_csv(sys.argv[1])")


@row("s", "of polars' speed")
def read_table(lab: Lab) -> Samples:
    """Processor seconds, of all cores together, to make a CSV file of 5 million rows of 20 numbers (200,000 with
    --quick) into the arrays of a run: its content's name, the types of its columns, their checks, and the arrays in
    files. Yardstick: `polars.read_csv` of the same file, which only parses it into memory. Both in processes of their
    own, without what starting them takes.
    """
    path = _table(lab, lab.size(full=5_000_000, quick=200_000))

    def seconds(script: str, *more: Path) -> float:
        return float(output_of(python("-c", script, path, *more), lab.folder).rpartition("seconds ")[2])

    def ours() -> float:
        return seconds(_OURS, lab.new_folder())

    return Samples(*interleaved(min(lab.repeats, MOST_REPEATS), ours, lambda: seconds(_POLARS)))


@row("MiB", "of what polars grows by")
def read_table_memory(lab: Lab) -> Samples:
    """Growth in MiB of the peak memory of reading a CSV file when its rows grow tenfold, to 5 million of 20 numbers (to
    200,000 with --quick), without the pages of mapped files. Yardstick: the growth of `polars.read_csv`.
    """
    most = lab.size(full=5_000_000, quick=200_000)
    files = [_table(lab, rows) for rows in (most // 10, most)]
    return growth(lab, lambda file: python("-c", _OURS, file, lab.new_folder()), files, _POLARS)


@row("s", "of CSV's speed")
def read_json_lines(lab: Lab) -> Samples:
    """Processor seconds, of all cores together, to make JSON lines of a million rows of 20 numbers (100,000 with
    --quick) into the arrays of a run. Yardstick: the same rows as CSV. Both in processes of their own, without what
    starting them takes.
    """
    rows = lab.size(full=1_000_000, quick=100_000)
    as_text = lab.once(("text", rows), lambda: _written(lab.folder / f"table_{rows}.csv", rows))
    as_lines = lab.once(("lines", rows), lambda: _as_json_lines(as_text))

    def seconds(path: Path) -> float:
        return float(output_of(python("-c", _OURS, path, lab.new_folder()), lab.folder).rpartition("seconds ")[2])

    repeats = min(lab.repeats, MOST_REPEATS)
    return Samples(*interleaved(repeats, lambda: seconds(as_lines), lambda: seconds(as_text)))


def _as_json_lines(table: Path) -> Path:
    path = table.with_suffix(".jsonl")
    with path.open("w") as file:
        for batch in csv.open_csv(table):
            file.writelines(f"{json.dumps(cells)}\n" for cells in batch.to_pylist())
    return path


def _table(lab: Lab, rows: int) -> Path:
    if find_spec("polars") is None:
        raise SkippedError("skipped: needs polars (pip install polars)")
    return lab.once(("text", rows), lambda: _written(lab.folder / f"table_{rows}.csv", rows))


def _written(path: Path, rows: int) -> Path:
    random, names = np.random.default_rng(0), [f"c{place}" for place in range(COLUMNS)]
    kinds = [pa.float64() if place < FRACTIONS else pa.int64() for place in range(COLUMNS)]
    with csv.CSVWriter(path, pa.schema(list(zip(names, kinds, strict=True)))) as file:
        for start in range(0, rows, _BLOCK):
            count = min(_BLOCK, rows - start)
            numbers = [
                random.standard_normal(count).round(6) if kind == pa.float64() else random.integers(0, 1000, count)
                for kind in kinds
            ]
            file.write_table(pa.table(dict(zip(names, numbers, strict=True))))
    return path
