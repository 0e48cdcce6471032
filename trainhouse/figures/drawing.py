"""Draws figures one after the other; one that fails costs a line, never the run."""

import logging
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainhouse.configuration.errors import first_line
from trainhouse.figures.chosen import KINDS, name_of
from trainhouse.figures.measured import Measured
from trainhouse.machine.files import write_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_log = logging.getLogger(__name__)


def draw(figures: Mapping[str, Any], folder: Path) -> None:
    """Draw figures into files ``<name>.png`` of a folder.

    Each is a matplotlib figure, or a function that returns one; or None, which has nothing to show: a picture of that
    name from before is removed.
    """
    for name, make in figures.items():
        try:
            figure = _made(name, make)
            if figure is None:
                remove(folder, name)
                continue
            from trainhouse.figures.style import save

            save(figure, folder / f"{name}.png")
        except Exception as error:
            say_not_drawn(f"figures/{name}.png was", error)
            with suppress(OSError):
                remove(folder, name)


def remove(folder: Path, name: str) -> None:
    """Remove what was drawn before under a name, and the table beside it."""
    for ending in (".png", ".csv"):
        (folder / f"{name}{ending}").unlink(missing_ok=True)


def say_not_drawn(what: str, error: Exception) -> None:
    """Warn in a line, within the handling of an error, of what it has spoiled; the log has its traceback."""
    _log.warning("warning: %s not drawn: %s: %s", what, type(error).__name__, first_line(error))
    _log.info("traceback of the warning above", exc_info=True, extra={"file_only": True})


def _made(name: str, make: Any) -> "Figure | None":
    figure: Figure | None = make() if callable(make) else make
    return figure


def of_measured(
    figures: Iterable[str | Callable[[Any], Any]], measured: Measured, folder: Path
) -> dict[str, Callable[[], "Figure | None"]]:
    """Return what draws each of a task's figures, by name."""
    return {name_of(one): _maker(one, measured, folder) for one in figures}


def _maker(one: str | Callable[[Any], Any], measured: Measured, folder: Path) -> Callable[[], "Figure | None"]:
    def make() -> "Figure | None":
        if callable(one):
            figure: Figure | None = one(measured)
            return figure
        file, function = KINDS[one]
        module = import_module(f"trainhouse.figures.{file}")
        figure = getattr(module, function)(measured)
        if one == "worst_rows" and figure is not None:
            write_text(folder / "worst_rows.csv", module.rows_as_csv(measured))
        return figure

    return make
