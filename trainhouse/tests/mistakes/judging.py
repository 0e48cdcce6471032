"""How a mistake is listed, run and judged.

A mistake ends in one line that names the key or file, and the fix: before anything expensive, and nothing is lost.
One row per mistake: the command, and what its one line must say. The commands run in a folder that holds the files
that the fixture `prepared` makes, and `run`, a finished run.
"""

import os
import re
import shlex
import shutil
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from trainhouse.tests.common import run_script

Rows = list[tuple[str, str]]
Judge = Callable[[str, str], None]

# Ranges of keys are tested one by one in test_config_check.py, and these:
COVERED = (
    ("train.py data=", 2),  # what a file of rows may hold: test_npy.py, test_csv.py and the tests of columns
    ("eval.py ckpt_path=ck/", 4),  # what a checkpoint may hold: test_checkpoint.py, test_crafted_records.py
    ("infer.py input=", 3),  # new rows, and where predictions go: test_raw_rows.py, test_writers.py
    ("select_best_model.py runs=runs/", 3),  # runs: test_run_records.py, test_run_table.py, test_promotion.py
)


def mistakes(rows: Rows) -> pytest.MarkDecorator:
    """Give a test each of the `rows`."""
    return pytest.mark.parametrize(("command", "line"), [_param(*row) for row in rows])


def _param(command: str, line: str) -> Any:
    """Have a row go the whole way each time; of those that other tests cover by a call, one in so many.

    Which ones their own text decides, so that a new row makes no other one slow.
    """
    one_in = max([12 if ": expected " in line else 1, *(many for start, many in COVERED if command.startswith(start))])
    is_slow = zlib.crc32(command.encode()) % one_in
    return pytest.param(command, line, id=command, marks=[pytest.mark.slow] if is_slow else [])


def assert_ends_in_one_line(command: str, line: str, folder: Path, prepared: Path) -> None:
    """Run the command in `folder`, whose files are links to those of `prepared`."""
    script, *arguments = shlex.split(command)
    if written := re.search(r"(?:resume|final_model|run\.dir)=((res|runs)/\w+)", command):
        (folder / written[2]).unlink()
        shutil.copytree(prepared / written[1], folder / written[1])
    arguments = [argument.replace("$PWD", str(folder)).replace("$LONG", "n" * 300) for argument in arguments]
    before = _state(prepared)
    done = run_script(script, *arguments, cwd=folder, timeout=30)
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stderr.startswith("error: ")
    assert line in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert "Traceback" not in done.stderr + done.stdout
    assert "\nepoch 1/" not in done.stdout, "it trained before it said so"
    assert _state(prepared) == before
    assert not (folder / "it_ran").exists()


def _state(folder: Path) -> dict[str, tuple[int, int]]:
    """Size and time of every file below `folder`, and below the run that it has a link to."""
    walked = [*os.walk(folder), *os.walk(folder / "run")]
    files = [f"{parent}{os.sep}{name}" for parent, _, names in walked for name in names]
    return {path: (found.st_size, found.st_mtime_ns) for path in files for found in [os.stat(path)]}
