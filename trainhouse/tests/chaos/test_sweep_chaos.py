"""A search that is killed again and again, whole or a worker of joblib's alone, is finished by the same command.

CHAOS_SECONDS=600 CHAOS_SEED=5 python -m pytest -n 0 -s -m slow trainhouse/tests/chaos
"""

import csv
import importlib.util
import os
import random
import shutil
import signal
import time
from contextlib import suppress
from pathlib import Path

import pytest

from trainhouse.checkpoints.checkpoint import load_checkpoint
from trainhouse.tests.chaos.test_chaos import SECONDS, assert_whole, say
from trainhouse.tests.started import Started

TRIALS, EPOCHS = 4, 6
SEARCH = [
    "-m",
    "sweep=optuna",
    "hydra/sweeper/sampler=random",
    "hydra/sweeper/pruner=none",
    f"hydra.sweeper.n_trials={TRIALS}",
    "optimizer.lr=tag(log,interval(1e-3,1e-1))",
    "optimizer.weight_decay=0",
    "data.batch_size=16",
    "hydra.sweep.dir=sweep",
    "trainer=cpu",
    f"trainer.max_epochs={EPOCHS}",
    "data.rows=400",
    "model.hidden_sizes=[16]",
    "logger=none",
    "callbacks.early_stopping=null",
    "callbacks.last_checkpoint.every_n_train_steps=5",
]


def children(pid: int) -> list[int]:
    """Return the processes that a process has started, and those that they have."""
    found: list[int] = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            found += [int(child) for child in path.read_text().split()]
    return [*found, *(inner for child in found for inner in children(child))]


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="asks Linux for a process's children")
@pytest.mark.parametrize("launcher", ["basic", "joblib"])
def test_a_search_killed_at_random_moments_is_finished_by_the_same_command(
    launcher: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    if launcher == "joblib" and not importlib.util.find_spec("hydra_plugins.hydra_joblib_launcher"):
        pytest.skip("an extra")
    seed = int(os.environ.get("CHAOS_SEED", time.time_ns() % 10**6))
    say(capfd, f"CHAOS_SEED={seed}")
    chance, kills = random.Random(seed), 0
    end = time.monotonic() + SECONDS / 2
    while True:
        with Started("train.py", *SEARCH, f"launcher={launcher}", cwd=tmp_path, fresh=launcher == "joblib") as process:
            until = time.monotonic() + chance.uniform(0, 12 if launcher == "joblib" else 5)
            while not process.ended and time.monotonic() < min(until, end + 60):
                time.sleep(0.01)
            is_left_alone = time.monotonic() > end
            if not process.ended and not is_left_alone:
                workers = children(process.process) if launcher == "joblib" else []
                if workers and chance.random() < 0.5:  # the sweep itself says what is missing then
                    with suppress(ProcessLookupError):
                        os.kill(chance.choice(workers), signal.SIGKILL)
                else:
                    process.send(signal.SIGKILL, to_group=True)
                kills += 1
            status = process.status()
        for path in tmp_path.glob("sweep/[0-9]*/config.yaml"):
            assert_whole(path.parent)
        if status == 0 and finished(tmp_path / "sweep") == TRIALS:
            if kills:
                break
            shutil.rmtree(tmp_path / "sweep")  # it was quicker than the first kill
        assert time.monotonic() < end + 240, process.stdout + process.stderr
    say(capfd, f"{launcher}: kills survived: {kills}")
    with open(tmp_path / "sweep" / "results.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["state"] for row in rows if row["state"] != "FAIL"] == ["COMPLETE"] * TRIALS
    for path in tmp_path.glob("sweep/[0-9]*/checkpoints/last.ckpt"):
        assert load_checkpoint(path).epoch == EPOCHS


def finished(sweep: Path) -> int:
    if not (sweep / "results.csv").exists():
        return 0
    with open(sweep / "results.csv", newline="") as file:
        return sum(row["state"] == "COMPLETE" for row in csv.DictReader(file))
