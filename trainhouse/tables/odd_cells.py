"""Which cells of a file are not what their column holds."""

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from trainhouse.arrays.written_numbers import how_to_write, is_written_number
from trainhouse.tables.column_kinds import first_unread
from trainhouse.tables.one_file import Source
from trainhouse.tables.problems import Problems


def note_odd(problems: Problems, cells: pa.Array, name: str, source: Source, start: int, where: str = "") -> None:
    """Add to the `problems` which cells of a column of numbers are none."""
    odd = source.odd(name, pc.unique(cells.drop_null()))
    if not odd:
        return
    rows = pc.indices_nonzero(pc.is_in(cells, pa.array(sorted(odd)))).to_pylist()
    for place, row in enumerate(rows):
        if problems.is_full(name):
            problems.count(len(rows) - place)
            return
        text = cells[row].as_py()
        texts = filter(None, cells.to_pylist())
        mend = how_to_write(text, texts) if is_written_number(text) else "write a number, or empty that cell"
        problems.add(f"{where}column {name}: row {start + row} is '{text:.40}'; {mend}", name)


def note_unread(
    problems: Problems, source: Source, kinds: Mapping[str, pa.DataType], missing: pa.Array, where: str = ""
) -> None:
    """Add to the `problems` the first cell in columns of whole numbers, or dates, that is none."""
    names = [name for name, kind in kinds.items() if not pa.types.is_string(kind) and not pa.types.is_floating(kind)]
    start, texts = 0, dict.fromkeys(names, pa.string())
    for batch in source.batches(names, texts, problems) if names else ():
        for name, cells in zip(names, batch.columns, strict=True):
            if (row := first_unread(cells, kinds[name], missing)) is not None:
                line = (
                    f"{where}column {name}: row {start + row} is '{cells[row].as_py():.40}', not as the cells above it"
                )
                problems.add(f"{line}; write it as these, or empty that cell", name)
                return
        start += batch.num_rows
