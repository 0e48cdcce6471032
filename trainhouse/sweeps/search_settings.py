"""How a search is made."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from trainhouse.configuration.errors import UserError, did_you_mean
from trainhouse.sweeps.job import Objective


@dataclass(frozen=True)
class SearchSettings:
    """How to search; the fields are the keys of `hydra.sweeper`."""

    n_trials: int
    storage: str | None
    study_name: str
    sampler: dict[str, Any] | None
    pruner: dict[str, Any] | None

    @classmethod
    def of(cls, **given: Any) -> "SearchSettings":
        """Return the settings that are given by name. Raises `UserError` for a name that `hydra.sweeper` hasn't."""
        names = [one.name for one in fields(cls)]
        for name in given.keys() - names:
            raise UserError(f"hydra.sweeper.{name}: a search has no such key{did_you_mean(name, names)}")
        return cls(**given)

    def __post_init__(self) -> None:
        if type(self.n_trials) is not int or self.n_trials < 1:
            raise UserError(f"hydra.sweeper.n_trials: expected a whole number from 1 up, got {self.n_trials!r}")
        if not isinstance(self.study_name, str) or not self.study_name:
            raise UserError(f"hydra.sweeper.study_name: expected a string, got {self.study_name!r}")
        if not isinstance(self.storage, str | None):
            raise UserError(f"hydra.sweeper.storage: expected a string, or null, got {self.storage!r}")


def why_none_is_pruned(objectives: Sequence[Objective], settings: SearchSettings) -> str:
    """Return the reason why no trial is pruned; an empty string if trials are, or nobody asked for it."""
    if not settings.pruner or str(settings.pruner.get("_target_")).endswith(".NopPruner"):
        return ""
    if len(objectives) > 1:
        return "pruning is off: Optuna prunes by one objective only"
    if settings.storage is None:
        return "pruning is off: a trial can't be asked for in this process's memory; set hydra.sweeper.storage"
    metric = objectives[0].metric
    return f"pruning is off: {metric} is known at the end of a trial only" if metric.startswith("test/") else ""
