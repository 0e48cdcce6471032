"""A search: trials drawn from a space by an Optuna study, which any number of processes may work on together.

The study's file may be anybody's: of a trial in it only the values are taken, if the command that is typed may draw
them. What such a trial runs is what this command makes of its values, and nothing that the file says.
"""

import copy
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainhouse.configuration.errors import UserError, first_line
from trainhouse.machine.locks import Worker, locked
from trainhouse.runs.run_folder import CONFIG
from trainhouse.sweeps.folder import (
    STUDY_LOCK,
    WORKERS,
    command_of,
    gives_values_only,
    has_begun,
    read_job,
    read_record,
    same_job,
    split_line,
    write_record,
)
from trainhouse.sweeps.job import COMPLETE, ENDED, FAIL, PRUNED, Job, Objective
from trainhouse.sweeps.plan import Task
from trainhouse.sweeps.space import merged
from trainhouse.sweeps.study import open_study

if TYPE_CHECKING:
    from optuna import Trial
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial

# A search of which nothing works is a mistake in what all its trials share.
_FAILURES_AT_FIRST = 10
# Failed trials are replaced, up to so many for each trial that is asked for.
_REPLACED = 1

Space = dict[str, "BaseDistribution"]
Extension = Callable[["Trial | FrozenTrial"], Sequence[str]]


@dataclass(frozen=True)
class Settings:
    """How to search; the fields are the keys of `hydra.sweeper`."""

    n_trials: int
    storage: str | None
    study_name: str
    sampler: dict[str, Any] | None
    pruner: dict[str, Any] | None

    def __post_init__(self) -> None:
        if type(self.n_trials) is not int or self.n_trials < 1:
            raise UserError(f"hydra.sweeper.n_trials: expected a whole number from 1 up, got {self.n_trials!r}")
        if not isinstance(self.study_name, str) or not self.study_name:
            raise UserError(f"hydra.sweeper.study_name: expected a string, got {self.study_name!r}")
        if not isinstance(self.storage, str | None):
            raise UserError(f"hydra.sweeper.storage: expected a string, or null, got {self.storage!r}")


class SearchPlan:
    """The trials of a study, those that were begun by a process that is gone first.

    A trial's number is its folder's name below `folder`. A trial that other processes work on is theirs.
    """

    what = "trial"

    def __init__(
        self,
        folder: Path,
        space: Space,
        typed: list[str],
        extend: Extension | None,
        objectives: Sequence[Objective],
        settings: Settings,
        command: str,
    ) -> None:
        """Draw from `space`, and from what the function `extend` asks the trial for.

        All trials share the overrides among `typed`; keys of the space stand there where they were typed. Raises
        `UserError` if the storage can't be opened, or if `folder` holds what is not of this study.
        """
        self.folder, self.objectives, self.settings = folder, objectives, settings
        self._space, self._extend = space, extend
        self._typed = [*(key for key in space if key not in typed), *typed]
        journal = Path((settings.storage or "").removeprefix("journal://"))
        # The folder may have been moved since then, or be reached by another path.
        self._holds_study = bool(settings.storage) and journal.resolve().parent == folder.resolve()
        self.is_kept = settings.storage is not None
        self.shared = frozenset(split_line(line)[0] for line in typed if line not in space)
        self.note = _why_none_is_pruned(objectives, settings)
        record = read_record(folder)
        if record and record.get("kind") != "search":
            raise UserError(
                f"hydra.sweep.dir: {folder} holds a grid, not a search; its command was: {command_of(record)}"
            )
        if not space and extend is None:
            raise UserError("sweep=optuna: nothing to search in; give a range, as optimizer.lr='interval(1e-4,1e-1)'")
        with locked(folder / STUDY_LOCK):
            self._study = open_study(
                settings.storage, settings.study_name, settings.pruner, settings.sampler, list(objectives)
            )
        numbers = {str(trial.number) for trial in self._own_trials()}
        for run in folder.glob(f"*/{CONFIG}"):
            if run.parent.name.isdecimal() and run.parent.name not in numbers:
                raise UserError(
                    f"hydra.sweep.dir: {run.parent} is no trial of the study '{settings.study_name}' in "
                    f"{settings.storage}, which is another one or was damaged; name another folder"
                )
        self._check_space()
        for trial in self._own_trials():
            self._lines_of(trial)
        self._record = {"kind": "search", "command": command}
        self._worker = Worker(folder / WORKERS)
        if others := [trial.number for trial in self._own_trials() if self._is_left(trial)]:
            self.note = "; ".join(filter(None, [self.note, _of_another_command(others, command_of(record))]))
        self._budget = settings.n_trials - self._counted()
        self._launched, self._succeeded = 0, False
        self._through: dict[int, Job] = {}

    def _check_space(self) -> None:
        from optuna.distributions import check_distribution_compatibility

        for trial in self._study.get_trials(deepcopy=False):
            for key in trial.distributions.keys() & self._space.keys():
                try:
                    check_distribution_compatibility(trial.distributions[key], self._space[key])
                except ValueError as error:
                    raise UserError(
                        f"{key}: the trials so far have drawn it from {trial.distributions[key]}, which doesn't go "
                        f"with {self._space[key]}; give the space that they had, or another hydra.sweep.dir"
                    ) from error

    def start(self) -> None:
        """Keep what the sweep is."""
        if not read_record(self.folder):
            write_record(self.folder, self._record)

    def close(self) -> None:
        """Let other processes take over what this one has not finished."""
        self._worker.close()

    def examples(self, groups: Sequence[str]) -> list[list[str]]:
        """Return the trial in a corner of the space, one for each other choice of the `groups`, the opposite corner."""
        corner, opposite = ({key: _end(space, end) for key, space in self._space.items()} for end in (0, -1))
        swept = {
            key: space.choices
            for key, space in self._space.items()
            if hasattr(space, "choices") and key.lstrip("+") in groups
        }
        others = [{**corner, key: choice} for key, choices in swept.items() for choice in choices[1:]]
        return [self._example(values) for values in (corner, *others, opposite)]

    def _example(self, values: dict[str, Any]) -> list[str]:
        import optuna

        study = optuna.create_study()  # in memory
        study.enqueue_trial(values)
        return self._lines(study.ask(self._space))

    def _lines(self, trial: "Trial | FrozenTrial") -> list[str]:
        """Return the overrides of a trial. Raises `UserError` if the user's own function has no list of them."""
        lines = [f"{one}={trial.params[one]}" if one in self._space else one for one in self._typed]
        if self._extend is None:
            return merged(lines)
        name = getattr(self._extend, "__qualname__", self._extend)
        try:
            more = self._extend(trial)
        except Exception as error:
            raise UserError(f"hydra.sweeper.space: {name}: {type(error).__name__}: {first_line(error)}") from error
        if not isinstance(more, (list, tuple)) or not all(isinstance(line, str) for line in more):
            raise UserError(
                f"hydra.sweeper.space: expected a list of overrides as ['model=cnn'] of {name}, got {more!r}"
            )
        shared = [place for place, one in enumerate(self._typed) if one not in self._space]
        first = shared[0] if shared else len(lines)
        return merged([*lines[:first], *more, *lines[first:]])

    def next(self, size: int | None) -> list[Task]:
        """Return trials that were left unfinished, then new ones, until the study has as many as it is to have."""
        tasks: list[Task] = []
        with locked(self.folder / STUDY_LOCK):
            for trial in self._own_trials():
                if len(tasks) != size and self._is_abandoned(trial) and (lines := self._typed_lines(trial)):
                    tasks += self._take_over(trial, lines)
            most = self._budget + _REPLACED * self.settings.n_trials
            while len(tasks) != size and self._launched < most and self._counted() < self.settings.n_trials:
                tasks.append(self._ask())
        return tasks

    def _is_abandoned(self, trial: "FrozenTrial") -> bool:
        """Whether the process that worked on a trial is gone."""
        return _runs(trial) and not self._worker.is_alive(str(trial.user_attrs["worker"]))

    def _is_left(self, trial: "FrozenTrial") -> bool:
        """Whether a trial was begun by another command, which alone can go on with it."""
        return self._is_abandoned(trial) and not self._typed_lines(trial)

    def _typed_lines(self, trial: "FrozenTrial") -> list[str]:
        """Return the overrides that this command gives a trial with such values; none if they are not the trial's."""
        for key, space in self._space.items():
            if key not in trial.params or not _holds(space, trial.params[key]):
                return []
        try:
            with warnings.catch_warnings():
                warnings.filterwarnings("error", message=r"The value .* is out of the range")
                lines = self._lines(copy.deepcopy(trial))
        except UserError:  # of the user's own function, which asks for other values
            return []
        return lines if same_job(lines) == same_job(_lines_in_file(trial)) else []

    def _lines_of(self, trial: "FrozenTrial") -> list[str]:
        """Return the overrides that the study's file has for a trial, to be shown: they are not run.

        Raises `UserError` for more than values, if it is not this command that gives it.
        """
        lines = _lines_in_file(trial)
        if lines and (gives_values_only(lines) or self._typed_lines(trial)):
            return lines
        more = [line for line in lines if not gives_values_only([line])]
        raise UserError(
            f"hydra.sweeper.storage: {self.settings.storage}: trial {trial.number} has the overrides {more!r:.200}, "
            "which this command doesn't give; a file may give values only: name another hydra.sweep.dir"
        )

    def _take_over(self, trial: "FrozenTrial", lines: list[str]) -> list[Task]:
        """Go on with a trial whose process is gone, or only tell how it ended if it did."""
        self._set(trial, "worker", self._worker.name)
        task = Task(trial.number, lines, self._has_begun(trial))
        if read_job(self.folder, trial.number, lines, self.objectives).state in ENDED:
            self.ended(task, None)
            return []
        return [task]

    def _ask(self) -> Task:
        trial = self._study.ask(self._space)
        lines = self._lines(trial)
        trial.set_user_attr("overrides", lines)
        trial.set_user_attr("folder", str(self.folder.resolve()))
        trial.set_user_attr("worker", self._worker.name)
        self._launched += 1
        return Task(trial.number, lines)

    def ended(self, task: Task, error: str | None) -> None:
        """Tell the study; a trial that was interrupted stays open, to be resumed."""
        from optuna.trial import TrialState

        job = read_job(self.folder, task.number, task.lines, self.objectives, error)
        if job.state == COMPLETE:
            values = job.values(objective.metric for objective in self.objectives)
            self._study.tell(task.number, values, skip_if_finished=True)
        elif job.state == PRUNED:
            self._study.tell(task.number, state=TrialState.PRUNED, skip_if_finished=True)
        elif job.state == FAIL and _runs(trial := self._study.get_trials(deepcopy=False)[task.number]):
            self._set(trial, "error", job.error)
            self._study.tell(task.number, state=TrialState.FAIL)
        self._succeeded |= job.state in (COMPLETE, PRUNED)
        if self._launched >= _FAILURES_AT_FIRST and not self._succeeded and not self._counted():
            raise UserError(f"the first {self._launched} trials have all failed, the last: {job.error}")

    def jobs(self) -> list[Job]:
        """Return the trials that have a folder here, by number; what is through is read once."""
        return [self._job(trial) for trial in self._own_trials()]

    def _job(self, trial: "FrozenTrial") -> Job:
        if trial.number not in self._through:
            lines, error = self._lines_of(trial), trial.user_attrs.get("error")
            job = self._as_told(trial, read_job(self.folder, trial.number, lines, self.objectives, error))
            if job.state not in (COMPLETE, PRUNED):  # a failed one may be requeued by a cluster
                return job
            self._through[trial.number] = job
        return self._through[trial.number]

    def _as_told(self, trial: "FrozenTrial", job: Job) -> Job:
        """What a study was told of a trial can't be changed, whatever was done to the trial's folder since then."""
        if trial.state.name == PRUNED:
            return replace(job, state=PRUNED, error=None)
        if trial.state.name == COMPLETE and job.state != COMPLETE:
            values = {one.metric: value for one, value in zip(self.objectives, trial.values, strict=True)}
            return replace(job, state=COMPLETE, metrics=values, error=None)
        return job

    def is_asked_for(self, number: int) -> bool:
        """Whether the command has this trial, or it was begun by another one."""
        return not self._is_left(self._study.get_trials(deepcopy=False)[number])

    def total(self) -> int:
        """Return how many trials the study is to have, not counting failed ones."""
        return self.settings.n_trials

    def _own_trials(self) -> list["FrozenTrial"]:
        own = str(self.folder.resolve())
        return [
            trial
            for trial in self._study.get_trials(deepcopy=False)
            if "worker" in trial.user_attrs
            and (trial.user_attrs.get("folder") == own or (self._holds_study and self._has_begun(trial)))
        ]

    def _has_begun(self, trial: "FrozenTrial") -> bool:
        return has_begun(self.folder / str(trial.number))

    def _counted(self) -> int:
        """How many trials have come to something, or still may."""
        trials = self._study.get_trials(deepcopy=False)
        ended = sum(trial.state.name in (COMPLETE, PRUNED) for trial in trials)
        return ended + sum(
            _runs(trial) and self._worker.is_alive(str(trial.user_attrs["worker"])) for trial in self._own_trials()
        )

    def _set(self, trial: "FrozenTrial", name: str, value: object) -> None:
        from optuna.trial import Trial

        Trial(self._study, trial._trial_id).set_user_attr(name, value)


def _why_none_is_pruned(objectives: Sequence[Objective], settings: Settings) -> str:
    if not settings.pruner or str(settings.pruner.get("_target_")).endswith(".NopPruner"):
        return ""
    if len(objectives) > 1:
        return "pruning is off: Optuna prunes by one objective only"
    if settings.storage is None:
        return "pruning is off: a trial can't be asked for in this process's memory; set hydra.sweeper.storage"
    metric = objectives[0].metric
    return f"pruning is off: {metric} is known at the end of a trial only" if metric.startswith("test/") else ""


def _lines_in_file(trial: "FrozenTrial") -> list[str]:
    lines = trial.user_attrs.get("overrides")
    return lines if isinstance(lines, list) and all(isinstance(line, str) for line in lines) else []


def _of_another_command(trials: Sequence[int], command: str) -> str:
    which = f"trial {', '.join(map(str, trials))}"
    return f"{which} was begun by another command and is left as it is; its command may have been: {command}"


def _holds(space: Any, value: Any) -> bool:
    if hasattr(space, "choices"):
        return value in space.choices
    return type(value) in (int, float) and space.low <= value <= space.high


def _runs(trial: "FrozenTrial") -> bool:
    return trial.state.name == "RUNNING"


def _end(space: Any, end: int) -> Any:
    """Return a value near the end of what is drawn from: the very end of an interval may be no value that works."""
    if hasattr(space, "choices"):
        return space.choices[end]
    if isinstance(space.low, int):
        return (space.low, space.high)[end]
    share = (0.001, 0.999)[end]
    return space.low * (space.high / space.low) ** share if space.log else space.low + (space.high - space.low) * share
