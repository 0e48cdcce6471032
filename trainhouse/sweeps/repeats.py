"""Jobs that differ in their seed or fold alone are one configuration: its mean, and how sure that is."""

from collections.abc import Sequence
from dataclasses import dataclass
from operator import le

from trainhouse.reports.estimates import Estimate
from trainhouse.reports.likeness import are_own, difference, is_loss, split_by
from trainhouse.reports.names import measure_of, split_of
from trainhouse.sweeps.job import Job, Objective, is_repeat, varying


@dataclass(frozen=True)
class Configuration:
    """What was tried, without what makes its repeats, and those of them that are through."""

    overrides: dict[str, str]
    jobs: list[Job]
    """Best first, by the first objective."""
    estimates: list[Estimate]
    """One for each objective."""


def why_none_is_best(jobs: Sequence[Job], objectives: Sequence[Objective]) -> str | None:
    """Say why jobs can't be ranked: an objective is a loss that is another function in some, or the rows are others.

    None if they can. Jobs with other features of the same rows, which have other data too, can.
    """
    for metric in (objective.metric for objective in objectives if is_loss(objective.metric)):
        losses = [job.loss for job in jobs if job.counts([metric])]
        if not are_own(losses) and (differs := difference(losses)):
            return f"{metric} is not the same measure in all trials ({differs})"
    cuts: dict[str, set[str]] = {}
    for job in jobs:
        if job.data and job.counts([objective.metric for objective in objectives]):
            rows, _, cut = job.data.partition("/")
            cuts.setdefault(rows, set()).add(cut)
    if len(several_by := {split_by(cut) for found in cuts.values() for cut in found}) > 1:
        ways = ", ".join(sorted(by or "by chance" for by in several_by))
        return f"rows are split or weighed in several ways ({ways}), so the values are of other rows"
    if several := next((found for found in cuts.values() if len(found) > 1), None):
        return (
            f"the same rows are split in several ways ({', '.join(sorted(several))}), so the values are of other rows"
        )
    return None


def configurations(jobs: Sequence[Job], objectives: Sequence[Objective]) -> list[Configuration]:
    """Group the complete jobs with finite objectives into configurations, best mean of the first objective first."""
    repeats = [key for key in varying(jobs) if is_repeat(key)]
    metrics = [objective.metric for objective in objectives]
    groups: dict[tuple[tuple[str, str], ...], list[Job]] = {}
    for job in jobs:
        if job.counts(metrics):
            rest = sorted((key, value) for key, value in job.overrides.items() if key not in repeats)
            groups.setdefault(tuple(rest), []).append(job)
    found = [_configuration(group, repeats, objectives) for group in groups.values()]
    return sorted(found, key=lambda one: (objectives[0].badness(one.estimates[0].mean), one.jobs[0].number))


def repeated_by(jobs: Sequence[Job]) -> list[str]:
    """Return the keys that make repeats, as far as the jobs differ in them: ``seed``, ``data.fold``."""
    return [key.lstrip("+") for key in varying(jobs) if is_repeat(key)]


def measured(ranked: Sequence[Configuration], objectives: Sequence[Objective]) -> list[str]:
    """Return the objectives, what the first one is on the test split, then all else of validation and test."""
    first = objectives[0].metric
    names = {name: None for one in ranked for job in one.jobs for name in job.metrics if split_of(name) != "train"}
    others = sorted(names, key=lambda name: (measure_of(name) != measure_of(first), split_of(name) == "test", name))
    return list(dict.fromkeys([first, *others[:2], *(objective.metric for objective in objectives), *others]))


def _configuration(group: Sequence[Job], repeats: Sequence[str], objectives: Sequence[Objective]) -> Configuration:
    first, metrics = objectives[0], [objective.metric for objective in objectives]
    different: dict[object, Job] = {}
    for job in sorted(group, key=lambda job: job.number):
        # A search may try the same twice: the same seed with the same value is one run, and says nothing of the spread.
        key = (*(job.overrides.get(key) for key in repeats), *job.values(metrics))
        different.setdefault(key, job)
    ranked = sorted(different.values(), key=lambda job: first.badness(job.value(first.metric)))
    return Configuration(
        overrides={key: value for key, value in ranked[0].overrides.items() if key not in repeats},
        jobs=ranked,
        estimates=[Estimate.of([job.value(metric) for job in ranked]) for metric in metrics],
    )


def pareto(ranked: Sequence[Configuration], objectives: Sequence[Objective]) -> list[Configuration]:
    """Return the configurations that no other one beats in an objective without losing in another."""
    points = [
        tuple(objective.badness(estimate.mean) for objective, estimate in zip(objectives, one.estimates, strict=True))
        for one in ranked
    ]
    front: set[tuple[float, ...]] = set()
    for point in sorted(set(points)):  # whatever beats a point comes before it
        if not any(all(map(le, other, point)) for other in front):
            front.add(point)
    return [one for one, point in zip(ranked, points, strict=True) if point in front]
