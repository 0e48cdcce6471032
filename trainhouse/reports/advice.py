"""What can be typed next after a training or a sweep: commands that work, with what is there now."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path

from trainhouse.configuration.bounded import read_yaml
from trainhouse.configuration.errors import UserError
from trainhouse.configuration.places import from_project
from trainhouse.configuration.run_name import folder_name
from trainhouse.configuration.schema import config_file
from trainhouse.reports.promotion import would_be_refused
from trainhouse.reports.ranking import Ranking, rank_folder
from trainhouse.runs.layout import METRICS
from trainhouse.runs.outputs import outputs
from trainhouse.runs.this_job import is_sweep_job
from trainhouse.runs.typed import as_override, command

_FINAL_MODEL = "checkpoints/final_model.ckpt"
_MOST_LOOKED_AT = 200  # runs: one of so many need not wait for all to be read


def continuation(folder: Path, epochs: int) -> str | None:
    """Return the command that trains a finished run until it has so many `epochs`; a sweep resumes its own trials."""
    return None if is_sweep_job() else command("train", as_override("resume", folder), f"trainer.max_epochs={epochs}")


def selection(folder: Path, with_others: bool) -> str | None:
    """Return the command that promotes the best model in the folder of a run, or of a sweep; None if there is none.

    `with_others`: among all runs of the same name, if they can be ranked together. Where the final model is of other
    data, or can't be compared, another place is named.
    """
    places = [folder.parent, folder] if with_others and _is_named(folder) else [folder]
    for runs in places:
        with suppress(UserError), _quietly():
            if len([*islice(runs.rglob(METRICS), _MOST_LOOKED_AT + 1)]) > _MOST_LOOKED_AT:
                return command("select_best_model", as_override("runs", runs))
            ranking = rank_folder(runs, None, None, None)
            further = _another_place(ranking, folder)
            return command("select_best_model", as_override("runs", runs), *further)
    return None


def _is_named(folder: Path) -> bool:
    """Whether it lies where runs of its name lie, and no others: ``outputs/<name>/<time>``."""
    return folder.parent.parent.resolve() == outputs().resolve()


def _another_place(ranking: Ranking, folder: Path) -> list[str]:
    final = _final_model()
    if not would_be_refused(ranking, final):
        return []
    name = (folder.parent if _is_named(folder) else folder).name
    other = final.with_name(f"{folder_name(f'{name}.ckpt') or 'model'}.ckpt")
    if other == final or would_be_refused(ranking, other):
        raise UserError(f"final_model: {final} and {other} are of other data")
    return [as_override("final_model", other)]


def _final_model() -> Path:
    """Return where the model would be promoted to, as conf/ says."""
    try:
        content = read_yaml(config_file("select_best_model"))
        return from_project(Path(content["final_model"]))
    except (OSError, ValueError, LookupError, TypeError):
        return from_project(Path(_FINAL_MODEL))


@contextmanager
def _quietly() -> Iterator[None]:
    """Leave out what would be said of the runs: nobody has asked yet."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
