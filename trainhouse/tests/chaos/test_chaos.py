"""A run that is killed again and again, at moments that nobody chose, ends as one that was left alone.

    CHAOS_SECONDS=600 CHAOS_SEED=5 python -m pytest -n 0 -s -m slow trainhouse/tests/chaos

A repetition takes another kind of run each time; every fourth start is a process of its own, as a user's is.
"""

import csv
import itertools
import json
import os
import random
import signal
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from trainhouse.tests.common import run_script
from trainhouse.tests.logged import shown
from trainhouse.tests.started import Started
from trainhouse.tests.test_exact_resume import differing, outcome

SECONDS = float(os.environ.get("CHAOS_SECONDS", "60"))
RUN = [
    "trainer=cpu",
    "trainer.max_epochs=12",
    "data.rows=600",
    "data.batch_size=16",  # 30 batches an epoch
    "data.noise=2.0",
    "model.hidden_sizes=[32]",
    "model.dropout=0.5",
    "scheduler=cosine",
    "data.num_workers=2",
    "callbacks.last_checkpoint.every_n_train_steps=7",
    "callbacks.early_stopping=null",
    "logger=[csv,tensorboard]",
    "trainer.log_every_n_steps=3",
]
KINDS = {
    "plain": [],
    "plateau": ["scheduler=plateau", "scheduler.patience=0"],
    "accumulation": ["trainer.accumulate_grad_batches=2"],
    "two validations": ["trainer.val_check_interval=0.5"],
    "validations within accumulation": ["trainer.val_check_interval=0.5", "trainer.accumulate_grad_batches=4"],
    "no workers": ["data.num_workers=0"],
    "all": [
        "scheduler=plateau",
        "scheduler.patience=0",
        "trainer.accumulate_grad_batches=2",
        "trainer.val_check_interval=0.5",
        "data.num_workers=0",
    ],
}


class Chaos:
    """Starts and kills until a run has come to its end; counts."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.kills = self.runs = self.starts = self.begun = 0

    def run(self, options: list[str], folder: Path, longest: float) -> Path:
        """Return the run folder of a run that was killed within `longest` seconds of each start but the last."""
        while True:
            fresh = self.starts % 4 == 3
            self.starts += 1
            begun = [path.parent for path in folder.glob("outputs/*/*/config.yaml")]
            assert len(begun) <= 1, "a run that was resumed has begun another"
            arguments = [f"resume={begun[0].relative_to(folder)}"] if begun else options
            with Started("train.py", *arguments, cwd=folder, fresh=fresh) as process:
                if fresh:  # of the seconds that the imports take, no kill is asked
                    wait_for_text(process)
                end = time.monotonic() + self.random.uniform(0, longest)
                while not process.ended and time.monotonic() < end:
                    time.sleep(0.002)
                if not process.ended:
                    process.send(signal.SIGKILL, to_group=True)
                if process.status() != 128 + signal.SIGKILL:  # it was quicker
                    assert (process.status(), process.stderr) == (0, ""), process.stdout
                    self.runs += 1
                    return begun[0] if begun else next(folder.glob("outputs/*/*/config.yaml")).parent
            self.kills += 1
            self.begun += bool(begun)
            for path in folder.glob("outputs/*/*/config.yaml"):
                assert_whole(path.parent)


def wait_for_text(process: Started) -> None:
    while not process.ended and not process.stdout:
        time.sleep(0.005)


def assert_whole(folder: Path) -> None:
    """Every file that a reader may open can be read to its end."""
    for path in (folder / "checkpoints").glob("*.ckpt"):
        content: dict[str, Any] = torch.load(path, weights_only=True)
        assert {"state_dict", "optimizer_states", "callbacks", "project"} <= content.keys(), path
    if (folder / "metrics.json").exists():
        assert json.loads((folder / "metrics.json").read_text())["status"] in ("running", "completed")
    steps = folder / "logs" / "steps" / "metrics.csv"
    if steps.exists():  # of which the last line may be cut short
        lines = steps.read_text().splitlines()
        assert "step" in lines[0].split(",")
        assert all(line.count(",") == lines[0].count(",") for line in lines[:-1])
    if (folder / "logs" / "metrics.csv").exists():
        with open(folder / "logs" / "metrics.csv", newline="") as file:
            epochs = [int(row["epoch"]) for row in csv.DictReader(file, strict=True)]
        assert epochs == list(range(1, len(epochs) + 1))


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform has no process groups")
def test_a_run_killed_at_random_moments_ends_as_one_that_was_not(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    seed = int(os.environ.get("CHAOS_SEED", time.time_ns() % 10**6))
    say(capfd, f"CHAOS_SEED={seed}")
    chaos = Chaos(seed)
    wholes: dict[str, tuple[dict[str, Any], Any, float]] = {}
    end = time.monotonic() + SECONDS
    for number, kind in enumerate(itertools.cycle(chaos.random.sample(list(KINDS), len(KINDS)))):
        options = [*RUN, *KINDS[kind]]
        if kind not in wholes:
            wholes[kind] = undisturbed(options, tmp_path / f"whole_{kind.replace(' ', '_')}")
        whole, whole_logs, seconds = wholes[kind]
        folder = tmp_path / str(number)
        folder.mkdir()
        run = chaos.run(options, folder, longest=0.6 * seconds)
        assert differing(whole, outcome(run)) == [], f"{kind}, after {chaos.kills} kills"
        assert logged(run) == whole_logs, f"{kind}, after {chaos.kills} kills"
        assert list(run.rglob(".tmp-*")) == []
        assert (run / "figures" / "loss_curve.png").stat().st_size > 0
        if time.monotonic() > end:
            break
    say(capfd, f"kills survived: {chaos.kills}, runs: {chaos.runs}")
    assert chaos.begun > 0, "no kill came after training had begun; give it more CHAOS_SECONDS"


def logged(folder: Path) -> tuple[list[dict[str, str]], dict[str, Any]]:
    """Every row of the steps' table, and every point that TensorBoard shows."""
    with open(folder / "logs" / "steps" / "metrics.csv", newline="") as file:
        rows = list(csv.DictReader(file, strict=True))
    return rows, {tag: sorted(points) for tag, points in shown(folder).items()}


def undisturbed(options: list[str], folder: Path) -> tuple[dict[str, Any], Any, float]:
    """What a run comes to, what it has logged, and the seconds that it takes."""
    folder.mkdir()
    started = time.monotonic()
    done = run_script("train.py", *options, "hydra.run.dir=run", cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    seconds = time.monotonic() - started
    return outcome(folder / "run"), logged(folder / "run"), seconds


def say(capfd: pytest.CaptureFixture[str], line: str) -> None:
    with capfd.disabled():
        print(line, flush=True)
