"""The checkpoint that a path means, by what is there alone: torch, which takes seconds to import, is not needed."""

from pathlib import Path

from trainhouse.configuration.bounded import read_mapping
from trainhouse.configuration.errors import UserError
from trainhouse.runs.best_of_sweep import is_sweep
from trainhouse.runs.layout import BEST_MODEL, CHECKPOINTS, CONFIG, LAST_CHECKPOINT, METRICS

OF_SHARDS = ".metadata"
"""A file of a folder that torch.distributed.checkpoint has written: a pickle."""


def find_checkpoint(path: str | Path, key: str = "ckpt_path") -> Path:
    """Return the checkpoint that `path` means: itself, or the best model of a run folder.

    Raises `UserError` if there is none, or if `path` is an address on the network.
    """
    if "://" in str(path):
        raise UserError(f"{key}: {path} is an address; download the file, check it, and give its path")
    path = Path(path)
    if path.is_dir():
        best = path / BEST_MODEL
        if best.is_file():
            return best
        if last := _last_of_a_run_without_best(path):
            return last
        if is_sweep(path):
            raise UserError(f"{key}: {path} is a sweep; give the folder of one of its runs, as {path / '0'}")
        raise UserError(f"{key}: {_why_none(path, key)}")
    if not path.is_file():
        raise UserError(f"{key}: {path} does not exist (relative paths start at {Path.cwd()})")
    return path


def check_is_there(path: str, key: str) -> None:
    """Raise `UserError` as `find_checkpoint` does; what a sweep stands for is left to those who read it."""
    if key != "ckpt_path" or not is_sweep(Path(path)):
        find_checkpoint(path, key)


def _why_none(folder: Path, key: str) -> str:
    if (folder / OF_SHARDS).is_file():
        return of_shards(folder)
    named = next((one for one in (folder, folder / BEST_MODEL) if one.suffix == ".ckpt" and one.is_dir()), None)
    if named:
        return f"{named} is a folder, not a checkpoint file"
    if folder.name == CHECKPOINTS and (folder.parent / CONFIG).is_file():
        return f"{folder} is a run's folder of checkpoints; give one of them, or the run: {key}={folder.parent}"
    return f"{folder} is a folder without {BEST_MODEL}; give a run folder or a .ckpt file"


def of_shards(folder: Path) -> str:
    """Say why no command reads a checkpoint in shards, and what to do with it."""
    return (
        f"{folder} is a checkpoint in shards, and torch runs code from such a folder when it reads it; if you trust "
        "it, make a file of its weights: python -m torch.distributed.checkpoint.format_utils "
        f"dcp_to_torch {folder} weights.pt, for init_from=weights.pt"
    )


def _last_of_a_run_without_best(folder: Path) -> Path | None:
    """The last checkpoint of a run that monitors nothing, which therefore has no best."""
    try:
        content = read_mapping(folder / METRICS)
    except UserError:
        return None
    last = folder / LAST_CHECKPOINT
    return last if content and content.get("monitor", "") is None and last.is_file() else None
