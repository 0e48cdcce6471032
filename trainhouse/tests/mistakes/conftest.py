"""The folder in which mistakes are made."""

from collections.abc import Callable
from pathlib import Path

import pytest

from trainhouse.tests.common import link_raw_data
from trainhouse.tests.mistakes.damaged_runs import checkpoints, configs, resumable, runs
from trainhouse.tests.mistakes.faulty_data import arrays, for_the_run, tables
from trainhouse.tests.mistakes.judging import Judge, assert_ends_in_one_line


@pytest.fixture(scope="session")
def prepared(project: Path, made_once: Callable[[str, Callable[[Path], None]], Path]) -> Path:
    """All files that the commands name. Nobody writes here."""

    def make(folder: Path) -> None:
        (folder / "run").symlink_to(project / "outputs" / "run")
        (folder / "a_file").write_text("x")
        (folder / "own_files").mkdir()
        (folder / "own_files" / "results.csv").write_text("mine")
        for prepare in (arrays, tables, for_the_run, checkpoints, runs, resumable, configs):
            prepare(folder)

    return made_once("mistakes", make)


@pytest.fixture
def folder(prepared: Path, project: Path, tmp_path: Path) -> Path:
    """A working folder with links to the prepared files."""
    link_raw_data(tmp_path)
    (tmp_path / "data" / "processed").mkdir()
    for name in ("fake_data.npy", "fake_data.npy.json"):
        (tmp_path / "data" / "processed" / name).symlink_to(project / "data" / "processed" / name)
    for path in prepared.iterdir():
        (tmp_path / path.name).symlink_to(path)
    return tmp_path


@pytest.fixture
def judge(folder: Path, prepared: Path) -> Judge:
    """Run a command and compare how it ends with the line that is expected."""
    return lambda command, line: assert_ends_in_one_line(command, line, folder, prepared)
