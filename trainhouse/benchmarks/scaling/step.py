"""A step of several ranks, split into what its time goes to; and the same with more ranks than are there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

PARTS = ("compute", "communication", "data", "waiting")


@dataclass(frozen=True)
class Step:
    """The mean step of a rank: seconds of each part, which sum to those of the step."""

    ranks: int
    compute: float
    """Forward, backward, the optimizer, and whatever the loop does beside them."""
    communication: float
    """From when the last rank has its gradients until this one has the mean of all, as far as nothing is computed."""
    data: float
    waiting: float
    """From when this rank has its gradients until the last one has."""
    bytes: float = 0.0
    """Gradients that a rank exchanges in a step."""

    @property
    def seconds(self) -> float:
        """Of the whole step."""
        return self.compute + self.communication + self.data + self.waiting


@dataclass(frozen=True)
class Link:
    """What ranks are connected by."""

    bandwidth: float
    """Bytes a second that a rank sends, and receives at the same time."""
    latency: float
    """Seconds that a message takes, however small."""

    def all_reduce(self, size: float, ranks: int) -> float:
        """Return the seconds that a ring of so many ranks takes for the sum of `size` bytes of each.

        Each rank sends 2 (ranks - 1) messages of 1 / ranks of them (Patarasuk & Yuan, 2009).
        """
        messages = 2 * (ranks - 1)
        return messages * (size / ranks / self.bandwidth + self.latency)


def split(seen: Sequence[Mapping[str, Sequence[float]]], skipped: int) -> tuple[Step, np.ndarray]:
    """Return the mean step of what each rank has seen, but the first steps; and the work (K,) of each rank and step.

    That is the seconds without waiting and communication. What is seen is a list for each of ``began``, ``fetched``,
    ``ready``, ``back`` and ``bytes``, as `trainhouse.benchmarks.started.rank` writes it.
    """
    one = [{name: np.array(values, np.float64) for name, values in rank.items()} for rank in seen]
    count = min(len(rank["began"]) for rank in one)
    kept = slice(skipped, count - 1)  # when the last one ends is not known
    all_ready = np.max([rank["ready"][:count] for rank in one], axis=0)[kept]
    parts, work = [], []
    for rank in one:
        waiting = all_ready - rank["ready"][kept]
        communication = np.maximum(rank["back"][kept] - all_ready, 0.0)
        if len(one) == 1:  # there is nothing to be exchanged: both are noted when the step begins
            waiting = communication = np.zeros_like(all_ready)
        data = rank["fetched"][kept]
        whole = np.diff(rank["began"][:count])[kept]
        rest = whole - waiting - communication - data
        parts.append([each.mean() for each in (rest, communication, data, waiting)])
        work.append(rest + data)
    sent = float(np.mean([rank["bytes"][kept].mean() for rank in one]))
    compute, communication, data, waiting = np.mean(parts, axis=0).tolist()
    return Step(len(one), compute, communication, data, waiting, sent), np.concatenate(work)


def projected(step: Step, work: np.ndarray, ranks: int, link: Link) -> Step:
    """Return the step of more ranks, each with as many rows as those of `step`, whose `work` (K,) varied as it did."""
    slowest = expected_most(work, ranks)
    return Step(
        ranks,
        compute=step.compute,
        communication=link.all_reduce(step.bytes, ranks),
        data=step.data,
        waiting=max(0.0, slowest - float(work.mean())),
        bytes=step.bytes,
    )


def expected_most(values: np.ndarray, draws: int) -> float:
    """Return the mean of the greatest of so many `values` (K,), each drawn from all with the same chance."""
    ordered, places = np.sort(values), np.arange(len(values) + 1) / len(values)
    return float(ordered @ np.diff(places**draws))
