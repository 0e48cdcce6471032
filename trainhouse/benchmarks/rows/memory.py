"""How peak memory grows with the number of rows. The commands run in processes of their own, watched from outside."""

from pathlib import Path

from trainhouse.benchmarks.lab import Lab, train_command
from trainhouse.benchmarks.measuring import Samples, interleaved, row
from trainhouse.benchmarks.processes import ROOT, Peak, peak_memory, python

COLUMNS = 20
LEAST = 0.1  # MiB: growth below it, or none, counts as this
MOST_REPEATS = 2  # memory hardly varies
_OF_LOADING = "of what numpy.load grows by"
_LOAD = "import sys, numpy; numpy.load(sys.argv[1]).sum()"

Measured = tuple[list[list[Peak]], list[list[Peak]]]


@row("MiB", _OF_LOADING)
def memory_infer(lab: Lab) -> Samples:
    """Growth in MiB of the peak resident memory of `infer.py` (.npy to .npy) from 10^5 to 10^7 rows of 20 float32
    (to 10^6 with --quick). It includes the pages of the memory-mapped file that are cached just then. Yardstick: the
    growth of a process that reads the same files with numpy.load.
    """
    return _growth(_inferring(lab), "resident")


@row("MiB", _OF_LOADING)
def memory_infer_own(lab: Lab) -> Samples:
    """As `memory_infer`, but of memory that is the process's own: without the pages of mapped files, which the system
    takes back when it needs them. Sampled every 5 ms.
    """
    return _growth(_inferring(lab), "own")


@row("MiB", _OF_LOADING)
def memory_train(lab: Lab) -> Samples:
    """Growth in MiB of the peak resident memory of `train.py` for one epoch when its memory-mapped images grow tenfold,
    from 40,000 to 400,000 of 784 bytes; pages of the file that are cached just then included. Yardstick: the growth
    of a process that reads the same files with numpy.load.
    """
    return _growth(_training(lab), "resident")


@row("MiB", _OF_LOADING)
def memory_train_own(lab: Lab) -> Samples:
    """As `memory_train`, but of memory that is the process's own: without the pages of mapped files. Labels, and the
    row numbers of the splits, are in it: 16 bytes a row.
    """
    return _growth(_training(lab), "own")


def _inferring(lab: Lab) -> Measured:
    def infer(rows: Path) -> list[str]:
        output = lab.folder / "predictions_memory.npy"
        return python(ROOT / "infer.py", f"input={rows}", f"output={output}", f"ckpt_path={lab.trained()}")

    sizes = [10**5, 10**6] if lab.quick else [10**5, 10**6, 10**7]
    tables = [lab.table(size, COLUMNS) for size in sizes]
    return lab.once("memory_infer", lambda: _measure(lab, [infer(table) for table in tables], tables))


def _training(lab: Lab) -> Measured:
    least = lab.size(full=40_000, quick=4_000)
    data = [lab.images(least), lab.images(10 * least)]
    files = [Path(words[1].partition("=")[2]) for words in data]

    def train(words: list[str]) -> list[str]:
        return train_command(lab.new_folder(), *words, "data.batch_size=1024", "trainer.max_epochs=1")

    return lab.once("memory_train", lambda: _measure(lab, [train(words) for words in data], files))


def _measure(lab: Lab, commands: list[list[str]], files: list[Path]) -> Measured:
    """Return each repeat's peaks, one per size: those of the commands, and those of loading their files."""

    def ours() -> list[Peak]:
        return [peak_memory(_fresh(lab, command), lab.folder) for command in commands]

    def yardstick() -> list[Peak]:
        return [peak_memory(python("-c", _LOAD, file), lab.folder) for file in files]

    return interleaved(min(lab.repeats, MOST_REPEATS), ours, yardstick, warm_ups=0)


def _fresh(lab: Lab, command: list[str]) -> list[str]:
    """Give a command that writes into a run folder a new one."""
    return [f"hydra.run.dir={lab.new_folder()}" if word.startswith("hydra.run.dir=") else word for word in command]


def _growth(measured: Measured, which: str) -> Samples:
    ours, yardstick = ([[getattr(peak, which) for peak in peaks] for peaks in repeats] for repeats in measured)
    peaks = ", ".join(f"{value:,.0f}" for value in ours[0])
    return Samples(
        [max(LEAST, values[-1] - values[0]) for values in ours],
        [max(LEAST, values[-1] - values[0]) for values in yardstick],
        f"peaks {peaks} MiB",
    )
