"""The terminal: lines that stay, and below them one live line that says what is going on.

rich draws the live line and keeps it below everything that is printed meanwhile, by whomever. In a pipe, in CI, in a
notebook, with ``NO_COLOR`` and on a terminal that can't move its cursor there is none, and rich is not imported.
"""

import os
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NamedTuple, TextIO

from trainhouse.configuration.printable import printable
from trainhouse.machine.folding import folded
from trainhouse.machine.mpi import MADE_UP_TERMINAL
from trainhouse.machine.ranks import ranks

if TYPE_CHECKING:
    from rich.live import Live

# Set, to whatever value, where lines that redraw themselves are not wanted.
_PLAIN = ("NO_COLOR", "CI", "JPY_PARENT_PID", MADE_UP_TERMINAL)
_BAR = 12  # columns
_FREE = 5  # behind the live line: a terminal writes ^C there, and what is folded is not erased
_EMPTY_LINE = "\r\x1b[2K"  # go to its start, erase it
_SECONDS = 0.2  # between two drawings of what changes often

_live: "Live | None" = None
_holder: "LiveLine | None" = None
_is_quiet = _is_forked = False
_streams: "tuple[TextIO, TextIO] | None" = None  # of before rich put its own in front of them


class LinePart(NamedTuple):
    """A part of the live line; of a line that is too long the parts with the highest `rank` are left out first."""

    text: str
    rank: int = 0


def has_live_line() -> bool:
    """Whether the terminal shows one: it is a terminal, and nothing asks for plain lines."""
    return sys.stdout.isatty() and ranks().rank == 0 and not _asks_for_plain_lines()


def draws_bars() -> bool:
    """Whether bars that libraries draw have a place: where the live line has one, and no sweep holds it."""
    return has_live_line() and not _is_quiet


def _asks_for_plain_lines() -> bool:
    return os.environ.get("TERM", "") in ("", "dumb") or any(name in os.environ for name in _PLAIN)


def width() -> int:
    """Return the number of columns of the terminal; 80 where there is none."""
    return shutil.get_terminal_size().columns


def table_width() -> int | None:
    """Return the columns that a table's lines may take: those of the terminal, or as many as ``COLUMNS`` says.

    None in a pipe or a file: whoever searches there, or sorts, wants all columns.
    """
    return width() if sys.stdout.isatty() or os.environ.get("COLUMNS", "").isdecimal() else None


def say(text: str) -> None:
    """Print lines that stay, above the live one; on a terminal long ones are folded at spaces."""
    text = fold(text)
    if ranks().rank > 0 and sys.stdout.isatty() and not _asks_for_plain_lines():
        text = f"{_EMPTY_LINE}{text}"  # the first process has its live line there
    if _live is None:
        _print(text)
    else:
        _live.console.print(text, markup=False, highlight=False, emoji=False, soft_wrap=True)


def _print(text: str) -> None:
    """Print above the bars of tqdm that are there, which would go on behind the text otherwise."""
    tqdm = sys.modules.get("tqdm") if sys.stdout.isatty() else None
    if tqdm is not None:
        tqdm.tqdm.write(text)
        sys.stdout.flush()
    else:
        print(text, flush=True)


def fold(text: str, stream: TextIO | None = None) -> str:
    """Return lines as `stream` (None: standard output) shows them whole: folded, if it is a terminal."""
    return folded(text, width()) if (stream or sys.stdout).isatty() else text


def start_of_line() -> str:
    """Return what leads a terminal from the live line, and from a ^C that stands there, to an empty line."""
    return "\n" if _asks_for_plain_lines() else _EMPTY_LINE


def clear() -> None:
    """Take the live line away, whoever has shown it: an act has come to its end, good or bad."""
    global _live, _holder
    if _live is not None:
        with suppress(OSError):
            _live.stop()
    _live = _holder = None


@contextmanager
def quiet() -> Iterator[None]:
    """Leave the live line, within the block, to the sweep that runs this job."""
    global _is_quiet
    before, _is_quiet = _is_quiet, True
    try:
        yield
    finally:
        _is_quiet = before


@contextmanager
def doing(what: str) -> Iterator[None]:
    """Say on the live line what takes a while, within the block."""
    line = LiveLine()
    line.show([LinePart(f"{what} ...")])
    try:
        yield
    finally:
        line.clear()


class LiveLine:
    """One line at the bottom of the terminal, redrawn in place; nothing where the terminal shows none.

    Whoever shows one first holds it until it is cleared: that of another is not shown meanwhile.
    """

    def __init__(self, of_a_sweep: bool = False) -> None:
        """That `of_a_sweep` is also shown where its jobs are quiet."""
        self._is_shown = has_live_line() and (of_a_sweep or not _is_quiet)
        self._due = 0.0

    @property
    def is_due(self) -> bool:
        """Whether it is time to draw again; asked at every step, so that only some are drawn."""
        return self._is_shown and time.perf_counter() >= self._due

    def show(self, parts: Sequence[LinePart], done: float | None = None) -> None:
        """Draw the line, with a bar in front of it if there is room and the share that is `done` is known."""
        global _live, _holder
        if not self._is_shown or _is_forked or _holder not in (None, self):
            return
        self._due = time.perf_counter() + _SECONDS
        if _live is None:
            _live = _started()
        _holder = self
        from rich.text import Text

        columns = max(width() - _FREE, 1)
        line = printable(fitted(parts, columns))
        bar = _bar(done) if done is not None and len(line) + _BAR + 2 <= columns else ""
        text = Text(bar, style="green", no_wrap=True, overflow="crop", end="")
        text.append(line, style="default")
        with suppress(OSError):  # a terminal that was closed
            _live.update(text, refresh=True)

    def clear(self) -> None:
        """Take the line away."""
        if _holder is self:
            clear()


def fitted(parts: Sequence[LinePart], columns: int) -> str:
    """Return the parts as a line of at most `columns`; those of the highest rank are left out if it is too long."""
    kept = list(parts)
    while len(kept) > 1 and sum(len(part.text) + 2 for part in kept) - 2 > columns:
        kept.remove(max(reversed(kept), key=lambda part: part.rank))
    return "  ".join(part.text for part in kept)[: max(columns, 0)]


def duration(seconds: float) -> str:
    """Return a time as ``1:02:03`` or ``2:03``."""
    minutes, rest = divmod(int(max(0.0, seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def _bar(done: float) -> str:
    full = round(min(max(done, 0.0), 1.0) * _BAR)
    stream = _streams[0] if _streams else sys.stdout
    encoding = getattr(stream, "encoding", None) or "ascii"
    filled, empty = ("━", "╌") if encoding.lower().replace("-", "") == "utf8" else ("#", ".")
    return f"{filled * full}{empty * (_BAR - full)}  "


def _started() -> "Live":
    global _streams
    from rich.console import Console
    from rich.live import Live

    if not _streams and hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_forget)
    _streams = sys.stdout, sys.stderr
    live = Live(
        console=Console(highlight=False),
        auto_refresh=False,
        transient=True,
        vertical_overflow="crop",
        redirect_stderr=sys.stderr.isatty(),
    )
    live.start()
    return live


def _forget() -> None:
    """Leave the line to the process that draws it: a forked worker that prints would draw it once more."""
    global _live, _holder, _is_forked
    if _live is not None and _streams:
        sys.stdout, sys.stderr = _streams
    _live, _holder, _is_forked = None, None, True
