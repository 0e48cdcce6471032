"""What a trial runs: the overrides that the command which is typed makes of the values that the trial has drawn.

The study's file may be anybody's: of a trial in it only the values are taken, if that command may draw them.
"""

import copy
import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from trainhouse.configuration.errors import UserError, first_line
from trainhouse.sweeps.folder import gives_values_only, same_job
from trainhouse.sweeps.space import merged

if TYPE_CHECKING:
    from optuna import Study, Trial
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial

Space = dict[str, "BaseDistribution"]
Extension = Callable[["Trial | FrozenTrial"], Sequence[str]]


class TrialLines:
    """Makes overrides of trials: of the `space`, of what was typed, and of what the function `extend` adds."""

    def __init__(self, space: Space, typed: Sequence[str], extend: Extension | None) -> None:
        """All trials share the overrides among `typed`; keys of the space stand there where they were typed."""
        self.space, self.extend = space, extend
        self._typed = [*(key for key in space if key not in typed), *typed]

    def of(self, trial: "Trial | FrozenTrial") -> list[str]:
        """Return the overrides of a trial. Raises `UserError` if the user's own function has no list of them."""
        lines = [f"{one}={trial.params[one]}" if one in self.space else one for one in self._typed]
        if self.extend is None:
            return merged(lines)
        name = getattr(self.extend, "__qualname__", self.extend)
        try:
            more = self.extend(trial)
        except Exception as error:
            raise UserError(f"hydra.sweeper.space: {name}: {type(error).__name__}: {first_line(error)}") from error
        if not isinstance(more, (list, tuple)) or not all(isinstance(line, str) for line in more):
            raise UserError(
                f"hydra.sweeper.space: expected a list of overrides as ['model=cnn'] of {name}, got {more!r}"
            )
        shared = [place for place, one in enumerate(self._typed) if one not in self.space]
        first = shared[0] if shared else len(lines)
        return merged([*lines[:first], *more, *lines[first:]])

    def of_earlier(self, trial: "FrozenTrial") -> list[str]:
        """Return the overrides that this command gives a trial with such values; none if they are not the trial's."""
        for key, space in self.space.items():
            if key not in trial.params or not _holds(space, trial.params[key]):
                return []
        try:
            with warnings.catch_warnings():
                warnings.filterwarnings("error", message=r"The value .* is out of the range")
                lines = self.of(copy.deepcopy(trial))
        except UserError:  # of the user's own function, which asks for other values
            return []
        return lines if same_job(lines) == same_job(_in_file(trial)) else []

    def to_be_shown(self, trial: "FrozenTrial", storage: str | None) -> list[str]:
        """Return the overrides that the study's file has for a trial: they are not run.

        Raises `UserError` for more than values, if it is not this command that gives it.
        """
        lines = _in_file(trial)
        if lines and (gives_values_only(lines) or self.of_earlier(trial)):
            return lines
        more = [line for line in lines if not gives_values_only([line])]
        raise UserError(
            f"hydra.sweeper.storage: {storage}: trial {trial.number} has the overrides {more!r:.200}, "
            "which this command doesn't give; a file may give values only: name another hydra.sweep.dir"
        )

    def examples(self, groups: Sequence[str]) -> list[list[str]]:
        """Return the trial in a corner of the space, one for each other choice of the `groups`, the opposite corner."""
        corner, opposite = ({key: _end(space, end) for key, space in self.space.items()} for end in (0, -1))
        swept = {
            key: space.choices
            for key, space in self.space.items()
            if hasattr(space, "choices") and key.lstrip("+") in groups
        }
        others = [{**corner, key: choice} for key, choices in swept.items() for choice in choices[1:]]
        return [self._example(values) for values in (corner, *others, opposite)]

    def _example(self, values: dict[str, Any]) -> list[str]:
        import optuna

        study = optuna.create_study()  # in memory
        study.enqueue_trial(values)
        return self.of(study.ask(self.space))

    def check_drawn_from(self, study: "Study") -> None:
        """Raise `UserError` if the trials so far have drawn a key from what this space contradicts."""
        from optuna.distributions import check_distribution_compatibility

        for trial in study.get_trials(deepcopy=False):
            for key in trial.distributions.keys() & self.space.keys():
                try:
                    check_distribution_compatibility(trial.distributions[key], self.space[key])
                except ValueError as error:
                    raise UserError(
                        f"{key}: the trials so far have drawn it from {trial.distributions[key]}, which doesn't go "
                        f"with {self.space[key]}; give the space that they had, or another hydra.sweep.dir"
                    ) from error


def _in_file(trial: "FrozenTrial") -> list[str]:
    lines = trial.user_attrs.get("overrides")
    return lines if isinstance(lines, list) and all(isinstance(line, str) for line in lines) else []


def _holds(space: Any, value: Any) -> bool:
    if hasattr(space, "choices"):
        return value in space.choices
    return type(value) in (int, float) and space.low <= value <= space.high


def _end(space: Any, end: int) -> Any:
    """Return a value near the end of what is drawn from: the very end of an interval may be no value that works."""
    if hasattr(space, "choices"):
        return space.choices[end]
    if isinstance(space.low, int):
        return (space.low, space.high)[end]
    share = (0.001, 0.999)[end]
    return space.low * (space.high / space.low) ** share if space.log else space.low + (space.high - space.low) * share
