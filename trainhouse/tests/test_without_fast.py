"""Whoever deletes trainhouse/fast loses speed, and nothing else."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from trainhouse.tests.common import ROOT, read_history
from trainhouse.tests.test_golden import GOLDEN

# As where no other copy is installed with `pip install -e`: that one would be found in place of the folder.
START = """
import runpy, sys
sys.meta_path[:] = [one for one in sys.meta_path if not getattr(one, "__module__", "").startswith("__editable__")]
sys.path.insert(0, "")
runpy.run_path("train.py", run_name="__main__")
assert not [name for name in sys.modules if name.startswith("trainhouse.fast")]
"""


def test_without_the_fast_room_a_run_has_the_same_losses(tmp_path: Path) -> None:
    leave_out = shutil.ignore_patterns("fast", "tests", "benchmarks", "__pycache__")
    for name in ("src", "conf", "hydra_plugins", "trainhouse"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=leave_out)
    shutil.copy(ROOT / "train.py", tmp_path)
    options = ["trainer=cpu", "trainer.max_epochs=2", "logger=none", "hydra.run.dir=run"]
    done = subprocess.run(
        [sys.executable, "-c", START, *options], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    rows = read_history(tmp_path / "run/logs/metrics.csv")
    found = [row[name] for row in rows for name in ("train/loss", "val/loss")]
    assert found == pytest.approx(GOLDEN["fake", "simple_net"], rel=1e-5)
