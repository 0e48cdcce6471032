"""The names of logged values: whatever a module calls them, their split and what they measure are found."""

import pytest

from trainhouse.reports.names import measure_of, of_split, split_of


@pytest.mark.parametrize(
    ("name", "split", "measure"),
    [
        ("val/loss", "val", "loss"),
        ("val_loss", "val", "loss"),
        ("val.loss", "val", "loss"),
        ("val-loss", "val", "loss"),
        ("valid_loss", "val", "loss"),
        ("validation/acc/top5", "val", "acc/top5"),
        ("train_loss_step", "train", "loss_step"),
        ("test/f1", "test", "f1"),
        ("loss", None, "loss"),
        ("training/loss", None, "training/loss"),
        ("value_loss", None, "value_loss"),
        ("trainable", None, "trainable"),
        ("loss_val", None, "loss_val"),
        ("val/", None, "val/"),
        ("", None, ""),
    ],
)
def test_a_name_says_its_split_and_what_it_measures(name: str, split: str | None, measure: str) -> None:
    assert (split_of(name), measure_of(name)) == (split, measure)


def test_the_values_of_a_split_are_named_by_what_they_measure() -> None:
    logged = {"train/loss": 0.5, "val_loss": 0.4, "valid/acc": 0.9, "lr": 0.1}
    assert of_split(logged, "val") == {"loss": 0.4, "acc": 0.9}
    assert of_split(logged, "test") == {}
    assert of_split({"all/loss": 0.4, "all/rmse_all": 2.0, "test/loss": 1.0}, "all") == {"loss": 0.4, "rmse_all": 2.0}
