"""What a sweep takes from its configuration, checked before anything runs."""

import importlib.util
import inspect
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from trainhouse.configuration.errors import UserError
from trainhouse.configuration.printable import shell_joined
from trainhouse.configuration.read_by import OF_THE_WRAPPER, is_read
from trainhouse.configuration.targets import locate
from trainhouse.machine.cores import available_cores
from trainhouse.runs.typed import as_override, quoted
from trainhouse.sweeps.job import Objective
from trainhouse.sweeps.plan import Task

# Of conf/train.yaml: what a module's own `monitor` stands in for.
DEFAULT_MONITOR = "val/loss"
_QUEUED_AT_ONCE = 8  # of a search on a cluster, which waits for all of them before it asks for the next


def objectives_of(sweep: DictConfig) -> list[Objective]:
    """Return what `sweep.metric` and `sweep.mode` name. Raises `UserError` if they don't fit together."""
    metrics, modes = (
        list(value) if OmegaConf.is_list(value) else [value] for value in (sweep.get("metric"), sweep.get("mode"))
    )
    if not metrics or not all(isinstance(metric, str) and metric for metric in metrics):
        hint = "; with monitor=null it has to be said what the runs are compared by" if metrics == [None] else ""
        raise UserError(
            f"sweep.metric: expected the name of a metric, or a list of them, got {sweep.get('metric')}{hint}"
        )
    if len(modes) != len(metrics) or not all(mode in ("min", "max") for mode in modes):
        raise UserError(f"sweep.mode: expected min or max for each of {', '.join(metrics)}, got {sweep.get('mode')}")
    if len(set(metrics)) < len(metrics):
        raise UserError(f"sweep.metric: names one metric twice: {', '.join(metrics)}")
    return [Objective(metric, mode) for metric, mode in zip(metrics, modes, strict=True)]


def own_space(config: DictConfig, params: Mapping[str, object]) -> dict[str, object]:
    """Return what of a space in a file means something to this configuration.

    Keys that it doesn't have are left out, and those of groups that a user's own LightningModule makes for itself.
    """
    kept = {key: value for key, value in params.items() if OmegaConf.select(config, key) is not None}
    unread = [key for key in kept if key.startswith(OF_THE_WRAPPER) and not is_read(key.partition(".")[0], config)]
    if unread and _is_lightning_module(str(OmegaConf.select(config, "model._target_"))):
        kept = {key: value for key, value in kept.items() if key not in unread}
    return kept


def _is_lightning_module(name: str) -> bool:
    found = _class_that_speaks_of("Lightning", name)
    return inspect.isclass(found) and any(base.__name__ == "LightningModule" for base in inspect.getmro(found))


def _class_that_speaks_of(word: str, name: str) -> object:
    """Return what `name` stands for; None if its file lacks the word, or can't be imported.

    Only a file that has the word is imported: an import takes as long as a short job.
    """
    try:
        spec = importlib.util.find_spec(name.rpartition(".")[0])
        if spec is None or spec.origin is None or word not in Path(spec.origin).read_text(encoding="utf-8"):
            return None
        return locate(name, "model")
    except (ImportError, OSError, ValueError, UserError):  # the check of the jobs says what is wrong
        return None


def names_what_to_compare_by(config: DictConfig) -> bool:
    """Whether the command line says which metric the jobs are compared by."""
    typed = [override.lstrip("+") for override in config.hydra.overrides.task]
    return any(override.startswith(("monitor=", "sweep.metric=")) for override in typed)


def own_objective(config: DictConfig) -> Objective | None:
    """Return what a LightningModule of the user's own monitors, where the command line names nothing to compare by."""
    if names_what_to_compare_by(config):
        return None
    found = _class_that_speaks_of("monitor", str(OmegaConf.select(config, "model._target_")))
    monitor = getattr(found, "monitor", None)
    if not isinstance(monitor, str) or config.monitor != DEFAULT_MONITOR:
        return None
    mode = (getattr(found, "directions", None) or {}).get(monitor, config.mode)
    return Objective(monitor, mode)


def jobs_at_once(n_jobs: int | None, launcher: DictConfig, all_at_once: bool) -> tuple[int | None, bool]:
    """Return how many jobs a launcher is given at once (None: all), and whether it runs them in other processes.

    A launcher that takes any number shares them out among its own ``n_jobs``. Raises `UserError` for a number of none.
    """
    if n_jobs is not None and not (isinstance(n_jobs, int) and n_jobs > 0):
        raise UserError(f"hydra.sweeper.n_jobs: expected a whole number from 1 up, or null, got {n_jobs!r}")
    if str(launcher["_target_"]).endswith(".BasicLauncher"):
        if n_jobs is not None and n_jobs > 1:
            raise UserError(
                f"hydra.sweeper.n_jobs: {n_jobs} trials at a time need a launcher for them; add launcher=joblib"
            )
        return 1, False
    asked = launcher.get("n_jobs", _QUEUED_AT_ONCE)  # a cluster's launcher has no such key
    if asked == 0:
        raise UserError("hydra.launcher.n_jobs: expected a whole number from 1 up, or -1 for all cores, got 0")
    side_by_side = asked if asked > 0 else max(1, available_cores() + 1 + asked)  # -2 leaves one core, as joblib has it
    if n_jobs is None and not all_at_once:
        n_jobs = side_by_side
    return n_jobs, side_by_side > 1


def lines_of(task: Task, folder: Path, launcher: str) -> list[str]:
    """Return the overrides that make Hydra run a task in its own folder, and let it know by which `launcher`."""
    folder = folder.absolute()  # a job may change its working folder
    lines = [*task.lines, f"launcher={launcher}"]
    lines += [f"hydra.sweep.dir={quoted(str(folder))}", f"hydra.sweep.subdir='{task.number}'"]
    if task.resumes:
        lines += [f"resume={quoted(str(folder / str(task.number)))}", "hydra.output_subdir=null"]
    return lines


def resumed_command(arguments: Sequence[str], folder: Path, in_place: bool) -> str:
    """Return the command line `arguments` so that it resumes the sweep in `folder`."""
    key = "hydra.sweep.dir" if in_place else "sweep.resume"
    kept = [argument for argument in arguments if not re.match(r"(hydra\.sweep\.dir|sweep\.resume)=", argument)]
    return f"python {shell_joined(kept)} {as_override(key, folder)}"
