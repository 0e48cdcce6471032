"""The claim that makes a folder one run's, or one sweep's, own.

Knows nothing of training. Hydra calls `ClaimRunFolder` before it writes its first file; run folders name it.
"""

import functools
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from hydra.core.hydra_config import HydraConfig
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf, flag_override, read_write
from omegaconf.errors import OmegaConfBaseException

from trainhouse.configuration.errors import UserError, first_line
from trainhouse.configuration.places import from_project, overrides_of
from trainhouse.configuration.printable import printable
from trainhouse.configuration.references import unresolved
from trainhouse.machine.ranks import ranks
from trainhouse.machine.writes import FOREIGN_CONFIG
from trainhouse.runs.abandoned import free_abandoned
from trainhouse.runs.find_run import find_run, sweep_of
from trainhouse.runs.job_of_ranks import is_rank_of_job, join_job
from trainhouse.runs.layout import CHECKPOINTS, CONFIG, EVENTS, FIGURES, HISTORY, MARK, METRICS, MULTIRUN, SWEEP
from trainhouse.runs.links import refuse_links_out
from trainhouse.runs.litter import claim_folder, in_the_way
from trainhouse.runs.outputs import is_typed, place
from trainhouse.runs.overwriting import clear_evaluation
from trainhouse.runs.rendezvous import check_is_shared, checkpoints_in, heard_run, is_shared, remember_run, say_run
from trainhouse.runs.requeued import requeued_folder
from trainhouse.runs.this_job import is_worker_rank

_MOST_AT_ONCE = 1000  # runs that begin in the same second
_OF_A_RUN = (CHECKPOINTS, FIGURES, HISTORY)
_OF_A_SWEEP = (SWEEP, "results.csv", "results.parquet", "best.yaml", FIGURES, "logs")


class ClaimRunFolder(Callback):
    """Gives every run and every sweep a folder that no other one has, or ends the program.

    A folder whose name Hydra made up gets a suffix when another run has it already (two runs in the
    same second); a folder that the user named and that holds a run is refused. What claims a folder is
    the exclusive creation of one entry in it, so two programs that start together can't both have it.
    """

    def on_run_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Claim `hydra.run.dir`, or take the folder that `resume` names; writes the folder's name back."""
        if is_rank_of_job():
            try:
                join_job(config)
            except Exception as error:  # which Hydra would only warn of, and run something else
                _refuse(f"the job of the sweep can't be taken over: {first_line(error)}")
            return
        if is_worker_rank():
            if is_shared():
                _join(config)
            return
        _prepare(config)
        if "resume" in config and (resumed := requeued_folder() or config.resume):
            if config.resume and _named_by_user(config, "run"):
                _refuse("hydra.run.dir: a resumed run stays in its folder; leave it out, or start a new run")
            try:
                folder = find_run(resumed)
                _refuse_links_out(folder)
            except UserError as error:
                _refuse(str(error))
            with flag_override(config, ["struct", "readonly"], False):
                config.resume = config.hydra.run.dir = str(folder)
                config.hydra.output_subdir = None  # Hydra's record of the first start stays
        else:
            folder = _claim(config, "run", functools.partial(_take, overwrites=config.get("overwrite") is True))
            with read_write(config.hydra):
                config.hydra.run.dir = str(folder)
        if is_shared():
            there = checkpoints_in(folder)
            say_run({"folder": str(folder), "config": _as_written(config), "checkpoints": there})
        remember_run(folder)

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Claim `hydra.sweep.dir`, as `on_run_start` does for a single run, or take the folder of the resumed one."""
        if is_shared():
            here = ranks()
            _refuse(
                f"-m: each of the {here.world} processes that {here.launcher} has started would run the whole sweep; "
                "start it once, by itself: trainer.devices=2 gives each trial two processes, or launcher=submitit "
                "hydra.launcher.tasks_per_node=2 on a SLURM cluster"
            )
        _prepare(config)
        if config.get("resume"):
            _refuse("resume: resumes one run, so not with --multirun; a sweep is resumed by sweep.resume=<folder>")
        if resumed := config.get("sweep", {}).get("resume"):
            folder = _sweep_to_resume(config, resumed)
        else:
            folder = _claim(config, "sweep", functools.partial(_take_sweep, config))
        with read_write(config.hydra):
            config.hydra.sweep.dir = str(folder)


def _as_written(config: DictConfig) -> Any:
    """Return the configuration without Hydra's own part, as far as it can be said without a checkpoint."""
    with flag_override(config, ["struct", "readonly"], False):
        own = OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])
    try:
        return OmegaConf.to_container(own, resolve=True)
    except OmegaConfBaseException:  # what is wrong with it is said by whoever reads it
        return OmegaConf.to_container(own, resolve=False)


def _join(config: DictConfig) -> None:
    """Take the folder and the configuration of the first process, as one that Lightning starts is given them."""
    try:
        place(config, overrides_of(config.hydra))
        said = heard_run()
        check_is_shared(Path(said["folder"]), said["checkpoints"])
    except UserError as error:
        _refuse(str(error))
    with flag_override(config, ["struct", "readonly"], False):
        for key, value in said["config"].items():
            config[key] = value
        config.hydra.run.dir = said["folder"]
        config.hydra.output_subdir = None


def _prepare(config: DictConfig) -> None:
    """Find out where runs go, before anything asks for a name in it; refuse that a run works elsewhere."""
    if config.hydra.job.chdir:
        _refuse(
            "hydra.job.chdir: true would let every relative path start in the run's folder; leave it out: a run writes "
            "into its folder in any case"
        )
    if (place_of_record := config.hydra.output_subdir) != MARK:
        _refuse(f"hydra.output_subdir: expected {MARK}, where a run's record is looked for, got {place_of_record!r}")
    try:
        place(config, overrides_of(config.hydra))
    except UserError as error:
        _refuse(str(error))


def _refuse_links_out(folder: Path) -> None:
    try:
        refuse_links_out(folder, is_foreign=FOREIGN_CONFIG in os.environ)
    except UserError as error:
        _refuse(str(error))


def _take(folder: Path, overwrites: bool = False) -> None:
    """Claim a folder for a run; Hydra's `.hydra` is the mark."""
    if FOREIGN_CONFIG in os.environ:
        _refuse_links_out(folder)
    elif overwrites:
        clear_evaluation(folder)
    if folder.name.isdecimal() and (sweep := sweep_of(folder)):
        _refuse(f"hydra.run.dir: {folder} is the place of a trial of the sweep {sweep}; name another folder")
    if (folder / CONFIG).exists() or (folder / METRICS).exists():
        raise FileExistsError(folder)
    if theirs := next(filter(_holds_something, (folder / name for name in _OF_A_RUN)), None):
        _refuse(f"hydra.run.dir: {theirs} is there already, and a run would overwrite it; name another folder")
    if theirs := next(folder.glob(EVENTS), None):
        _refuse(f"hydra.run.dir: {theirs} is there already, and TensorBoard would take both runs for one; name another")
    (folder / MARK).mkdir()


def _holds_something(path: Path) -> bool:
    return path.is_file() or (path.is_dir() and any(path.iterdir()))


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
        _refuse("hydra.sweep.dir: a resumed sweep stays in its folder; leave it out, or leave sweep.resume out")
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


def _claim(config: DictConfig, kind: str, create_mark: Callable[[Path], None]) -> Path:
    """Create a folder and its mark, under another name if Hydra made the name up and it is taken."""
    HydraConfig.instance().set_config(config)  # the folder's name may refer to hydra's own values
    key = f"hydra.{kind}.dir"
    try:
        folder = Path(config.hydra[kind].dir)
    except OmegaConfBaseException as error:
        _refuse(unresolved(error, config))
    if not config.hydra[kind].dir or folder.resolve() == Path.cwd():
        _refuse(f"{key}: expected a folder of its own for the {kind}")
    if not _named_by_user(config, kind):
        if is_typed(overrides_of(config.hydra)):
            key = "outputs"
        elif not folder.is_relative_to(config.outputs):  # it stands in conf/
            folder = from_project(folder)
    for suffix in range(_MOST_AT_ONCE):
        candidate = folder if suffix == 0 else folder.with_name(f"{folder.name}-{suffix}")
        try:
            if kind == "run" and _named_by_user(config, kind) and FOREIGN_CONFIG not in os.environ:
                free_abandoned(candidate)
            claim_folder(candidate, kind, create_mark)
            return candidate
        except FileExistsError:
            if not candidate.is_dir():
                _refuse(f"{key}: {in_the_way(candidate)}")
            if _named_by_user(config, kind):
                way = ", or add overwrite=true if it is an evaluation" if "overwrite" in config else ""
                _refuse(
                    f"{key}: {candidate} already holds a {kind}, which is never overwritten; "
                    f"name another folder or delete it{way}"
                )
        except OSError as error:
            _refuse(f"{key}: cannot create {candidate}: {error.strerror}")
    raise SystemExit(f"error: {key}: {folder} and {_MOST_AT_ONCE - 1} more of its name hold a {kind}; name another")


def _refuse(message: str) -> NoReturn:
    # Hydra turns an exception of a callback into a warning and continues; it lets SystemExit through.
    sys.exit(f"error: {printable(message)}")
