"""The experiment folder: the names of what is in it, and the claim that makes it one run's own.

Knows nothing of training. Hydra calls `ClaimRunFolder` before it writes its first file.
"""

import functools
import os
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from hydra.core.hydra_config import HydraConfig
from hydra.experimental.callback import Callback
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, flag_override, read_write
from omegaconf.errors import OmegaConfBaseException

from trainhouse.configuration.bounded import read_json, read_mapping
from trainhouse.configuration.errors import UserError
from trainhouse.configuration.printable import printable, shell_quoted
from trainhouse.machine.files import write_json, write_text
from trainhouse.machine.signing import is_signed, signatures
from trainhouse.machine.writes import FOREIGN_CONFIG, unrefused

CONFIG = "config.yaml"
METRICS = "metrics.json"
HISTORY = "logs/metrics.csv"
LOG = "logs/training.log"
LOSS_CURVE = "figures/loss_curve.png"
CHECKPOINTS = "checkpoints"
BEST_MODEL = "checkpoints/best_model.ckpt"
LAST_CHECKPOINT = "checkpoints/last.ckpt"
RUNS = "outputs"
# Of a sweep.
MULTIRUN = "multirun.yaml"
SWEEP = "sweep.json"
SWEEP_LOG = "logs/sweep.log"
_MOST_AT_ONCE = 1000  # runs that begin in the same second
_OF_A_SWEEP = (SWEEP, "results.csv", "results.parquet", "best.yaml", "figures", "logs")

_CONFIG_HEADER = """\
# The whole configuration of this run, resolved. The same run once more, in a folder of its own:
#   python train.py --config-path={folder} --config-name=config
defaults:
  - _self_
  - override hydra/job_logging: none
hydra:
  run:
    dir: outputs/${{name}}/${{now:%Y-%m-%d_%H-%M-%S}}
  sweep:
    dir: outputs/${{name}}/sweep_${{now:%Y-%m-%d_%H-%M-%S}}
  callbacks:
    run_folder:
      _target_: trainhouse.runs.run_folder.ClaimRunFolder

"""

_SIGNED = "# What the account that has run this is known by, its data and all of it:"


def release(folder: Path) -> None:
    """Give up the claim on a folder in which no run has begun: its name can be used again."""
    if not (folder / CONFIG).exists():
        shutil.rmtree(folder / ".hydra", ignore_errors=True)


def shown_path(path: Path) -> str:
    """Return a path as it is shown: relative to the working folder if it is below."""
    return printable(_short(path))


def _short(path: Path) -> str:
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def as_override(key: str, path: Path) -> str:
    """Return ``key=path`` as it can be typed into a shell."""
    shown = _short(path)
    if re.fullmatch(r"[\w./+-]+", shown, re.ASCII):
        return f"{key}={shown}"
    override = f"{key}={quoted(shown)}"
    is_plain = override.isprintable() and not re.search(r'["$`\\!]', override)
    return f'"{override}"' if is_plain else shell_quoted(override)


def quoted(text: str) -> str:
    """Return a string in quotes, so that Hydra reads nothing into what it holds."""
    doubled = re.sub(r"\\+(?='|$)", r"\g<0>\g<0>", text)  # a backslash means more than itself before a quote only
    return "'" + doubled.replace("'", "\\'") + "'"


def config_header(folder: Path) -> str:
    """Return what a run's `config.yaml` begins with: for Hydra, when it is run again."""
    named = str(folder.absolute())
    return _CONFIG_HEADER.format(
        folder=named if named.isprintable() else "<this folder>"
    )  # a line break ends a comment


def write_config(folder: Path, config: dict[str, Any]) -> None:
    """Write a run's resolved configuration so that Hydra can take it as it is and run it again."""
    signed = signatures(config)
    line = f"{_SIGNED} {signed['data']} {signed['config']}\n" if signed else ""
    write_text(folder / CONFIG, config_header(folder) + line + OmegaConf.to_yaml(OmegaConf.create(config)))


def own_parts(path: Path, config: dict[str, Any]) -> tuple[bool, bool]:
    """Whether this user account has run the data of `config`, which stands in the file at `path`; and all of it."""
    found = re.search(rf"^{re.escape(_SIGNED)} (\w+) (\w+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return (is_signed(config.get("data"), found[1]), is_signed(config, found[2])) if found else (False, False)


class ClaimRunFolder(Callback):
    """Gives every run and every sweep a folder that no other one has, or ends the program.

    A folder whose name Hydra made up gets a suffix when another run has it already (two runs in the
    same second); a folder that the user named and that holds a run is refused. What claims a folder is
    the exclusive creation of one entry in it, so two programs that start together can't both have it.
    """

    def on_run_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Claim `hydra.run.dir`, or take the folder that `resume` names; writes the folder's name back."""
        if is_worker_rank():
            return
        if "resume" in config and (resumed := config.resume or requeued_folder()):
            if _named_by_user(config, "run"):
                _refuse("hydra.run.dir: a run that goes on stays in its folder; leave it out, or start a new run")
            try:
                folder = find_run(resumed)
                _refuse_links_out(folder)
            except UserError as error:
                _refuse(str(error))
            with flag_override(config, ["struct", "readonly"], False):
                config.resume = config.hydra.run.dir = str(folder)
                config.hydra.output_subdir = None  # Hydra's record of the first start stays
        else:
            folder = _claim(config, "run", _take)
            with read_write(config.hydra):
                config.hydra.run.dir = str(folder)

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Claim `hydra.sweep.dir`, as `on_run_start` does for a single run, or take the folder of the resumed one."""
        if config.get("resume"):
            _refuse("resume: goes on with one run, so not with --multirun; a sweep goes on with sweep.resume=<folder>")
        if resumed := config.get("sweep", {}).get("resume"):
            folder = _sweep_to_resume(config, resumed)
        else:
            folder = _claim(config, "sweep", functools.partial(_take_sweep, config))
        with read_write(config.hydra):
            config.hydra.sweep.dir = str(folder)


def _refuse_links_out(folder: Path) -> None:
    from trainhouse.runs.links import refuse_links_out  # which knows what a run's folder holds

    try:
        refuse_links_out(folder, is_foreign=FOREIGN_CONFIG in os.environ)
    except UserError as error:
        _refuse(str(error))


def _take(folder: Path) -> None:
    if FOREIGN_CONFIG in os.environ:
        _refuse_links_out(folder)
    if folder.name.isdecimal() and (sweep := sweep_of(folder)):
        _refuse(f"hydra.run.dir: {folder} is the place of a job of the sweep {sweep}; name another folder")
    if (folder / CONFIG).exists() or (folder / METRICS).exists():
        raise FileExistsError(folder)
    (folder / ".hydra").mkdir()


def _take_sweep(config: DictConfig, folder: Path) -> None:
    """Claim a folder for a sweep. A search may join in one that is there: its study knows what is whose."""
    if FOREIGN_CONFIG in os.environ or (folder / MULTIRUN).exists():
        _refuse_links_out(folder)
    if not (folder / MULTIRUN).exists() and (theirs := [path for path in folder.iterdir() if _sweep_writes(path)]):
        _refuse(f"hydra.sweep.dir: {theirs[0]} is there already, and a sweep would overwrite it; name another folder")
    try:
        (folder / MULTIRUN).touch(exist_ok=False)
    except FileExistsError:
        if "study_name" not in config.hydra.sweeper or not _named_by_user(config, "sweep"):
            raise


def _sweep_writes(path: Path) -> bool:
    return path.name.isdecimal() or path.name in _OF_A_SWEEP or path.name.startswith("study.journal")


def _sweep_to_resume(config: DictConfig, resumed: object) -> Path:
    if _named_by_user(config, "sweep"):
        _refuse("hydra.sweep.dir: a sweep that goes on stays in its folder; leave it out, or leave sweep.resume out")
    if not isinstance(resumed, str):
        _refuse(f"sweep.resume: expected a sweep's folder, got {resumed!r}")
    folder = Path(resumed)
    if not (folder / MULTIRUN).is_file():
        what = "is no sweep's folder" if folder.exists() else f"does not exist (relative paths start at {Path.cwd()})"
        _refuse(f"sweep.resume: {folder} {what}")
    _refuse_links_out(folder)
    return folder


def _named_by_user(config: DictConfig, kind: str) -> bool:
    return any(text.lstrip("+").startswith(f"hydra.{kind}.dir=") for text in config.hydra.overrides.hydra)


def find_run(resume: str) -> Path:
    """Return the run folder that `resume` means: itself, or for ``last`` the run below ``outputs`` last worked on.

    Raises `UserError` if there is none, or if it is a job of a sweep: that is the sweep's to resume, which keeps how it
    ended.
    """
    if not isinstance(resume, str):
        raise UserError(f"resume: expected a folder, or last, got {resume!r}")
    if resume == "last":
        begun = [path.parent for path in Path(RUNS).rglob(CONFIG) if path.parent.name != ".hydra"]
        runs = [folder for folder in begun if not sweep_of(folder)]
        if not runs:
            what = "no run but the jobs of sweeps, which their own commands resume," if begun else "no run"
            raise UserError(f"resume: there is {what} below {Path(RUNS).absolute()}; start one with python train.py")
        return max(runs, key=_last_worked_on)
    folder = Path(resume)
    if folder.is_file():
        raise UserError(
            f"resume: {folder} is a file; give the run's folder, or start a new run with init_from={folder}"
        )
    if not folder.is_dir():
        raise UserError(f"resume: {folder} does not exist (relative paths start at {Path.cwd()})")
    if (folder / MULTIRUN).exists():
        raise UserError(f"resume: {folder} is a sweep; it goes on with its own command and sweep.resume={folder}")
    if not (folder / CONFIG).is_file():
        raise UserError(f"resume: {folder} holds no run that has begun: it has no {CONFIG}")
    if sweep := sweep_of(folder):
        raise UserError(
            f"resume: {folder} is a job of the sweep {shown_path(sweep)}, which resumes it: {_command_of(sweep)}; for "
            f"a run of its own from these weights: init_from={folder}"
        )
    return folder


def sweep_of(folder: Path) -> Path | None:
    """Return the folder of the sweep that a run's folder lies in; None if the run is no job of a sweep."""
    ends = {place.resolve() for place in (Path.cwd(), Path.cwd() / RUNS)}  # above them is no sweep
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
    """What goes on with a sweep: what its record says that it was started with, and the key that names its folder."""
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


def remember_to_requeue(folder: Path) -> None:
    """Note that this command, when its SLURM job is started again, goes on with the run in `folder`."""
    with unrefused():
        write_json(_requeue_note(), {"command": sys.argv, "folder": str(folder)})


def requeued_folder() -> str | None:
    """Return the folder of the run in which this command was stopped, if its SLURM job is started again after that."""
    if int(os.environ.get("SLURM_RESTART_COUNT", "0")) > 0 and _requeue_note().is_file():
        note = read_mapping(_requeue_note()) or {}
        return str(note.get("folder")) if note.get("command") == sys.argv else None
    return None


def _requeue_note() -> Path:
    task = os.environ.get("SLURM_ARRAY_TASK_ID", "")
    return Path(RUNS) / f".requeued_{os.environ.get('SLURM_ARRAY_JOB_ID') or os.environ.get('SLURM_JOB_ID')}_{task}"


def has_log(config: DictConfig) -> bool:
    """Whether the job of `config` keeps a log: it has a folder of its own, and this process is its first."""
    hydra_config = HydraConfig.get()
    return not is_worker_rank() and (hydra_config.output_subdir is not None or bool(config.get("resume")))


def is_sweep_job() -> bool:
    """Whether this process runs a job of a sweep, which leaves the terminal to the sweep."""
    return HydraConfig.initialized() and HydraConfig.get().mode == RunMode.MULTIRUN


def is_requeued_job(folder: Path) -> bool:
    """Whether a cluster starts this job of a sweep once more: the sweep itself says `resume` to one that goes on."""
    return is_sweep_job() and (folder / CONFIG).exists()


def is_worker_rank() -> bool:
    """A further process of a distributed run shares the folder that rank 0 claimed."""
    return os.environ.get("LOCAL_RANK", "0") != "0"


def _claim(config: DictConfig, kind: str, create_mark: Callable[[Path], None]) -> Path:
    HydraConfig.instance().set_config(config)  # the folder's name may refer to hydra's own values
    try:
        folder = Path(config.hydra[kind].dir)
    except OmegaConfBaseException as error:
        _refuse(f"hydra.{kind}.dir: {str(error).splitlines()[0]}")
    if not config.hydra[kind].dir or folder.resolve() == Path.cwd():
        _refuse(f"hydra.{kind}.dir: expected a folder of its own for the {kind}")
    for suffix in range(_MOST_AT_ONCE):
        candidate = folder if suffix == 0 else folder.with_name(f"{folder.name}-{suffix}")
        try:
            candidate.mkdir(parents=True, exist_ok=True)
            create_mark(candidate)
            return candidate
        except FileExistsError:
            if not candidate.is_dir():
                _refuse(f"hydra.{kind}.dir: {_in_the_way(candidate)}")
            if _named_by_user(config, kind):
                _refuse(
                    f"hydra.{kind}.dir: {candidate} already holds a {kind}, which is never overwritten; "
                    "name another folder or delete it"
                )
        except OSError as error:
            _refuse(f"hydra.{kind}.dir: cannot create {candidate}: {error.strerror}")
    count = _MOST_AT_ONCE - 1
    raise SystemExit(
        f"error: hydra.{kind}.dir: {folder} and {count} more of its name hold a {kind}; name another folder"
    )


def _in_the_way(folder: Path) -> str:
    """Say what is there in place of `folder`, or of one that it is in."""
    for path in reversed((folder, *folder.parents)):
        if path.is_symlink() and not path.exists():
            target = path.readlink()
            return f"{path} is a link to {target}, which does not exist; mount or create it, or remove the link"
        if path.exists() and not path.is_dir():
            return f"{path} is a file, not a folder"
    return f"{folder} was removed while it was made"


def _refuse(message: str) -> NoReturn:
    # Hydra turns an exception of a callback into a warning and goes on; it lets SystemExit through.
    sys.exit(f"error: {printable(message)}")
