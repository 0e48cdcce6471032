"""Runs a sweep in one process.

    python -m trainhouse.benchmarks.started.sweeping <file> <jobs> alone|twice <arguments of train.py>

A small sweep of two jobs goes before, so that everything is imported. With `twice`, each training is run once more
right after its job, by itself and outside of Hydra. Writes as JSON: the seconds of the sweep without those, their
seconds in all, and the resident MiB after each job.
"""

import json
import re
import runpy
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from hydra.core.hydra_config import HydraConfig

from trainhouse.benchmarks.processes import ROOT
from trainhouse.configuration.settings import Train
from trainhouse.training import train as training
from trainhouse.training.training_result import TrainingResult


def main(file: Path, jobs: int, twice: bool, arguments: list[str]) -> None:
    """Run the sweep of `arguments`, which has `jobs` jobs, into a folder beside `file`."""
    alone: list[float] = []
    memory: list[float] = []
    train = training.train

    def train_and_look(
        settings: Train, folder: Path, resume_from: Path | None = None, said_first: Sequence[str] = ()
    ) -> TrainingResult:
        result = train(settings, folder, resume_from, said_first)
        memory.append(_resident())
        if twice:
            started = time.perf_counter()
            outside, HydraConfig.instance().cfg = HydraConfig.instance().cfg, None
            train(settings, file.parent / "alone" / folder.name)
            HydraConfig.instance().cfg = outside
            alone.append(time.perf_counter() - started)
        return result

    training.train = train_and_look
    _sweep(file.parent / "warm_up", 2, arguments)
    shutil.rmtree(file.parent / "alone", ignore_errors=True)
    alone.clear()
    memory.clear()
    started = time.perf_counter()
    _sweep(file.parent / "sweep", jobs, arguments)
    seconds = time.perf_counter() - started - sum(alone)
    assert len(memory) == jobs, f"{len(memory)} of {jobs} jobs were run to their end"
    file.write_text(json.dumps({"sweep": seconds, "alone": sum(alone), "memory": memory}))


def _sweep(folder: Path, jobs: int, arguments: list[str]) -> None:
    """Run a search, or a grid over seeds."""
    size = f"hydra.sweeper.n_trials={jobs}" if "sweep=optuna" in arguments else f"seed=range({jobs})"
    sys.argv = [str(ROOT / "train.py"), "-m", *arguments, size, f"hydra.sweep.dir={folder}"]
    runpy.run_path(sys.argv[0], run_name="__main__")


def _resident() -> float:
    status = Path("/proc/self/status")
    found = re.search(r"^VmRSS:\s+(\d+) kB", status.read_text(), re.MULTILINE) if status.exists() else None
    return int(found[1]) / 1024 if found else 0.0


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "twice", sys.argv[4:])
