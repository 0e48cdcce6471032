"""Tables as text with separators: .csv and its relatives, read in a stream, in whatever form they are."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
from pyarrow import csv

from trainhouse.arrays.texts import is_number
from trainhouse.configuration.errors import UserError
from trainhouse.tables.column_kinds import KindFinder, as_kind, first_code
from trainhouse.tables.csv_form import SEPARATORS, read_head
from trainhouse.tables.csv_numbers import Evidence, Written, plain_numbers
from trainhouse.tables.header_slips import refuse_second_header
from trainhouse.tables.one_file import Keys
from trainhouse.tables.problems import Problems
from trainhouse.tables.ragged_rows import OPEN_QUOTE, ragged, refuse_filled
from trainhouse.tables.text_stream import TextStream

_BLOCK, _LARGEST_BLOCK = 2**20, 2**30
_ENCODINGS = {"cp1252": "latin-1 (cp1252)", "utf-16-le": "utf-16", "utf-16-be": "utf-16"}


class CsvSource:
    """A text file with a header. Cells are typed by their content, and numbers read as the file writes them."""

    def __init__(self, path: Path, key: str, keys: Keys, missing: pa.Array, known: Collection[str]) -> None:
        """The form is recognised at once, where the `keys` don't say it. Raises `UserError` if it isn't certain."""
        self.path, self.source, self._keys, self._missing = path, f"{key}: {path}", keys.form, missing
        self._head = read_head(path, self.source, keys.form, known)
        self.names = self._named()
        if not {*known} & {*self.names}:
            words, head = missing.to_pylist(), self._head
            refuse_second_header(head.names, head.rows, words, self.source, keys.no_numbers, head.skipped)
        self._as_codes = {str(place) for place, name in enumerate(self.names) if name in keys.as_codes}
        self._encoding, self._word = self._head.encoding, ""
        self._block = _BLOCK
        self._written, self._kinds, self._is_learned = Written(), dict[str, pa.DataType](), False
        self._codes, self._padded = dict[str, str](), set[str]()
        evidence, finder = Evidence(self._missing, self._keys), KindFinder(self._missing)
        first = self._stream(self._places, {}, Problems(self.source))
        self._add(next(first, None), evidence, finder)
        self._is_learned = next(first, None) is None
        self._take(evidence, finder)
        self._is_open = not self._is_learned and evidence.has_open_question(self._head.separator != ",")

    def _named(self) -> list[str]:
        """The header without columns behind the last name that hold nothing: Excel writes such separators."""
        names, rows = self._head.names[: len(self._head.names) - self._head.added], self._head.rows
        while len(names) > 1 and not names[-1].strip() and not any(any(row[len(names) - 1 :]) for row in rows):
            names.pop()
        return names

    @property
    def _places(self) -> list[str]:
        """The columns by their order: names may be there twice."""
        return [str(place) for place in range(len(self._head.names))]

    @staticmethod
    def _add(batch: pa.RecordBatch | None, evidence: Evidence, finder: KindFinder) -> None:
        for name, cells in zip(batch.schema.names, batch.columns, strict=True) if batch else ():
            evidence.add(name, cells)
            finder.add(name, cells)

    @property
    def _asks(self) -> bool:
        return self._head.separator == ";"

    def _take(self, evidence: Evidence, finder: KindFinder) -> None:
        written = self._written = evidence.read(self._asks, self._keys)
        self._kinds, self._codes, self._padded = finder.kinds, finder.codes, finder.padded
        for place, kind in finder.kinds.items():
            if place in written.numbers and pa.types.is_string(kind):
                self._kinds[place] = pa.float64()
            elif written.decimal == "," and place not in written.numbers and pa.types.is_floating(kind):
                self._kinds[place] = pa.string()  # with decimal points among decimal commas
        self._kinds |= {place: pa.string() for place in self._as_codes & self._codes.keys()}

    def add(self, name: str) -> None:
        """Do nothing: a table of text has all columns in each file."""

    def reading(self) -> str:
        """Return in which form the file was read, "" if it is the usual one."""
        separator, encoding = self._head.separator, self._encoding
        called = {**SEPARATORS, " ": "space"}.get(separator, repr(separator))
        found = [f"{called}s"] if separator != "," and len(self.names) > 1 else []
        found += ["decimal comma"] if self._written.decimal == "," else []
        if by := self._written.thousands:
            found += [f"thousands separated by {({'.': 'points', ',': 'commas'}).get(by, 'spaces')}"]
        found += [_ENCODINGS.get(encoding, encoding)] if encoding not in (None, "utf-8", "utf-8-sig") else []
        if self._word:
            found[-1] += f" as in '{self._word}' (if that is wrong, set data.encoding)"
        return ", ".join(found)

    def marks(self) -> tuple[str, ...]:
        """Return the decimal mark and the separator of thousands, nothing if they are as usual."""
        found = (self._written.decimal, self._written.thousands)
        return () if found == (".", "") else found

    def kinds(self, whole: bool) -> dict[str, pa.DataType]:
        """Return the type of each column: by its first rows, or by the `whole` file, which is read for it once."""
        if (whole or self._is_open) and not self._is_learned:
            evidence, finder = Evidence(self._missing, self._keys), KindFinder(self._missing)
            for batch in self._stream(self._places, {}, None):
                self._add(batch, evidence, finder)
            self._take(evidence, finder)
            self._is_learned, self._is_open = True, False
        return {name: self._kinds.get(str(place), pa.null()) for place, name in enumerate(self.names)}

    def learn(self) -> bool | None:
        """Read the whole file for how it writes numbers, once; return whether those read before stay what they are."""
        before, padded = self._written, self._padded
        self.kinds(whole=True)
        if (self._written, self._padded) == (before, padded):
            return None
        return self._written.thousands != "." or self._written.grouped == before.grouped  # 1.234 was no 1234

    def codes(self) -> dict[str, str]:
        """Return a cell of each column of whole numbers, some of which have zeros in front, as far as is known."""
        return {name: self._codes[str(place)] for place, name in enumerate(self.names) if str(place) in self._codes}

    def doubtful(self, columns: Collection[str]) -> str:
        """Return what to do about numbers among the `columns` that can be read in two ways, "" if there are none."""
        self.kinds(whole=False)
        for place, cell in self._written.doubtful.items():
            if (name := self.names[int(place)]) in columns:
                whole = cell.replace(".", "")
                why, way = "as semicolons separate the columns", "data.decimal='.'"
                if self._written.decimal == ",":
                    why, way = "beside decimal commas", f"write {cell.replace('.', ',')}"
                return (
                    f"column {name}: {cell} may be {whole} (separator of thousands) or {cell} (decimal point), {why}; "
                    f"set data.thousands='.' or {way}"
                )
        return ""

    def batches(
        self, columns: Sequence[str], types: Mapping[str, pa.DataType], problems: Problems | None = None
    ) -> Iterator[pa.RecordBatch]:
        """Yield the `columns`, as `types`. Raises `pa.ArrowInvalid` for cells that are none of these.

        Rows of another length raise it too, unless there are `problems`, which they are added to.
        """
        places = [str(self.names.index(name)) for name in columns]
        wanted = {place: types[name] for place, name in zip(places, columns, strict=True)}
        for batch in self._stream(places, wanted, problems):
            yield pa.RecordBatch.from_arrays(batch.columns, names=list(columns))

    def _stream(
        self, places: list[str], types: Mapping[str, pa.DataType], problems: Problems | None
    ) -> Iterator[pa.RecordBatch]:
        done = 0
        while True:
            try:
                for batch, start in self._blocks(places, types, problems):
                    if start >= done:
                        yield batch
                        done = start + batch.num_rows
                return
            except pa.ArrowInvalid as error:
                if "straddling" not in str(error) or self._block >= _LARGEST_BLOCK:
                    raise
                self._block = min(8 * self._block, _LARGEST_BLOCK)  # for a cell that is larger than a block

    def _blocks(
        self, places: list[str], types: Mapping[str, pa.DataType], problems: Problems | None
    ) -> Iterator[tuple[pa.RecordBatch, int]]:
        if not self._head.rows:
            return
        unnamed = [place for place in self._places[len(self.names) :] if place not in places]
        own = {place for place in places if pa.types.is_floating(types.get(place, pa.string()))}
        own &= self._written.cleaned
        codes = {place for place in self._as_codes & {*places} if pa.types.is_integer(types.get(place, pa.string()))}
        trimmed = {place for place in self._padded & {*places} if not pa.types.is_string(types.get(place, pa.string()))}
        trimmed -= own | codes
        parse = csv.ParseOptions(
            delimiter=self._head.separator,
            newlines_in_values=True,
            invalid_row_handler=None if problems is None else ragged(problems, self._head.skipped, self._head.added),
        )
        convert = csv.ConvertOptions(
            column_types={
                place: pa.string() if place in own | codes | trimmed else types.get(place, pa.string())
                for place in [*places, *unnamed]
            },
            include_columns=[*places, *unnamed],
            decimal_point=self._written.decimal,
            null_values=self._missing.to_pylist(),
            true_values=[],
            false_values=[],
        )
        read = csv.ReadOptions(
            block_size=self._block,
            column_names=self._places,
            skip_rows=self._head.skipped,
            skip_rows_after_names=1,
            use_threads=problems is None,  # rows of another length have no number otherwise
        )
        start, last = 0, None
        with TextStream(self.path, self.source, self._keys.encoding, "encoding" in self._keys.hints) as stream:
            with csv.open_csv(stream, read, parse, convert) as reader:
                for block in reader:
                    if not block.num_rows:
                        continue
                    for cells in block.columns[len(places) :]:
                        refuse_filled(cells, start, self.source)
                    arrays = dict(zip(places, block.columns, strict=False))
                    for place in own:
                        numbers = plain_numbers(arrays[place], self._written, self._missing)
                        arrays[place] = numbers.cast(pa.float64())
                    for place in codes:
                        arrays[place] = self._whole(arrays[place], types[place])
                    for place in trimmed:
                        arrays[place] = as_kind(arrays[place], types[place], self._missing)
                    last = pa.RecordBatch.from_arrays(list(arrays.values()), names=places)
                    yield last, start
                    start += block.num_rows
            self._encoding, self._word = stream.encoding, stream.word or self._word
            if stream.quotes % 2 and last is not None:
                self._refuse_open_quote(last, start - 1)

    def _whole(self, cells: pa.Array, kind: pa.DataType) -> pa.Array:
        """Cells as whole numbers. Raises `pa.ArrowInvalid` if one of them is a code, as 007."""
        if first_code(cells):
            raise pa.ArrowInvalid("zeros in front of a whole number")
        return as_kind(cells, kind, self._missing)

    def odd(self, name: str, texts: pa.Array) -> set[str]:
        """Return those of the texts of a column that are no numbers as this file writes them, and not missing."""
        is_plain = self._written.decimal == "." and str(self.names.index(name)) not in self._written.cleaned
        plain = texts if is_plain else plain_numbers(texts, self._written, self._missing)
        pairs, missing = zip(texts.to_pylist(), plain.to_pylist(), strict=True), {*self._missing.to_pylist()}
        return {text for text, number in pairs if text.strip() not in missing and number and not is_number(number)}

    def _refuse_open_quote(self, last: pa.RecordBatch, row: int) -> None:
        """Raise `UserError` if the last cell goes on over lines to the end of a file with a quote too many."""
        if len(last.schema.names) < len(self._places) or not all(
            pa.types.is_string(kind) for kind in last.schema.types
        ):
            for batch, start in self._blocks(self._places, {}, None):
                last, row = batch, start + batch.num_rows - 1
            return  # which has come here again, with all columns
        for name, cells in zip(self._head.names, last.columns, strict=True):
            if "\n" in (cells[-1].as_py() or ""):
                raise UserError(f"{self.source}: row {row}, column {name}: {OPEN_QUOTE}")
