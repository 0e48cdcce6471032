"""Headers of two lines, that are none, or that come again, in files put together of several."""

from collections.abc import Collection, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from trainhouse.arrays.texts import is_number
from trainhouse.arrays.written_numbers import is_written_number
from trainhouse.configuration.errors import UserError

_LOOK = 200


def refuse_second_header(
    names: Sequence[str],
    rows: Sequence[Sequence[str]],
    missing: Collection[str],
    source: str,
    other: Collection[str],
    skipped: int | None = None,
) -> None:
    """Raise `UserError` if the first of some `rows` holds names or units, where all rows below have numbers.

    `missing` are the words for a missing cell, the columns `other` need no numbers, and
    `skipped` lines stand above the header, if that is known.
    """
    rows = [row for row in rows[:_LOOK] if len(row) == len(names)]
    if len(rows) < 3:
        return
    first, below = rows[0], rows[1:]
    filled = [place for place, cell in enumerate(first) if names[place] not in other and not _is_missing(cell, missing)]
    if any(_is_a_number(first[place]) for place in filled):
        return
    over = [place for place in filled if _is_of_numbers([row[place] for row in below], missing)]
    if len(over) < 2 or 3 * len(over) < 2 * len(filled):
        return
    shown = ", ".join(f"'{first[place]:.20}'" for place in filled[:4])
    if len({*names}) == len(names) and all(name.strip() for name in names):
        raise UserError(
            f"{source}: row 0 ({shown}) has text where all rows below have numbers: a second line of the header, as "
            "units are? delete it"
        )
    is_whole = len({*first}) == len(names) == len(filled)
    number = " to the number of rows above the second" if skipped is None else f"={skipped + 1}"
    way = f", or set data.skip_rows{number}, which leaves the first line out" if is_whole else ""
    above = ", ".join(f"'{name:.20}'" for name in names[:4])
    raise UserError(f"{source}: its header has two lines ({above} above {shown}); make one of them{way}")


def _is_missing(cell: str, missing: Collection[str]) -> bool:
    return not cell.strip() or cell.strip() in missing


def _is_of_numbers(cells: Sequence[str], missing: Collection[str]) -> bool:
    filled = [cell for cell in cells if not _is_missing(cell, missing)]
    return len(filled) > 1 and all(map(_is_a_number, filled))


def _is_a_number(cell: str) -> bool:
    """Whether a cell is a number and nothing else, however it is written: not 2XL, 18-24 or 1st."""
    return is_number(cell) or is_written_number(cell)


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
