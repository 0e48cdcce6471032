"""Finds the run that is to be resumed, and the sweep that a run is a job of."""

import re
from pathlib import Path

from trainhouse.configuration.bounded import read_json
from trainhouse.configuration.errors import UserError
from trainhouse.runs.find_checkpoint import OF_SHARDS, of_shards
from trainhouse.runs.layout import CONFIG, HISTORY, MARK, METRICS, MULTIRUN, SWEEP
from trainhouse.runs.outputs import outputs
from trainhouse.runs.typed import as_override, command, shown_path


def find_run(resume: str) -> Path:
    """Return the run folder that `resume` means: itself, or for ``last`` the run below ``outputs`` last worked on.

    Raises `UserError` if there is none, or if it is a job of a sweep: that is the sweep's to resume, which keeps how it
    ended.
    """
    if not isinstance(resume, str):
        raise UserError(f"resume: expected a folder, or last, got {resume!r}")
    if resume == "last":
        begun = [path.parent for path in outputs().rglob(CONFIG) if path.parent.name != ".hydra"]
        runs = [folder for folder in begun if not sweep_of(folder)]
        if not runs:
            what = "no run but the trials of sweeps, which their own commands resume," if begun else "no run"
            raise UserError(f"resume: there is {what} below {outputs().absolute()}; start one with {command('train')}")
        return max(runs, key=_last_worked_on)
    folder = Path(resume)
    if folder.is_file():
        way = as_override("init_from", folder)
        raise UserError(f"resume: {folder} is a file; give the run's folder, or start a new run with {way}")
    if not folder.is_dir():
        raise UserError(f"resume: {folder} does not exist (relative paths start at {Path.cwd()})")
    if (folder / MULTIRUN).exists():
        raise UserError(
            f"resume: {folder} is a sweep; it is resumed by its own command and {as_override('sweep.resume', folder)}"
        )
    if not (folder / CONFIG).is_file():
        if (folder / OF_SHARDS).is_file():
            raise UserError(f"resume: {of_shards(folder)}, and a new run")
        raise UserError(f"resume: {folder} holds no run that has begun: it has no {CONFIG}{_way_to_begin(folder)}")
    if sweep := sweep_of(folder):
        raise UserError(
            f"resume: {folder} is a trial of the sweep {shown_path(sweep)}, which resumes it: {_command_of(sweep)}; "
            f"for a run of its own from these weights: {as_override('init_from', folder)}"
        )
    return folder


def _way_to_begin(folder: Path) -> str:
    """What to type where a run was killed before it had its configuration: there is nothing to resume yet."""
    if not (folder / MARK).is_dir() or (folder / METRICS).exists():
        return ""
    return f"; nothing is lost: type its command again, with {as_override('hydra.run.dir', folder)} in this folder"


def sweep_of(folder: Path) -> Path | None:
    """Return the folder of the sweep that a run's folder lies in; None if the run is no job of a sweep."""
    ends = {place.resolve() for place in (Path.cwd(), outputs())}  # above them is no sweep
    for path in (folder.absolute(), folder.resolve()):  # a link may lead to a job
        for parent in path.parents:
            if parent.resolve() in ends:
                break
            if (parent / MULTIRUN).is_file() or (parent / SWEEP).is_file():
                return None if _is_single(folder) else parent
    return None


def _is_single(folder: Path) -> bool:
    """Whether Hydra's record in a run's folder says that the run is no job of a sweep."""
    try:
        return re.search(r"^  mode: RUN$", (folder / ".hydra" / "hydra.yaml").read_text(), re.MULTILINE) is not None
    except (OSError, ValueError):
        return False


def _command_of(sweep: Path) -> str:
    """What resumes a sweep: what its record says that it was started with, and the key that names its folder."""
    try:
        record = read_json(sweep / SWEEP)
        command, in_place = record["command"], record["kind"] == "search"
        if not isinstance(command, str) or not command.isprintable():
            raise ValueError
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        command, in_place = "its own command", False
    key = "hydra.sweep.dir" if in_place else "sweep.resume"
    return command if f"{key}=" in command else f"{command} {as_override(key, sweep)}"


def _last_worked_on(folder: Path) -> float:
    """When the run last wrote something; its log also has what was refused."""
    return max(path.stat().st_mtime for name in (CONFIG, METRICS, HISTORY) if (path := folder / name).exists())
