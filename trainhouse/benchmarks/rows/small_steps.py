"""Small steps, in which what surrounds a step counts: against the best loop, and the threads that a run chooses."""

from trainhouse.benchmarks.lab import Lab, train_command
from trainhouse.benchmarks.measuring import Samples, interleaved, row, timed
from trainhouse.benchmarks.processes import in_terminal, side_by_side
from trainhouse.benchmarks.rows.training import bare_speed, speed_of
from trainhouse.machine.cores import available_cores

# Hidden layers of a perceptron on images of 784 values: 3, 17 and 137 million operations in a forward pass of 128 rows.
_SMALL, _MIDDLE, _LARGE = [16], [64, 128, 64], [512, 256]


@row("steps/s", "of the best bare loop's speed", higher_is_better=True)
def best_loop_small(lab: Lab) -> Samples:
    """As `train_perceptron`, for hidden layers [16] without dropout, by the median epoch. Yardstick: the loop at its
    best: rows in memory, standardised beforehand, with one thread or all, whichever is faster, by its median epoch.
    """
    return _against_the_best(lab, _SMALL)


@row("steps/s", "of the best bare loop's speed", higher_is_better=True)
def best_loop_middle(lab: Lab) -> Samples:
    """As `best_loop_small`, for hidden layers [64, 128, 64]."""
    return _against_the_best(lab, _MIDDLE)


@row("steps/s", "of the best bare loop's speed", higher_is_better=True)
def best_loop_large(lab: Lab) -> Samples:
    """As `best_loop_small`, for hidden layers [512, 256]."""
    return _against_the_best(lab, _LARGE)


@row("steps/s", "of the speed with the better number", higher_is_better=True)
def threads_alone(lab: Lab) -> Samples:
    """Steps per second of `best_loop_middle` with the threads that the run chooses. Yardstick: with one thread or with
    all, whichever is faster.
    """
    counts = sorted({1, available_cores()})
    ours, yardstick = interleaved(
        lab.repeats,
        lambda: _speed(lab, _MIDDLE),
        lambda: max(_speed(lab, _MIDDLE, f"threads={count}") for count in counts),
        warm_ups=0,
    )
    return Samples(ours, yardstick)


@row("s", "of the speed with one thread each")
def threads_in_pairs(lab: Lab) -> Samples:
    """Seconds until two runs of `best_loop_middle` that are started together have both ended, with the threads that
    they choose. Yardstick: the same with one thread each.
    """

    def start(*options: str) -> None:
        commands = [train_command(lab.new_folder(), *_perceptron(lab, _MIDDLE), *options) for _ in range(2)]
        side_by_side(commands, lab.folder)

    return timed(lab.repeats, start, lambda: start("threads=1"))


def _perceptron(lab: Lab, hidden: list[int]) -> list[str]:
    images = lab.images(lab.size(full=24_000, quick=2_000))
    sizes = f"model.hidden_sizes=[{','.join(map(str, hidden))}]"
    epochs = f"trainer.max_epochs={_epochs(lab)}"
    return [*images, "model=simple_net", sizes, "model.dropout=0", "data.batch_size=128", epochs]


def _epochs(lab: Lab) -> int:
    return lab.size(full=12, quick=2)


def _speed(lab: Lab, hidden: list[int], *options: str) -> float:
    folder = lab.new_folder()
    in_terminal(train_command(folder, *_perceptron(lab, hidden), *options), lab.folder)
    return speed_of(folder).median


def _against_the_best(lab: Lab, hidden: list[int]) -> Samples:
    described = lab.trained(*_perceptron(lab, hidden))
    return Samples(
        *interleaved(
            lab.repeats,
            lambda: _speed(lab, hidden),
            lambda: bare_speed(lab, described, _epochs(lab), "best"),
            warm_ups=0,
        )
    )
