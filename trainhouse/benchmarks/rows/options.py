"""What can be switched on to train faster, each against the same run without it."""

from trainhouse.benchmarks.lab import Lab, perceptron, train_command
from trainhouse.benchmarks.measuring import Samples, interleaved, row
from trainhouse.benchmarks.processes import in_terminal
from trainhouse.benchmarks.rows.training import speed_of

_OF_DEFAULT = "of the speed without it"


@row("steps/s", _OF_DEFAULT, higher_is_better=True)
def compile_perceptron(lab: Lab) -> Samples:
    """Steps per second with `compile=true`, without the first epoch, in which it is compiled. Yardstick: without it."""
    return _against_the_default(lab, perceptron(lab), "compile=true")


@row("steps/s", _OF_DEFAULT, higher_is_better=True)
def compile_cnn(lab: Lab) -> Samples:
    """As `compile_perceptron`, for the CNN of `train_cnn`."""
    return _against_the_default(lab, _cnn(lab), "compile=true")


@row("steps/s", _OF_DEFAULT, higher_is_better=True)
def bf16_cnn(lab: Lab) -> Samples:
    """Steps per second of the CNN with `trainer.precision=bf16-mixed`. Yardstick: the same run without it."""
    return _against_the_default(lab, _cnn(lab), "trainer.precision=bf16-mixed")


@row("steps/s", _OF_DEFAULT, higher_is_better=True)
def fused_perceptron(lab: Lab) -> Samples:
    """Steps per second of `train_perceptron`, with its fused optimizer. Yardstick: `optimizer.fused=false`."""
    return _compared(lab, perceptron(lab), [], ["optimizer.fused=false"])


def _cnn(lab: Lab) -> list[str]:
    return [*lab.images(lab.size(full=8_000, quick=1_000)), "model=cnn", "data.batch_size=128"]


def _against_the_default(lab: Lab, overrides: list[str], option: str) -> Samples:
    return _compared(lab, overrides, [option], [])


def _compared(lab: Lab, overrides: list[str], ours: list[str], yardstick: list[str]) -> Samples:
    epochs = lab.size(full=4, quick=2)

    def speed(*options: str) -> float:
        folder = lab.new_folder()
        in_terminal(train_command(folder, *overrides, *options, f"trainer.max_epochs={epochs}"), lab.folder)
        return speed_of(folder).training

    repeats = min(lab.repeats, 2)
    return Samples(*interleaved(repeats, lambda: speed(*ours), lambda: speed(*yardstick), warm_ups=0))
