"""Two runs on one machine: do their threads get in each other's way?"""

from trainhouse.benchmarks.lab import Lab, perceptron, train_command
from trainhouse.benchmarks.measuring import Samples, row, timed
from trainhouse.benchmarks.processes import side_by_side


@row("s", "of one run's speed")
def two_at_once(lab: Lab) -> Samples:
    """Seconds until two `train.py` of the perceptron that are started together have both ended, for three epochs, with
    the default number of threads. Yardstick: one alone. A ratio of 0.5 is fair sharing: no faster and no slower than
    one after the other.
    """
    overrides = [*perceptron(lab), f"trainer.max_epochs={lab.size(full=3, quick=1)}"]

    def start(count: int) -> None:
        side_by_side([train_command(lab.new_folder(), *overrides) for _ in range(count)], lab.folder)

    samples = timed(lab.repeats, lambda: start(2), lambda: start(1))
    return Samples(samples.ours, samples.yardstick, f"{1 / samples.ratio(False):.2f} times as long")
