"""One file of a table, of whatever kind it is: what it can be asked, and what is set of how it is read."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import pyarrow as pa

from trainhouse.tables.csv_form import FormKeys
from trainhouse.tables.missing_words import USUAL
from trainhouse.tables.problems import Problems

HINTS = frozenset({"separator", "decimal", "encoding", "skip_rows", "sheet"})
"""What one file may tell of how another one is read; with the decimal mark that of thousands."""


class Source(Protocol):
    """One file."""

    path: Path
    names: list[str]

    def reading(self) -> str:
        """Return in plain words how it was read, "" if there is one way only."""
        ...

    def marks(self) -> tuple[str, ...]:
        """Return the decimal mark and the separator of thousands, nothing if they are as usual."""
        ...

    def kinds(self, whole: bool) -> dict[str, pa.DataType]:
        """Return the types of the columns; by the `whole` file they are certain."""
        ...

    def learn(self) -> bool | None:
        """Read the whole file for how it writes numbers, once.

        Returns whether numbers that were read before stay what they are; None if there is no news.
        """
        ...

    def codes(self) -> dict[str, str]:
        """Return a cell of each column of whole numbers, some of which have zeros in front, as far as is known."""
        ...

    def doubtful(self, columns: Collection[str]) -> str:
        """Return what may be read in two ways in these columns, and how it is settled; "" if nothing."""
        ...

    def batches(
        self, columns: Sequence[str], types: Mapping[str, pa.DataType], problems: Problems | None = None
    ) -> Iterator[pa.RecordBatch]:
        """Yield the columns with these types. Raises `pa.ArrowInvalid` for what isn't.

        Rows of another length may be left to `problems`.
        """
        ...

    def add(self, name: str) -> None:
        """Add a column without a value."""
        ...

    def odd(self, name: str, texts: pa.Array) -> set[str]:
        """Return the texts of a column that are no numbers, and not missing."""
        ...


class Keys(NamedTuple):
    """What is set of how a table is read; None is recognised."""

    form: FormKeys = FormKeys()
    sheet: str | None = None
    missing: Sequence[str] = USUAL
    """Words for a missing number or date; text is left as it is."""
    as_codes: tuple[str, ...] = ()
    """The columns that are text if some of their whole numbers have zeros in front: 007 is not 7 there."""
    no_numbers: tuple[str, ...] = ()
    """The columns that are left out, or said to be text or dates."""

    def set(self) -> list[str | int | None]:
        """Return them as plain values."""
        return [*self.form[:4], self.sheet, self.form.skip_rows]

    def as_hints(self, marks: Sequence[str] = ()) -> "Keys":
        """Return them as those of another file, whose `marks` were recognised if none are set."""
        form = self.form if self.form.decimal or self.form.thousands else self.form.with_marks(marks)
        return self._replace(form=form._replace(hints=HINTS))
