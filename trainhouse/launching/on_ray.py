"""Jobs of a sweep on a Ray cluster, or on the one that Ray starts on this machine.

The machines have the project, the data and the folder of the results in common, under the same names.
"""

import functools
import os
import re
import socket
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from hydra.core.utils import JobReturn, JobStatus
from omegaconf import OmegaConf

from trainhouse.configuration.errors import UserError, first_line
from trainhouse.launching.job_ranks import JobFailedError
from trainhouse.machine.sweep_worker import STOP_MARK
from trainhouse.machine.writes import FOREIGN_CONFIG

_HANDED_ON = ("PYTHONPATH", STOP_MARK, FOREIGN_CONFIG, "TRAINHOUSE_FULL_ERROR")

_TO_ANSWER = 10.0  # seconds


def is_ray(launcher: Any) -> bool:
    """Whether Ray runs the jobs."""
    return type(launcher).__name__ == "RayLauncher"


def start_ray(launcher: Any) -> int:
    """Connect to the cluster, or start one here; return for how many jobs it has room. Raises `UserError`."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    import ray

    asked: Any = OmegaConf.to_container(launcher.ray_cfg.init, resolve=True)
    options = {key: value for key, value in asked.items() if value is not None}
    address = options.setdefault("address", os.environ.get("RAY_ADDRESS") or "local")
    environment = dict(options.pop("runtime_env", None) or {})
    own = {name: os.environ[name] for name in _HANDED_ON if name in os.environ}
    environment["env_vars"] = own | dict(environment.get("env_vars") or {})
    try:
        _check_answers(str(address))
        ray.init(**options, runtime_env=environment)
    except (ConnectionError, ValueError, RuntimeError, OSError) as error:
        raise UserError(f"hydra.launcher.ray.init: no cluster at {address}: {first_line(error)}") from error
    launcher.task_function = functools.partial(_where_it_was_typed, launcher.task_function, Path.cwd())
    return _room(ray.cluster_resources(), OmegaConf.to_container(launcher.ray_cfg.remote, resolve=True))


def _check_answers(address: str) -> None:
    """Raise `OSError` for an address that nobody listens at: Ray would wait for ever, and say so line by line."""
    if address == "auto":  # what `ray start` has noted here, and notes still when that cluster is gone
        with suppress(OSError):
            folder = os.environ.get("RAY_TMPDIR") or tempfile.gettempdir()
            address = Path(folder, "ray", "ray_current_cluster").read_text("utf-8").strip()
    if found := re.fullmatch(r"(?:ray://)?([^:/]+):(\d+)", address):
        socket.create_connection((found[1], int(found[2])), _TO_ANSWER).close()


def _room(there: dict[str, float], needed: Any) -> int:
    """Return how many jobs fit beside each other; raise `UserError` if none ever does."""
    counts = []
    for name, key in (("CPU", "num_cpus"), ("GPU", "num_gpus")):
        if amount := float(needed.get(key) or 0):
            if there.get(name, 0) < amount:
                raise UserError(
                    f"hydra.launcher.ray.remote.{key}: {amount:g} for one trial, but the cluster has "
                    f"{there.get(name, 0):g}; its trials would wait for ever"
                )
            counts.append(int(there[name] / amount))
    return max(1, min(counts, default=1))


def _where_it_was_typed(run: Callable[[Any], Any], folder: Path, config: Any) -> Any:
    """Relative paths start where the command was typed, as they do everywhere else."""
    os.chdir(folder)
    return run(config)


def launch_on_ray(launcher: Any, jobs: Sequence[Sequence[str]], first: int) -> list[JobReturn]:
    """Run jobs one after another; to have several at once it is called by several threads.

    A job whose machine is lost is begun again by Ray, elsewhere, and resumes its run there.
    """
    returned = []
    for number, job in enumerate(jobs, first):
        try:
            returned += launcher.launch([job], initial_job_idx=number)
        except Exception as error:
            if not type(error).__module__.startswith("ray."):
                raise
            lost = JobReturn(status=JobStatus.FAILED)
            lost.return_value = JobFailedError(f"{type(error).__name__}: {first_line(error)}")
            returned.append(lost)
    return returned
