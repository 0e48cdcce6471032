"""Headers that are none, or that come again: files put together of several, or without a line of names."""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from trainhouse.arrays.texts import is_number
from trainhouse.configuration.errors import UserError


def refuse_header_again(table: pa.Table, source: str) -> None:
    """Raise `UserError` if a row has the names of all columns in it."""
    if not table.num_rows or not all(pa.types.is_string(kind) for kind in table.schema.types):
        return
    is_header = pc.equal(table.column(0), table.column_names[0])
    for name in table.column_names[1:]:
        if not pc.any(is_header).as_py():
            return
        is_header = pc.and_kleene(is_header, pc.equal(table.column(name), name))
    rows = pc.indices_nonzero(is_header).to_pylist()
    if rows:
        more = f", and {len(rows) - 1} more are" if len(rows) > 1 else ""
        raise UserError(f"{source}: row {rows[0]} is the header again{more}; delete such rows")


def lost_row_lines(names: Sequence[str]) -> list[str]:
    """Return a line if all names are cells by their look: numbers, of which some are not whole."""
    if (
        len(names) > 1
        and sum(map(is_number, names)) > len(names) / 2
        and any(is_number(one) and "." in one for one in names)
    ):
        return [
            f"the first line, '{', '.join(names):.40}', is taken for the header; if it is a row, it is lost: add a "
            "line of names above it"
        ]
    return []
