"""What type a column of text has, by all of its cells: the first rows may say little of those far behind."""

from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc

_SECONDS, _NANOSECONDS = pa.timestamp("s"), pa.timestamp("ns")
_ZONED, _FINE_ZONED = pa.timestamp("s", "UTC"), pa.timestamp("ns", "UTC")
# The types that all cells of one have as well; the first that takes the others too is the column's.
_WIDER = {
    pa.null(): [pa.int64(), pa.date32(), pa.time32("s"), _SECONDS, _ZONED, _NANOSECONDS, _FINE_ZONED, pa.float64()],
    pa.int64(): [pa.float64()],
    pa.date32(): [_SECONDS, _NANOSECONDS],
    _SECONDS: [_NANOSECONDS],
    _ZONED: [_FINE_ZONED],
}


class KindFinder:
    """Finds the type of each column, block by block."""

    def __init__(self, missing: pa.Array) -> None:
        """Cells that are `missing` have any type; without another one a column is null."""
        self.kinds: dict[str, pa.DataType] = {}
        self.codes: dict[str, str] = {}
        """A cell with zeros in front, as 007, of each column that has such and otherwise only whole numbers."""
        self.padded = set[str]()
        """The columns with spaces around cells that pyarrow's reader doesn't take off."""
        self._missing = missing

    def add(self, name: str, cells: pa.Array) -> None:
        """Add cells of a column, as strings."""
        kind = self.kinds.setdefault(name, pa.null())
        if pa.types.is_string(kind):
            return
        written = cells.drop_null()
        trimmed = pc.utf8_trim_whitespace(written)
        cells = trimmed.filter(pc.invert(pc.is_in(trimmed, self._missing)))
        if len(cells):
            kinds = [kind, *_WIDER.get(kind, [])][kind == pa.null() :]
            self.kinds[name] = next((one for one in kinds if _fits(cells, one)), pa.string())
            if not pa.types.is_integer(self.kinds[name]):
                self.codes.pop(name, None)
            elif name not in self.codes and (code := first_code(cells)):
                self.codes[name] = code
        if is_padded(written, trimmed, self._missing, pa.types.is_temporal(self.kinds[name])):
            self.padded.add(name)


def is_padded(cells: pa.Array, trimmed: pa.Array, missing: pa.Array, has_dates: bool = False) -> bool:
    """Whether cells have spaces around them that pyarrow's reader of CSV files doesn't take off.

    It takes blanks and tabs off numbers, but not off those that are `missing`, and nothing off points in time.
    """
    if trimmed.equals(cells):
        return False
    if has_dates or not trimmed.equals(pc.utf8_trim(cells, " \t")):
        return True
    return bool(pc.any(pc.and_not(pc.is_in(trimmed, missing), pc.is_in(cells, missing))).as_py())


def first_code(cells: pa.Array) -> str:
    """Return the first of some strings that is a whole number with zeros in front, "" if none is."""
    found = pc.index(pc.match_substring_regex(cells, r"^\s*[+-]?0+[0-9]+\s*$"), True).as_py()
    return "" if found < 0 else str(cells[found].as_py()).strip()


def _fits(cells: pa.Array, kind: pa.DataType) -> bool:
    if pa.types.is_integer(kind) and pc.any(pc.match_substring(cells, "x", ignore_case=True)).as_py():
        return False  # 0x1F, which is a number to pyarrow among whole numbers only
    try:
        _parsed(cells, kind)
    except pa.ArrowInvalid:
        return False
    return True


def common_kind(kinds: Iterable[pa.DataType]) -> pa.DataType:
    """Return the type that holds the columns of one name of several files."""
    kinds = [kind for kind in dict.fromkeys(kinds) if not pa.types.is_null(kind)]
    if len(kinds) < 2:
        return kinds[0] if kinds else pa.null()
    if all(pa.types.is_integer(kind) or pa.types.is_floating(kind) for kind in kinds):
        return pa.int64() if all(map(pa.types.is_signed_integer, kinds)) else pa.float64()
    if all(pa.types.is_date(kind) or (pa.types.is_timestamp(kind) and not kind.tz) for kind in kinds):
        return pa.timestamp("us")
    return pa.string()


def missing_cells(words: Iterable[str]) -> pa.Array:
    """Return what stands for a missing cell: the words, or nothing."""
    return pa.array(dict.fromkeys(["", *words]), pa.string())


def as_kind(cells: pa.Array, kind: pa.DataType, missing: pa.Array) -> pa.Array:
    """Return cells of any type as another one; those of text that are `missing` are null in all others.

    Raises `pa.ArrowInvalid` for text that is none of these.
    """
    if cells.type == kind:
        return cells
    if pa.types.is_string(cells.type) and not pa.types.is_string(kind):
        cells = pc.utf8_trim_whitespace(cells)
        cells = pc.if_else(pc.is_in(cells, missing), pa.scalar(None, pa.string()), cells)
        return _parsed(cells, kind)
    return cells.cast(kind, safe=False)


def first_unread(cells: pa.Array, kind: pa.DataType, missing: pa.Array) -> int | None:
    """Return the place of the first of some texts that is not of a kind, None if all are, or `missing`."""
    for some in (cells, *(cells.slice(place, 1) for place in range(len(cells)))):
        try:
            as_kind(some, kind, missing)
        except pa.ArrowInvalid:
            if len(some) == 1:
                return int(some.offset - cells.offset)
            continue
        if some is cells:
            return None
    return None


def _parsed(texts: pa.Array, kind: pa.DataType) -> pa.Array:
    if pa.types.is_null(kind):
        if texts.null_count < len(texts):
            raise pa.ArrowInvalid("a cell that is not missing")
        return pa.nulls(len(texts))
    if pa.types.is_time(kind):  # which pyarrow parses in CSV files only
        if pc.any(pc.invert(pc.match_substring(texts, ":"))).as_py():
            raise pa.ArrowInvalid("an hour without minutes")
        return pc.binary_join_element_wise("1970-01-01", texts, " ").cast(_SECONDS).cast(kind)
    return texts.cast(kind)
