"""The sweepers of this project, as Hydra finds them: by this folder's name, beside the script. See src/sweeps.

Hydra imports this file whenever a command starts, so nothing heavy is imported at its top.
"""

import shlex
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from src.utils.entry import JobStoppedError
from src.utils.run_folder import MULTIRUN, SWEEP

if TYPE_CHECKING:
    from src.sweeps.job import Objective
    from src.sweeps.plan import Plan, Task


class _ProjectSweeper(Sweeper):
    """What both have in common: the command line is read, tried out, and run by `src.sweeps.run`."""

    def __init__(self, params: DictConfig | None, n_jobs: int | None) -> None:
        self.params, self.n_jobs = params or {}, n_jobs

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Take what Hydra has composed, and the launcher that it names."""
        self.config, self.context = config, hydra_context
        self.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments: list[str]) -> None:
        """Run the sweep that the command line `arguments` describe."""
        from src.sweeps.folder import give_up
        from src.sweeps.run import run_sweep
        from src.sweeps.settings import objectives_of, resumed_command

        parser = OverridesParser.create(config_loader=self.context.config_loader)
        overrides = parser.parse_overrides([*(f"{key}={value}" for key, value in self.params.items()), *arguments])
        folder = Path(self.config.hydra.sweep.dir)
        command = f"python {shlex.join(sys.argv)}"
        objectives = objectives_of(self.config.sweep)
        is_new = not (folder / SWEEP).exists()
        try:
            with self.plan(overrides, folder, objectives, command) as plan:
                self._try_out(plan)
                if is_new:
                    OmegaConf.save(self.config, folder / MULTIRUN)
                size, parallel = self._at_once()
                goes_on = resumed_command(sys.argv, folder, in_place=self.is_search)
                run_sweep(plan, self._launch, folder, size, parallel, goes_on)
        except Exception:
            if is_new:
                give_up(folder)
            raise

    is_search = False

    def plan(self, overrides: Sequence[Override], folder: Path, objectives: "Sequence[Objective]", command: str) -> Any:
        """Return a context with the plan of this sweep."""
        raise NotImplementedError

    def to_compose(self, plan: "Plan") -> list[list[str]]:
        """Return the overrides of jobs that have to compose before any is run; the first one is tried out further."""
        return [plan.example()]

    def _try_out(self, plan: "Plan") -> None:
        """Find what would spoil every job before the first one is run."""
        from src.training.rehearsal import check_first_job

        first, *_ = [
            self.context.config_loader.load_sweep_config(self.config, lines) for lines in self.to_compose(plan)
        ]
        check_first_job(first, [objective.metric for objective in plan.objectives])

    def _at_once(self) -> tuple[int | None, bool]:
        """How many jobs the launcher is given at once (None: all), and whether it runs them in other processes."""
        from src.sweeps.settings import jobs_at_once

        return jobs_at_once(self.n_jobs, self.config.hydra.launcher, all_at_once=not self.is_search)

    def _launch(self, tasks: "Sequence[Task]") -> list[str | None]:
        from src.sweeps.settings import lines_of

        folder = Path(self.config.hydra.sweep.dir)
        chosen = self.config.hydra.runtime.choices.launcher
        jobs = [lines_of(task, folder, chosen) for task in tasks]
        returns = self.launcher.launch(jobs, initial_job_idx=tasks[0].number)
        return [_error(one) for one in returns]


def _error(returned: JobReturn) -> str | None:
    """Why a job could not be run to its end; one that was stopped can be gone on with."""
    error = returned._return_value  # the property would raise it
    if returned.status == JobStatus.COMPLETED or isinstance(error, JobStoppedError):
        return None
    return str(error) or type(error).__name__


class GridSweeper(_ProjectSweeper):
    """Every combination of the values that were given."""

    def plan(self, overrides: Sequence[Override], folder: Path, objectives: "Sequence[Objective]", command: str) -> Any:
        """Return a context with the plan of this sweep."""
        from src.sweeps.grid import GridPlan
        from src.sweeps.space import grid

        return closing(GridPlan(folder, grid(overrides), objectives, command))

    def to_compose(self, plan: "Plan") -> list[list[str]]:
        """Return a job for every choice of a config group: one that is not there is a mistake in the command."""
        groups = self.config.hydra.runtime.choices
        seen: dict[tuple[str, ...], list[str]] = {}
        for job in plan.jobs():
            chosen = tuple(f"{key}={value}" for key, value in job.overrides.items() if key in groups)
            seen.setdefault(chosen, plan.lines(job.number))
        return [plan.example(), *seen.values()][: 1 + len(seen)]


class StudySweeper(_ProjectSweeper):
    """A search by an Optuna study."""

    is_search = True

    def __init__(self, params: DictConfig | None, n_jobs: int | None, space: str | None, **settings: Any) -> None:
        super().__init__(params, n_jobs)
        self.space, self.settings = space, settings

    def plan(self, overrides: Sequence[Override], folder: Path, objectives: "Sequence[Objective]", command: str) -> Any:
        """Return a context with the plan of this sweep."""
        from src.sweeps.search import SearchPlan, Settings
        from src.sweeps.space import search_space
        from src.utils.targets import locate

        plain = {
            key: OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value
            for key, value in self.settings.items()
        }
        space, fixed = search_space(overrides)
        extend = locate(self.space, "hydra.sweeper.space") if self.space else None
        return closing(SearchPlan(folder, space, fixed, extend, objectives, Settings(**plain), command))
