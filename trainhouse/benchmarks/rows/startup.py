"""How long a command takes before it does what it is for, or says that it won't."""

import sys
import time
from pathlib import Path

from trainhouse.benchmarks.lab import Lab, train_command
from trainhouse.benchmarks.measuring import Samples, interleaved, row, seconds_of, timed
from trainhouse.benchmarks.processes import ROOT, output_of, python

EMPTY_APP = """
import hydra


@hydra.main(version_base="1.3", config_path=None)
def main(config):
    pass


main()
"""
_OF_EMPTY = "of an empty Hydra app's speed"


@row("s", "of the speed of `import torch, lightning`")
def first_step(lab: Lab) -> Samples:
    """Seconds from starting `python train.py` to the beginning of its first training step, all defaults, the preflight
    included. The command runs in trainhouse/benchmarks/started/first_step.py, which ends it there. Yardstick: the
    seconds that `python -c "import torch, lightning"` takes.
    """

    def ours() -> float:
        file = lab.folder / "first_step.txt"
        file.unlink(missing_ok=True)
        command = python("-m", "trainhouse.benchmarks.started.first_step", file, f"hydra.run.dir={lab.new_folder()}")
        started = time.time()
        output_of(command, lab.folder)
        return float(file.read_text()) - started

    def yardstick() -> float:
        return seconds_of(lambda: output_of(python("-c", "import torch, lightning"), lab.folder))

    return _with_difference(Samples(*interleaved(lab.repeats, ours, yardstick)))


@row("s", "of plain Lightning's speed")
def one_step(lab: Lab) -> Samples:
    """Seconds of `python train.py trainer.max_epochs=1 trainer.limit_train_batches=1`, from the start of the process to
    its end: preflight, one step, validation, checkpoints, the test, the report. Yardstick:
    trainhouse/benchmarks/started/plain_lightning.py, a program of Lightning's own classes that does the same, as far as
    Lightning does it.
    """
    plain = python("-m", "trainhouse.benchmarks.started.plain_lightning", lab.folder / "plain")

    def ours() -> None:
        command = train_command(lab.new_folder(), "trainer.max_epochs=1", "trainer.limit_train_batches=1")
        output_of(command, lab.folder)

    return _with_difference(timed(lab.repeats, ours, lambda: output_of(plain, lab.folder)))


@row("s", _OF_EMPTY)
def help(lab: Lab) -> Samples:  # noqa: A001  # the row's name is the command's
    """Seconds of `python train.py --help`. Yardstick: the same of a Hydra app with an empty configuration."""
    return _against_empty_app(lab, ["--help"])


@row("s", _OF_EMPTY)
def cfg_job(lab: Lab) -> Samples:
    """Seconds of `python train.py --cfg job`. Yardstick: the same of a Hydra app with an empty configuration."""
    return _against_empty_app(lab, ["--cfg", "job"])


@row("s", _OF_EMPTY)
def config_error(lab: Lab) -> Samples:
    """Seconds until `python train.py trainer.max_epoch=3` has refused the key. Yardstick: the same of a Hydra app with
    an empty configuration.
    """
    return _against_empty_app(lab, ["trainer.max_epoch=3"], expected_status=1)


@row("s", _OF_EMPTY)
def tab_completion(lab: Lab) -> Samples:
    """Seconds until the shell knows how `python train.py model=cnn trainer.max` can go on. Yardstick: the same of a
    Hydra app with an empty configuration.
    """
    return _against_empty_app(lab, ["-sc", "query=bash"], COMP_LINE="python train.py model=cnn trainer.max")


def _against_empty_app(lab: Lab, arguments: list[str], expected_status: int = 0, **variables: str) -> Samples:
    empty = lab.folder / "empty_app.py"
    empty.write_text(EMPTY_APP)

    def start(script: Path) -> None:
        output_of([sys.executable, str(script), *arguments], lab.folder, expected_status, **variables)

    return _with_difference(timed(lab.repeats, lambda: start(ROOT / "train.py"), lambda: start(empty)))


def _with_difference(samples: Samples) -> Samples:
    return Samples(samples.ours, samples.yardstick, f"{samples.beyond:+.2f} s beyond it")
