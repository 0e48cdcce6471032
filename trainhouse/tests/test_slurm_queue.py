"""What SLURM's queue says of the jobs of a sweep."""

from typing import Any

import pytest

from trainhouse.launching import slurm_queue
from trainhouse.launching.slurm_queue import SlurmQueue


class Cluster:
    """Answers in place of SLURM's commands."""

    def __init__(self, *lines: str) -> None:
        self.lines: list[str] | None = list(lines)
        self.cancelled: list[tuple[str, ...]] = []

    def __call__(self, command: str, *arguments: str) -> str | None:
        if command == "scancel":
            self.cancelled.append(arguments)
            self.lines = [line for line in self.lines or [] if "|PENDING|" not in line]
        return None if self.lines is None else "\n".join(self.lines)


@pytest.fixture
def at_work(monkeypatch: pytest.MonkeyPatch) -> Any:
    def start(*lines: str) -> Cluster:
        cluster = Cluster(*lines)
        monkeypatch.setattr(slurm_queue, "_run", cluster)
        monkeypatch.setattr(slurm_queue, "_EVERY", -1.0)
        return cluster

    return start


def test_a_job_that_is_gone_is_lost_and_one_that_nobody_knows_of_is_waited_for(at_work):
    cluster = at_work("47_0|RUNNING|None")
    queue = SlurmQueue("47")
    assert [queue.has_lost("47_0") for _ in range(5)] == [False] * 5
    cluster.lines = None  # SLURM doesn't answer
    assert [queue.has_lost("47_0") for _ in range(5)] == [False] * 5
    cluster.lines = []
    assert [queue.has_lost("47_0") for _ in range(2)] == [False, True]


@pytest.mark.parametrize(("reason", "is_said"), [("PartitionTimeLimit", True), ("Resources", False)])
def test_a_job_that_will_never_start_is_said_once(reason, is_said, at_work, capsys):
    at_work(f"47_0|PENDING|{reason}")
    queue = SlurmQueue("47")
    assert not any(queue.has_lost("47_0") for _ in range(3))
    line = f"warning: job 47 waits in the queue, and will not start by itself: {reason}\n"
    assert capsys.readouterr().out == (line if is_said else "")


def test_what_waits_is_taken_out_of_the_queue_when_the_sweep_is_stopped(at_work, monkeypatch):
    cluster = at_work("47_0|RUNNING|None", "47_1|PENDING|Priority")
    monkeypatch.setattr(slurm_queue, "stop_asked", lambda: True)
    queue = SlurmQueue("47")
    assert [queue.has_lost("47_0"), queue.has_lost("47_1")] == [False, True]
    assert (queue.taken_out, cluster.cancelled) == ({"47_1"}, [("--state=PENDING", "47")])
