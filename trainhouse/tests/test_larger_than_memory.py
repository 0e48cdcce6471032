"""Training and inference on a file three times larger than the memory that the process may take."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from trainhouse.tests.common import ROOT

LIMIT = 468 * 2**20  # of what a process holds for itself; torch and Lightning have taken 300 MiB when they are imported
SHAPE = (30_000, 49_152)
pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="only Linux counts so")]


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """Pixels that are zero, which takes no disk, but for the first one of each row."""
    x = np.lib.format.open_memmap(tmp_path / "x.npy", mode="w+", dtype=np.uint8, shape=SHAPE)
    y = np.arange(SHAPE[0], dtype=np.uint8) % 2
    x[:, 0] = y * 200
    np.save(tmp_path / "y.npy", y)
    assert x.nbytes > 3 * LIMIT
    return ["data=npy", "data.features=x.npy", "data.labels=y.npy"]


def limited(script: str, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a script with a limit on its heap and its private writable maps; a mapped file is in neither."""
    return subprocess.run(
        [sys.executable, str(ROOT / script), *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), "MALLOC_ARENA_MAX": "2"},
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_DATA, (LIMIT, LIMIT)),
    )


@pytest.mark.parametrize("shuffle", ["rows", "blocks"])
def test_training_and_inference_need_no_memory_that_grows_with_the_file(
    files: list[str], shuffle: str, tmp_path
) -> None:
    small = ["data.batch_size=16", f"data.shuffle={shuffle}", "data.block_rows=16", "data.window_blocks=8"]
    shown = ["model=linear", "trainer=cpu", "trainer.max_epochs=1", "logger=none", "hydra.run.dir=run", "threads=1"]
    done = limited("train.py", *files, *small, *shown, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    predicted = ["ckpt_path=run", "input=x.npy", "output=p.npy", "batch_size=16", "threads=1", "accelerator=cpu"]
    done = limited("infer.py", *predicted, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(np.load(tmp_path / "p.npy")) == SHAPE[0]


def test_the_same_rows_in_memory_do_not_fit(files: list[str], tmp_path: Path) -> None:
    """So the limit is one."""
    done = limited("train.py", *files, "data.in_memory=true", "hydra.run.dir=run", cwd=tmp_path)
    assert done.returncode == 1
    assert "out of memory" in done.stderr
