"""A run that nobody stops, and one that the test starts and stops."""

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
