"""What becomes of a SLURM job that is told that its time is over before its run has begun."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from trainhouse.configuration.errors import Interrupted
from trainhouse.launching import early_signals

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the signals of this platform are others")


@pytest.fixture
def early(slurm: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let this process be in job 77, and hear signals as usual again behind the test."""
    before = {signum: signal.getsignal(signum) for signum in (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1)}
    for name, value in slurm.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(early_signals, "_received", [])
    monkeypatch.setattr("sys.argv", ["train.py"])
    signal.signal(signal.SIGUSR1, signal.SIG_DFL)
    yield
    for signum, handler in before.items():
        signal.signal(signum, handler)


@pytest.mark.parametrize(
    ("does", "is_first", "line"),
    [
        ("exit 0", True, "stopped by SIGUSR1; job 77 is back in the queue"),
        ("exit 0", False, "stopped by SIGUSR1"),
        (
            "echo Denied >&2; exit 1",
            True,
            "stopped by SIGUSR1; job 77 was not put back into the queue: Denied",
        ),
    ],
)
@pytest.mark.usefixtures("early")
def test_the_line_says_what_becomes_of_a_job_whose_run_has_not_begun(
    does: str, is_first: bool, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bin" / "scontrol").write_text(f"#!/bin/sh\n{does}\n")
    monkeypatch.setattr("trainhouse.runs.requeued.is_worker_rank", lambda: not is_first)
    early_signals.end_by_signals(trains=True)
    with pytest.raises(Interrupted) as stopped:
        signal.raise_signal(signal.SIGUSR1)
    assert str(stopped.value) == line


@pytest.mark.usefixtures("early")
def test_a_process_that_is_to_ignore_the_signal_ignores_it() -> None:
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    early_signals.end_by_signals(trains=True)
    assert signal.getsignal(signal.SIGUSR1) is signal.SIG_IGN


@pytest.mark.usefixtures("early")
def test_a_job_that_is_at_its_end_is_ended_at_once() -> None:
    early_signals.end_by_signals(trains=True)
    assert callable(signal.getsignal(signal.SIGUSR1))
    early_signals.end_at_once()
    assert signal.getsignal(signal.SIGUSR1) is signal.SIG_DFL
