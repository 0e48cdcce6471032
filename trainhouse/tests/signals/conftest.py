"""A run that nobody stops, and one that the test starts and stops."""

import os
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from trainhouse.tests.started import Started, whole_run
from trainhouse.tests.test_exact_resume import outcome


@pytest.fixture(scope="session")
def whole(made_once: Callable[[str, Callable[[Path], None]], Path]) -> dict[str, Any]:
    """What the run comes to when nobody stops it."""

    return outcome(whole_run(made_once))


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Started]]:
    """Start train.py in the test's own folder; whatever is left of it ends with the test."""
    started = []

    def begin(*arguments: str, **options: Any) -> Started:
        started.append(Started("train.py", *arguments, cwd=tmp_path, **options))
        return started[-1]

    yield begin
    for process in started:
        process.kill()


@pytest.fixture
def slurm(tmp_path: Path) -> dict[str, str]:
    """The environment of job 77; what `scontrol` is asked is kept in the file ``asked``."""
    (tmp_path / "bin").mkdir()
    command = tmp_path / "bin" / "scontrol"
    command.write_text(f'#!/bin/sh\necho "$@" >> {shlex.quote(str(tmp_path / "asked"))}\n')
    command.chmod(0o755)
    path = f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"
    of_job = {"SLURM_JOB_ID": "77", "SLURM_JOB_NAME": "train", "SLURM_NTASKS": "1", "ENVIRONMENT": "BATCH"}
    return {"PATH": path, **of_job}
