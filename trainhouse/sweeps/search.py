"""A search: trials drawn from a space by an Optuna study, which any number of processes may work on together."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from trainhouse.configuration.errors import UserError
from trainhouse.machine.locks import Worker, locked
from trainhouse.runs.layout import CONFIG
from trainhouse.sweeps.folder import (
    STUDY_LOCK,
    WORKERS,
    command_of,
    has_begun,
    read_job,
    read_record,
    split_line,
    write_record,
)
from trainhouse.sweeps.job import COMPLETE, ENDED, FAIL, PRUNED, Job, Objective
from trainhouse.sweeps.plan import Task
from trainhouse.sweeps.search_settings import SearchSettings, why_none_is_pruned
from trainhouse.sweeps.space import shown_space
from trainhouse.sweeps.study import open_study, trial_of
from trainhouse.sweeps.trial_lines import Extension, Space, TrialLines

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

# A search of which nothing works is a mistake in what all its trials share.
_FAILURES_AT_FIRST = 10
# Failed trials are replaced, up to so many for each trial that is asked for.
_REPLACED = 1


class SearchPlan:
    """The trials of a study, those that were begun by a process that is gone first.

    A trial's number is its folder's name below `folder`. A trial that other processes work on is theirs.
    """

    is_search = True

    def __init__(
        self,
        folder: Path,
        space: Space,
        typed: list[str],
        extend: Extension | None,
        objectives: Sequence[Objective],
        settings: SearchSettings,
        command: str,
    ) -> None:
        """Draw from `space`, and from what the function `extend` asks the trial for.

        All trials share the overrides among `typed`. Raises `UserError` if the storage can't be opened, or if `folder`
        holds what is not of this study.
        """
        self.folder, self.objectives, self.settings = folder, objectives, settings
        self._lines = TrialLines(space, typed, extend)
        journal = Path((settings.storage or "").removeprefix("journal://"))
        # The folder may have been moved since then, or be reached by another path.
        self._holds_study = bool(settings.storage) and journal.resolve().parent == folder.resolve()
        self.is_kept = settings.storage is not None
        self.shared = frozenset(split_line(line)[0] for line in typed if line not in space)
        self.note = why_none_is_pruned(objectives, settings)
        self.drawn = shown_space(space, command)
        self.logarithmic = frozenset(key for key, drawn in space.items() if getattr(drawn, "log", False))
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
        self._lines.check_drawn_from(self._study)
        for trial in self._own_trials():
            self._lines.to_be_shown(trial, settings.storage)
        self._record = {"kind": "search", "command": command, "shared": sorted(self.shared)}
        self._worker = Worker(folder / WORKERS)
        if others := [trial.number for trial in self._own_trials() if self._is_left(trial)]:
            which = f"trial {', '.join(map(str, others))}"
            way = f"was begun by another command and is left as it is; its command may have been: {command_of(record)}"
            self.note = "; ".join(filter(None, [self.note, f"{which} {way}"]))
        self._budget = settings.n_trials - self._counted()
        self._launched, self._succeeded = 0, False
        self._through: dict[int, Job] = {}

    def start(self) -> None:
        """Keep what the sweep is."""
        if not read_record(self.folder):
            write_record(self.folder, self._record)

    def close(self) -> None:
        """Let other processes take over what this one has not finished."""
        self._worker.close()

    def examples(self, groups: Sequence[str]) -> list[list[str]]:
        """Return the overrides of trials that differ as much as they can, one of each choice of the `groups`."""
        return self._lines.examples(groups)

    def next(self, size: int | None) -> list[Task]:
        """Return trials that were left unfinished, then new ones, until the study has as many as it is to have."""
        tasks: list[Task] = []
        with locked(self.folder / STUDY_LOCK):
            for trial in self._own_trials():
                if len(tasks) != size and self._is_abandoned(trial) and (lines := self._lines.of_earlier(trial)):
                    tasks += self._take_over(trial, lines)
            most = self._budget + _REPLACED * self.settings.n_trials
            while len(tasks) != size and self._launched < most and self._counted() < self.settings.n_trials:
                tasks.append(self._ask())
        return tasks

    def _is_abandoned(self, trial: "FrozenTrial") -> bool:
        """Whether the process that worked on a trial is gone."""
        return _runs(trial) and not self._worker.is_alive(str(trial.user_attrs["worker"]))

    def _is_left(self, trial: "FrozenTrial") -> bool:
        """Whether a trial was begun by another command, which alone can resume it."""
        return self._is_abandoned(trial) and not self._lines.of_earlier(trial)

    def _take_over(self, trial: "FrozenTrial", lines: list[str]) -> list[Task]:
        """Resume a trial whose process is gone, or only record how it ended if it did."""
        trial_of(self._study, trial.number).set_user_attr("worker", self._worker.name)
        task = Task(trial.number, lines, self._has_begun(trial))
        if read_job(self.folder, trial.number, lines, self.objectives).state in ENDED:
            self.ended(task, None)
            return []
        return [task]

    def _ask(self) -> Task:
        """Draw a trial; what it runs is kept with the study, so that any process can resume it."""
        trial = self._study.ask(self._lines.space)
        lines = self._lines.of(trial)
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
            trial_of(self._study, trial.number).set_user_attr("error", job.error)
            self._study.tell(task.number, state=TrialState.FAIL)
        self._succeeded |= job.state in (COMPLETE, PRUNED)
        if self._launched >= _FAILURES_AT_FIRST and not self._succeeded and not self._counted():
            raise UserError(f"the first {self._launched} trials have all failed, the last: {job.error}")

    def jobs(self) -> list[Job]:
        """Return the trials that have a folder here, by number; what is through is read once."""
        return [self._job(trial) for trial in self._own_trials()]

    def _job(self, trial: "FrozenTrial") -> Job:
        if trial.number not in self._through:
            lines, error = self._lines.to_be_shown(trial, self.settings.storage), trial.user_attrs.get("error")
            job = self._as_recorded(trial, read_job(self.folder, trial.number, lines, self.objectives, error))
            if job.state not in (COMPLETE, PRUNED):  # a failed one may be requeued by a cluster
                return job
            self._through[trial.number] = job
        return self._through[trial.number]

    def _as_recorded(self, trial: "FrozenTrial", job: Job) -> Job:
        """What a study has recorded of a trial can't be changed, whatever was done to the trial's folder since then."""
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
        """The trials that have their folders here: other sweeps may share the study."""
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


def _runs(trial: "FrozenTrial") -> bool:
    return trial.state.name == "RUNNING"
