"""What Hydra calls to run a sweep; hydra_plugins/project_sweepers.py is where it finds it.

Hydra imports this file whenever a command starts, so nothing heavy is imported at its top.
"""

import os
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, closing, redirect_stderr
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn, JobStatus, setup_globals
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf, open_dict

from trainhouse.configuration.errors import UserError
from trainhouse.configuration.places import with_whole_paths
from trainhouse.configuration.printable import shell_joined
from trainhouse.configuration.speed import fast
from trainhouse.launching.below_swept import unhidden
from trainhouse.launching.chosen_files import check_chosen_files
from trainhouse.launching.files_there import check_files_of_sweep
from trainhouse.launching.job_devices import check_processes
from trainhouse.launching.job_ranks import JobStoppedError
from trainhouse.launching.launchers import at_once, launch
from trainhouse.launching.queued import unpickle_nothing_found
from trainhouse.machine.cores import share_cores
from trainhouse.machine.garbage import search_as_usual
from trainhouse.machine.sweep_worker import new_stop_mark, prepare_worker
from trainhouse.runs.layout import MULTIRUN, SWEEP

if TYPE_CHECKING:
    from trainhouse.sweeps.job import Objective
    from trainhouse.sweeps.plan import Plan, Task

_PROJECT = Path(__file__).resolve().parents[2]
_EXAMPLES = 2  # jobs that are built before any is run: the first and the last


class _ProjectSweeper(Sweeper):
    """What both have in common: the command line is read, tried out, and run by `trainhouse.sweeps.run_sweep`."""

    is_search = False

    def __init__(self, params: DictConfig | None, n_jobs: int | None) -> None:
        self.params, self.n_jobs = params, n_jobs

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Take what Hydra has composed, and the launcher that it names."""
        self.composed, self.loader = config, hydra_context.config_loader
        self.runner = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )
        unpickle_nothing_found(self.runner)

    def sweep(self, arguments: list[str]) -> None:
        """Run the sweep that the command line `arguments` describe."""
        from trainhouse.sweeps.folder import give_up
        from trainhouse.sweeps.readable import check_template
        from trainhouse.sweeps.run_sweep import run_sweep
        from trainhouse.sweeps.settings import jobs_at_once, objectives_of, own_objective, resumed_command

        sys.argv[1:], arguments = unhidden(sys.argv[1:]), unhidden(arguments)
        if composing := fast("composing"):
            composing.compose_once(self.loader)
        parser = OverridesParser.create(config_loader=self.loader)
        typed = parser.parse_overrides(arguments)
        overrides = parser.parse_overrides([*self._params(), *arguments])
        if self.is_search and len(overrides) == len(typed) and self.params and not self._varies(typed):
            raise UserError(
                "hydra.sweeper.params: this model takes no key of the default space; give a space of its own, as "
                "'model.lr=tag(log,interval(1e-4,1e-1))'"
            )
        hydra_config, folder = self.composed.hydra, Path(self.composed.hydra.sweep.dir)
        check_template(self._subdir())
        # Jobs in processes of their own find this project from any working folder.
        os.environ["PYTHONPATH"] = os.pathsep.join([str(_PROJECT), *filter(None, [os.environ.get("PYTHONPATH")])])
        is_new = not (folder / SWEEP).exists()
        runs = False
        try:
            share_cores(trains=True)
            search_as_usual()  # the process may live for days
            mark = new_stop_mark(folder)  # before any process is started
            own = own_objective(self.composed)
            objectives = [own] if own else objectives_of(self.composed.sweep)
            batch, parallel = jobs_at_once(self.n_jobs, hydra_config.launcher, all_at_once=not self.is_search)
            with self.plan(overrides, folder, objectives, f"python {shell_joined(sys.argv)}") as plan:
                self._check_examples(plan, parallel, overrides)
                if is_new:
                    OmegaConf.save(self.composed, folder / MULTIRUN)
                resumed_by = resumed_command(sys.argv, folder, in_place=self.is_search)
                batch, side_by_side = at_once(self.runner, batch, self.n_jobs, self.is_search)
                runs = True
                run_sweep(plan, self._launch, folder, batch, parallel, resumed_by, mark, side_by_side)
        except Exception:
            if is_new and not runs:
                give_up(folder)
            raise

    def _params(self) -> list[str]:
        if self.params is not None and not isinstance(self.params, DictConfig):
            raise UserError(f"hydra.sweeper.params: expected keys with their values, or null, got {self.params!r}")
        from trainhouse.sweeps.settings import own_space

        params = own_space(self.composed, {str(key): value for key, value in (self.params or {}).items()})
        return [f"{key}={'null' if value is None else value}" for key, value in params.items()]

    def _varies(self, overrides: Sequence[Override]) -> bool:
        """Whether any of the overrides, or a function, gives a space."""
        return getattr(self, "space", None) is not None or any(one.is_sweep_override() for one in overrides)

    def plan(
        self, overrides: Sequence[Override], folder: Path, objectives: "Sequence[Objective]", command: str
    ) -> "AbstractContextManager[Plan]":
        """Return the plan of this sweep, to be closed when it is over."""
        raise NotImplementedError

    def _check_examples(self, plan: "Plan", parallel: bool, overrides: Sequence[Override]) -> None:
        """Find what would spoil every job before the first one is run."""
        from trainhouse.sweeps.plan import Task
        from trainhouse.sweeps.settings import lines_of, names_what_to_compare_by

        choices, folder = self.composed.hydra.runtime.choices, Path(self.composed.hydra.sweep.dir)
        examples = [lines_of(Task(0, lines), folder, choices.launcher) for lines in plan.examples([*map(str, choices)])]
        first, *others, last = [self.loader.load_sweep_config(self.composed, lines) for lines in examples]
        for job in (first, last):  # as a launcher does
            with open_dict(job):
                with_whole_paths(job, job.hydra)
                job.hydra.job.num, job.hydra.job.id = 0, "0"
                job.hydra.runtime.output_dir = str(folder.absolute() / "0")
            check_chosen_files(job, job.hydra.runtime.choices, job.hydra.overrides.task)
            check_processes(job, job.hydra.overrides.task)
        check_files_of_sweep([first, last], overrides)
        metrics = {objective.metric: objective.mode for objective in plan.objectives}
        are_all = not plan.is_search and plan.total() <= _EXAMPLES
        question = ([first, last], metrics, others, names_what_to_compare_by(self.composed), are_all)
        if parallel and type(self.runner).__name__ == "JoblibLauncher":
            _check_in_workers(self.runner, question)
            return
        from trainhouse.training.check_jobs import common_mistake

        if mistake := common_mistake(*question):
            raise UserError(mistake)

    def _subdir(self) -> str:
        """What `hydra.sweep.subdir` asks the folder of a job to be called by."""
        plain: Any = OmegaConf.to_container(self.composed.hydra.sweep, resolve=False)
        return str(plain["subdir"])

    def _launch(self, tasks: "Sequence[Task]") -> list[str | None]:
        from trainhouse.sweeps.readable import link, named_by_number, readable_name
        from trainhouse.sweeps.settings import lines_of

        hydra_config = self.composed.hydra
        folder, chosen = Path(hydra_config.sweep.dir), hydra_config.runtime.choices.launcher
        jobs = [lines_of(task, folder, chosen) for task in tasks]
        if not named_by_number(subdir := self._subdir()):
            naming: Any = OmegaConf.to_container(hydra_config.job.config.override_dirname)
            for task in tasks:
                link(folder, readable_name(subdir, task.lines, task.number, naming), task.number)
        return [_error(one) for one in launch(self.runner, jobs, tasks[0].number)]


def _check_in_workers(launcher: Any, question: tuple[Any, ...]) -> None:
    """Have one of joblib's processes answer what `common_mistake` is asked, while the others import what jobs need.

    This one then has no need to import torch, which takes as long as a short job.
    """
    from joblib import Parallel, delayed, effective_n_jobs

    others = [delayed(_ready)() for _ in range(1, effective_n_jobs(launcher.joblib["n_jobs"]))]
    try:
        mistake, *_ = Parallel(**{**launcher.joblib, "backend": "loky"})([delayed(_ready)(*question), *others])
    except Exception as error:
        if type(error).__name__ not in ("TerminatedWorkerError", "BrokenProcessPool"):
            raise
        raise UserError(
            f"launcher: a process of joblib was killed while it started; memory may be short for {len(others) + 1} of "
            "them: lower hydra.launcher.n_jobs"
        ) from error
    if mistake:
        raise UserError(mistake)


def _ready(*question: Any) -> str | None:
    """Make a process ready for the jobs of the sweep, and return what is wrong with the examples in `question`."""
    setup_globals()
    prepare_worker()  # before torch is imported
    from trainhouse.training.check_jobs import common_mistake

    return common_mistake(*question) if question else None


def _error(returned: JobReturn) -> str | None:
    """Why a job could not be run to its end; one that was stopped can be resumed."""
    if returned.status == JobStatus.COMPLETED:
        return None
    try:
        with redirect_stderr(StringIO()):  # where it prints that there was an error before it raises it
            return str(returned.return_value)
    except Exception as error:
        return None if isinstance(error, JobStoppedError) else str(error) or type(error).__name__


class GridSweeper(_ProjectSweeper):
    """Every combination of the values that were given."""

    def plan(
        self, overrides: Sequence[Override], folder: Path, objectives: "Sequence[Objective]", command: str
    ) -> "AbstractContextManager[Plan]":
        """Return the plan of this sweep, to be closed when it is over."""
        from trainhouse.sweeps.grid import GridPlan
        from trainhouse.sweeps.space import grid

        return closing(GridPlan(folder, grid(overrides), objectives, command))


class StudySweeper(_ProjectSweeper):
    """A search by an Optuna study; `settings` are the fields of `trainhouse.sweeps.search_settings.SearchSettings`."""

    is_search = True

    def __init__(self, params: DictConfig | None, n_jobs: int | None, space: str | None, **settings: Any) -> None:
        super().__init__(params, n_jobs)
        self.space, self.settings = space, settings

    def plan(
        self, overrides: Sequence[Override], folder: Path, objectives: "Sequence[Objective]", command: str
    ) -> "AbstractContextManager[Plan]":
        """Return the plan of this sweep, to be closed when it is over."""
        from trainhouse.configuration.targets import locate
        from trainhouse.sweeps.search import SearchPlan
        from trainhouse.sweeps.search_settings import SearchSettings
        from trainhouse.sweeps.space import search_space

        plain: Any = OmegaConf.to_container(OmegaConf.create(self.settings), resolve=True)
        extend = locate(self.space, "hydra.sweeper.space") if self.space else None
        plan = SearchPlan(folder, *search_space(overrides), extend, objectives, SearchSettings.of(**plain), command)
        return closing(plan)
