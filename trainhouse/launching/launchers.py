"""How the jobs of a sweep are handed to the launcher that Hydra has made, whichever it is."""

from collections.abc import Sequence
from typing import Any

from hydra.core.utils import JobReturn

from trainhouse.launching.on_ray import is_ray, launch_on_ray, start_ray
from trainhouse.launching.queued import is_queued, launch_queued


def launch(launcher: Any, jobs: Sequence[Sequence[str]], first: int) -> Sequence[JobReturn]:
    """Run `jobs`, each a list of overrides, of which the first has the number `first`; return what became of each."""
    if is_queued(launcher):
        return launch_queued(launcher, jobs, first)
    if is_ray(launcher):
        return launch_on_ray(launcher, jobs, first)
    returned: Sequence[JobReturn] = launcher.launch(jobs, initial_job_idx=first)
    return returned


def at_once(launcher: Any, batch: int | None, n_jobs: int | None, is_search: bool) -> tuple[int | None, bool]:
    """Return how many jobs are launched at a time, and whether each by itself, so that none waits for another.

    A grid is one array of jobs to SLURM; joblib's jobs share its processes; Ray has room for so many.
    """
    if is_ray(launcher):
        return n_jobs or start_ray(launcher), True
    return batch, is_search and is_queued(launcher)
