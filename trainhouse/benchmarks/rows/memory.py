"""How peak memory grows with the number of rows. The commands run in processes of their own, watched from outside."""

from collections.abc import Callable
from pathlib import Path

from trainhouse.benchmarks.lab import Lab, train_command
from trainhouse.benchmarks.measuring import Samples, interleaved, row
from trainhouse.benchmarks.processes import ROOT, peak_memory, python

COLUMNS = 20
LEAST = 0.1  # MiB: growth below it, or none, counts as this
MOST_REPEATS = 2  # memory hardly varies
_OF_LOADING = "of what numpy.load grows by"
_LOAD = "import sys, numpy; numpy.load(sys.argv[1]).sum()"


@row("MiB", _OF_LOADING)
def memory_infer(lab: Lab) -> Samples:
    """Growth in MiB of the peak memory of `infer.py` (.npy to .npy) from 10^5 to 10^7 rows of 20 float32 (to 10^6 with
    --quick), without the pages of mapped files, which the system takes back when it needs them. Sampled every 5 ms.
    Yardstick: the growth of a process that reads the same files with numpy.load.
    """

    def infer(rows: Path) -> list[str]:
        output = lab.new_folder().with_suffix(".npy")
        return python(ROOT / "infer.py", f"input={rows}", f"output={output}", f"ckpt_path={lab.trained()}")

    sizes = [10**5, 10**6] if lab.quick else [10**5, 10**6, 10**7]
    return growth(lab, infer, [lab.table(size, COLUMNS) for size in sizes], _LOAD)


@row("MiB", _OF_LOADING)
def memory_train(lab: Lab) -> Samples:
    """As `memory_infer`, of `train.py` for one epoch when its memory-mapped images grow tenfold, from 40,000 to 400,000
    of 784 bytes. Labels, and the row numbers of the splits, are in it: 16 bytes a row.
    """
    least = lab.size(full=40_000, quick=4_000)
    data = {_file(words): words for words in (lab.images(least), lab.images(10 * least))}

    def train(file: Path) -> list[str]:
        return train_command(lab.new_folder(), *data[file], "data.batch_size=1024", "trainer.max_epochs=1")

    return growth(lab, train, list(data), _LOAD)


def _file(words: list[str]) -> Path:
    return Path(words[1].partition("=")[2])


def growth(lab: Lab, command_for: Callable[[Path], list[str]], files: list[Path], yardstick_script: str) -> Samples:
    """Return by how much more memory the last of the files takes than the first; the script is given one of them."""

    def ours() -> list[float]:
        return [peak_memory(command_for(file), lab.folder) for file in files]

    def yardstick() -> list[float]:
        return [peak_memory(python("-c", yardstick_script, file), lab.folder) for file in files]

    measured = interleaved(min(lab.repeats, MOST_REPEATS), ours, yardstick, warm_ups=0)
    of_ours, of_yardstick = ([max(LEAST, peaks[-1] - peaks[0]) for peaks in repeats] for repeats in measured)
    peaks = ", ".join(f"{value:,.0f}" for value in measured[0][0])
    return Samples(of_ours, of_yardstick, f"peaks {peaks} MiB")
