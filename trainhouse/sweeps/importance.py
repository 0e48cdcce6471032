"""How much each override has to do with a job being among the best. Knows no figure."""

import math
import warnings
from collections.abc import Sequence
from typing import Any

from trainhouse.reports.numbers import number
from trainhouse.sweeps.job import Job, Objective, varying
from trainhouse.sweeps.style import is_spread_over_powers

MEANINGFUL = 20  # jobs; below, which values the best few share is often chance
_FEWEST = 4  # jobs of which anything can be said


def best_of(count: int) -> int:
    """Return how many of so many jobs count as the best: five at least, or half of them, of fewer it is noise."""
    return math.ceil(_quantile(count) * count)


def _quantile(count: int) -> float:
    return max(0.1, min(0.5, 5 / count))


def importances(jobs: Sequence[Job], keys: Sequence[str], objective: Objective) -> dict[str, float]:
    """Return the share of each of `keys`, of all together 1, among jobs that have a finite objective.

    By PED-ANOVA (Watanabe et al., 2023, arXiv:2304.10255): how unlike the values of the best jobs are to those of
    all. Empty with fewer than four jobs, or where nothing differs.
    """
    differ = varying(jobs)
    keys = [key for key in keys if key in differ]
    badness = [objective.badness(job.value(objective.metric)) for job in jobs]
    if len(jobs) < _FEWEST or not keys or len(set(badness)) < 2:
        return {}
    import optuna  # 0.2 s

    spaces = {key: _space(optuna.distributions, [job.overrides.get(key) for job in jobs]) for key in keys}
    quantile = _quantile(len(jobs))
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # where ties put all jobs among the best, the shares are equal: no news
            study = optuna.create_study()
            for job, value in zip(jobs, badness, strict=True):
                params = {key: _inside(spaces[key], job.overrides[key]) for key in keys if key in job.overrides}
                own = {key: spaces[key] for key in params}
                study.add_trial(optuna.trial.create_trial(value=value, params=params, distributions=own))
            evaluator = optuna.importance.PedAnovaImportanceEvaluator(target_quantile=quantile)
            return optuna.importance.get_param_importances(study, evaluator=evaluator)
    finally:
        optuna.logging.set_verbosity(before)


def _space(distributions: Any, values: Sequence[str | None]) -> Any:
    """Return the distribution that an override's values could be from; of a conditional one, some are None."""
    texts = [value for value in values if value is not None]
    numbers = [value for value in map(number, texts) if value is not None]
    different = sorted(set(numbers))
    # Numbers that come again and again are the choices of a grid.
    if len(numbers) < len(texts) or 2 * len(different) <= len(texts) or len(different) < 2:
        return distributions.CategoricalDistribution(sorted(set(texts)))
    return distributions.FloatDistribution(different[0], different[-1], log=is_spread_over_powers(different))


def _inside(space: Any, text: str) -> str | float:
    if hasattr(space, "choices"):
        return text
    value = number(text)
    return math.nan if value is None else value
