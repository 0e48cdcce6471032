"""With a newer Lightning, Hydra or torch only speed is lost, or exactness, and the run says so."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hydra
import lightning
import pytest

from trainhouse import fast, resuming
from trainhouse.configuration.private_names import are_there
from trainhouse.configuration.speed import fast as fast_file
from trainhouse.tests.common import ROOT, read_history
from trainhouse.tests.newer import COMMANDS
from trainhouse.tests.started import IN_RUN, Started, whole_run

NOT_EXACT = "warning: a resume of this run is not exact: exact resume was not tried with lightning"
OF_FAST = [name for names in fast.PRIVATE_NAMES.values() for name in names]
EACH = list(dict.fromkeys([*OF_FAST, *resuming.PRIVATE_NAMES]))
Made = Callable[[str, Callable[[Path], None]], Path]


def rows(run: Path) -> list[dict[str, float]]:
    return [
        {name: value for name, value in row.items() if "seconds" not in name}
        for row in read_history(run / "logs" / "metrics.csv")
    ]


def is_exact(run: Path) -> Any:
    return json.loads((run / "metrics.json").read_text())["exact"]


@pytest.mark.parametrize(
    "missing", [EACH, *(pytest.param([name], marks=pytest.mark.slow) for name in EACH)], ids=["all", *EACH]
)
def test_all_commands_work_without_the_private_names(missing: list[str], tmp_path: Path, made_once: Made) -> None:
    expected = rows(whole_run(made_once))
    child = [sys.executable, "-m", "trainhouse.tests.newer", str(tmp_path), *missing]
    subprocess.run(child, cwd=ROOT, check=True, timeout=300)
    for command in COMMANDS:
        said = (tmp_path / f"{command}.txt").read_text()
        assert said.endswith("ended with 0"), said
    assert rows(tmp_path / "run")[:3] == expected
    lost = {re.split("[:.]", name)[-1] for name in missing}
    exact = not any(lost & {*re.split("[:.]", name)} for name in resuming.PRIVATE_NAMES)
    assert [is_exact(tmp_path / run) for run in ("run", "own", "sweep/1")] == [exact] * 3
    assert (tmp_path / "train.txt").read_text().count(NOT_EXACT) == (not exact)


def test_a_newer_version_trains_as_ever_and_says_that_its_resume_was_not_tried(tmp_path: Path, made_once: Made) -> None:
    def become_newer() -> None:
        lightning.__version__, hydra.__version__ = "2.7.0", "1.5.0"
        assert [name for name in fast.PRIVATE_NAMES if fast_file(name)] == ["finite"]

    with Started("train.py", *IN_RUN, cwd=tmp_path, prepare=become_newer) as run:
        assert run.status() == 0, run.stderr
    assert rows(tmp_path / "run") == rows(whole_run(made_once))
    assert is_exact(tmp_path / "run") is False
    assert (run.stdout + run.stderr).count(f"{NOT_EXACT} 2.7.0") == 1


def test_every_private_name_is_there_in_the_versions_that_are_installed() -> None:
    assert [name for name in resuming.PRIVATE_NAMES if not are_there([name])] == []
    assert [name for name in OF_FAST if not name.startswith("hydra") and not are_there([name])] == []


@pytest.mark.parametrize("name", ["lightning.nothing:There", "torch:nothing", "torch.nn:Module._nothing"])
def test_a_name_that_is_not_there_is_noticed(name: str) -> None:
    assert not are_there(["torch.nn:Module", name])
