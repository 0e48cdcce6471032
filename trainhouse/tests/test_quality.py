"""What the comparison of models says of scores; none is trained for it, and scikit-learn is not needed."""

import numpy as np

from trainhouse.benchmarks.quality.verdict import Compared, table


def test_a_comparison_is_paired_by_splits_and_marks_what_is_worse_beyond_noise() -> None:
    others = {"linear": np.array([0.80, 0.90, 0.85]), "mlp": np.array([0.70, 0.70, 0.70])}

    def compared(ours: list[float]) -> Compared:
        scores = np.array(ours)
        return Compared("x", "accuracy", 100, scores, others, ["linear", "mlp"], scores * 0, scores * 0, 1.0)

    assert compared([0.81, 0.89, 0.86]).best == "linear"
    assert not compared([0.81, 0.89, 0.86]).is_worse  # its own deviation is far larger than the difference's
    assert compared([0.76, 0.86, 0.82]).is_worse
    assert table([compared([0.76, 0.86, 0.82])]).split("\n\n")[0].endswith("worse")
    assert Compared(
        "x", "R2", 9, *(others["mlp"], others, ["mlp"], others["mlp"], others["mlp"] - 0.3, 1.0)
    ).learns_from_noise
