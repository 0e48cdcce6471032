"""Lines that say what numbers alone would not."""

from optuna.distributions import CategoricalDistribution, FloatDistribution

from trainhouse.reports.metrics_text import metrics_line
from trainhouse.sweeps.space import shown_space
from trainhouse.training.last_notes import overfit_line


def test_overfitting_is_shown_by_the_training_rows_from_the_first_epoch_to_the_last() -> None:
    rows = [{"epoch": 1, "train/acc": 0.5, "train/loss": 0.7, "train_rows": 96, "val/loss": 1}] * 2
    rows = [*rows, {**rows[0], "train/acc": 1.0, "train/loss": 0.001}]
    said = "overfitting 3 batches for 3 epochs: train/loss 0.7000 -> 0.0010, train/acc 0.5000 -> 1.0000"
    assert overfit_line(rows, 3) == said
    assert overfit_line([{"epoch": 1, "val/loss": 1.0}], 3) is None


def test_an_f1_that_is_a_mean_says_so_beside_that_of_one_class() -> None:
    assert metrics_line({"test/f1": 0.5, "test/f1_yes": 0.7}, "test") == "f1 (mean) 0.5000  f1_yes 0.7000"
    assert metrics_line({"test/f1": 0.5, "test/acc": 0.7}, "test") == "f1 0.5000  acc 0.7000"


def test_a_search_says_what_it_draws_and_what_of_it_was_not_typed() -> None:
    space = {
        "optimizer.lr": FloatDistribution(1e-4, 1e-1, log=True),
        "data.batch_size": CategoricalDistribution(["32", "64"]),
    }
    said = shown_space(space, "python train.py -m optimizer.lr='tag(log,interval(1e-4,1e-1))'")
    assert said.startswith("optimizer.lr 0.0001 to 0.1 (log), data.batch_size 32|64; not typed")
    assert "conf/: data.batch_size (" in said
    assert "typed" not in shown_space({"seed": space["data.batch_size"]}, "python train.py -m seed=32,64")
