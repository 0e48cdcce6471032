"""What a sweep adds to its trainings, whether it keeps what it should let go of, and whether it uses the cores."""

import json
from importlib.util import find_spec
from typing import Any

from trainhouse.benchmarks.lab import Lab
from trainhouse.benchmarks.measuring import Samples, interleaved, row, seconds_of
from trainhouse.benchmarks.processes import ROOT, SkippedError, output_of, python

# One thread: what is measured is not the training. Two epochs are too few to be pruned.
SHORT = ("threads=1", "trainer.max_epochs=2")
MOST_REPEATS = 2  # of what takes minutes
_OF_ALONE = "of the speed of the trainings alone"


@row("s", _OF_ALONE)
def sweep_search(lab: Lab) -> Samples:
    """Seconds per trial of a search (`-m sweep=optuna`) of 50 trials of two epochs, with what is written at its end;
    imports left out. Yardstick: the same trainings by `trainhouse.training.train.train` in the same process, outside
    of Hydra, each right after its trial.
    """
    return _beside_its_trainings(lab, "sweep=optuna")


@row("s", _OF_ALONE)
def sweep_grid(lab: Lab) -> Samples:
    """As `sweep_search`, but a grid over 50 seeds."""
    return _beside_its_trainings(lab)


@row("MiB", "of being as small as it was by then")
def sweep_memory(lab: Lab) -> Samples:
    """The most resident memory after any of the last 20 of 200 trials of a search in one process (of 60 with --quick).
    Yardstick: the same of the 20 trials up to the 50th (the 20th). A ratio of 1 is a process that keeps nothing of its
    trials; the most of 20, because what a trial leaves is collected a few trials later.
    """
    jobs, early = lab.size(full=200, quick=60), lab.size(full=50, quick=20)
    memory = _run(lab, jobs, "alone", "sweep=optuna", "threads=1", "trainer.max_epochs=1")["memory"]
    if not memory[0]:
        raise SkippedError("skipped: needs /proc, which only Linux has")
    late, before = max(memory[-20:]), max(memory[early - 20 : early])
    return Samples([late], [before], f"{late - before:+.1f} MiB from it")


@row("s", "of the basic launcher's speed")
def sweep_parallel(lab: Lab) -> Samples:
    """Seconds of `python train.py -m experiment=digits_simple_net seed=range(8) launcher=joblib` with two workers,
    their start-up and all imports included. Yardstick: the same with the basic launcher, which may use all cores for
    each training: what a training uses of the second core is not there to be gained.
    """
    if not all(map(find_spec, ("joblib", "hydra_plugins.hydra_joblib_launcher"))):
        raise SkippedError("skipped: needs pip install -e '.[parallel]'")
    training = ["experiment=digits_simple_net", f"data.file={ROOT}/data/raw/digits.csv.gz"]
    training += [f"trainer.max_epochs={lab.size(full=100, quick=1)}", f"seed=range({lab.size(full=8, quick=2)})"]

    def sweep(*launcher: str) -> float:
        command = python(ROOT / "train.py", "-m", *training, *launcher, f"hydra.sweep.dir={lab.new_folder()}")
        return seconds_of(lambda: output_of(command, lab.folder))

    return Samples(
        *interleaved(
            min(lab.repeats, MOST_REPEATS),
            lambda: sweep("launcher=joblib", "hydra.launcher.n_jobs=2"),
            lambda: sweep("launcher=basic"),
            warm_ups=0,
        )
    )


@row("epochs", "of the epochs without pruning")
def sweep_pruning(lab: Lab) -> Samples:
    """Epochs that a search of 40 trials on the digits trains for in all, of up to 30 each, and the best val/loss that
    it finds, with the default pruner. Yardstick: the same without. Both draw the same trials at random, so that nothing
    but the pruning differs; each repeat draws others. Early stopping is off.
    """
    training = ["data=digits", f"data.file={ROOT}/data/raw/digits.csv.gz", "callbacks.early_stopping=null", "threads=1"]
    training += [f"trainer.max_epochs={lab.size(full=30, quick=4)}"]
    training += [f"hydra.sweeper.n_trials={lab.size(full=40, quick=2)}"]
    best: dict[str, list[float]] = {"median": [], "none": []}

    def search(pruner: str) -> float:
        folder = lab.new_folder()
        options = [f"hydra/sweeper/pruner={pruner}", "hydra/sweeper/sampler=random"]
        options += [f"hydra.sweeper.sampler.seed={len(best[pruner])}"]
        command = ["-m", "sweep=optuna", *training, *options, f"hydra.sweep.dir={folder}"]
        output_of(python(ROOT / "train.py", *command), lab.folder)
        jobs = [json.loads(path.read_text()) for path in folder.glob("*/metrics.json")]
        best[pruner].append(min(job["metrics"]["val/loss"] for job in jobs if job["status"] == "completed"))
        return float(sum(job["epochs"] for job in jobs))

    found = interleaved(lab.repeats, lambda: search("median"), lambda: search("none"), warm_ups=0)
    pairs = zip(best["median"], best["none"], strict=True)
    return Samples(*found, "best val/loss " + ", ".join(f"{ours:.4f} against {other:.4f}" for ours, other in pairs))


def _beside_its_trainings(lab: Lab, *sweep: str) -> Samples:
    jobs = lab.size(full=50, quick=10)
    measured = [_run(lab, jobs, "twice", *sweep, *SHORT) for _ in range(min(lab.repeats, MOST_REPEATS))]
    ours, yardstick = ([one[name] / jobs for one in measured] for name in ("sweep", "alone"))
    samples = Samples(ours, yardstick)
    return Samples(ours, yardstick, f"{samples.beyond:+.2f} s a trial beyond it")


def _run(lab: Lab, jobs: int, how: str, *arguments: str) -> dict[str, Any]:
    file = lab.new_folder() / "measured.json"
    file.parent.mkdir()
    output_of(python("-m", "trainhouse.benchmarks.started.sweeping", file, str(jobs), how, *arguments), lab.folder)
    return dict(json.loads(file.read_text()))
