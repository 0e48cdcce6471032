"""An evaluation's folder, or a file of predictions, is used again if that is asked for; a run's folder never is."""

import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from trainhouse.configuration.bounded import read_mapping
from trainhouse.configuration.errors import UserError
from trainhouse.runs.layout import CHECKPOINTS, CONFIG, EVENTS, FIGURES, METRICS

_FILES = (METRICS, "predictions.csv")
_FOLDERS = (FIGURES, "logs", ".hydra")


def refuse_predictions_there(output: Path, overwrite: bool, made_from: Iterable[tuple[str, Path]]) -> None:
    """Raise `UserError` for a file of predictions that is there, or is one of the keys' that they are `made_from`."""
    for key, path in made_from:
        if output.exists() and path.exists() and output.samefile(path):
            raise UserError(f"output: {output} is the {key} itself, which would be overwritten; name another file")
    if output.is_file() and not overwrite:
        raise UserError(f"output: {output} is there already; name another file, or add overwrite=true")


def clear_evaluation(folder: Path) -> None:
    """Remove what an evaluation has written into `folder`, if nothing but an evaluation is there; links are left."""
    if not _is_evaluation(folder):
        return
    events = [*folder.glob(EVENTS), *(path for path in folder.glob(f"*/{EVENTS}") if not path.parent.is_symlink())]
    for path in (*(folder / name for name in _FILES), *events):
        path.unlink(missing_ok=True)
    for path in {path.parent for path in events} - {folder}:
        with suppress(OSError):  # something else is in it
            path.rmdir()
    for name in _FOLDERS:
        if (folder / name).is_dir() and not (folder / name).is_symlink():
            shutil.rmtree(folder / name)


def _is_evaluation(folder: Path) -> bool:
    if (folder / CONFIG).exists() or (folder / CHECKPOINTS).exists():
        return False
    try:
        content = read_mapping(folder / METRICS)
    except UserError:
        return False
    return content is not None and "status" not in content and "split" in content
