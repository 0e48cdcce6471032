"""Figures: each can be drawn and saved, also from awkward numbers."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from trainhouse.reports.run_figures import confusion_matrix, loss_curve, predicted_against_true, save

pytestmark = pytest.mark.usefixtures("drawn")


def epoch(number: int, **values: float) -> dict[str, float]:
    return {"epoch": number, "lr": 0.1, **{name.replace("_", "/"): value for name, value in values.items()}}


HISTORY = [epoch(1, train_loss=2, val_loss=3, train_acc=0.1, val_acc=0.2), epoch(2, train_loss=1, val_loss=2)]
HISTORIES = {
    "both splits": (HISTORY, 2),
    "one epoch": (HISTORY[:1], 1),
    "no validation": ([epoch(1, train_loss=1)], None),
    "validation every other epoch": ([epoch(1, train_loss=2), epoch(2, train_loss=1, val_loss=1)], 2),
    "not a number": ([epoch(1, train_loss=float("nan"), val_loss=float("inf"))], None),
}
COUNTS = {
    "plain": [[3, 1], [0, 2]],
    "a class without rows": [[3, 1, 0], [0, 0, 0], [1, 0, 2]],
    "one class": [[4]],
    "nothing at all": [[0, 0], [0, 0]],
    "too many for numbers": np.eye(25, dtype=int).tolist(),
    "too many for names": np.eye(60, dtype=int).tolist(),
}
POINTS = {"one target": (20, 1), "more targets than panels": (20, 6), "one row": (1, 2), "many rows": (6000, 1)}


def assert_saves(figure: Figure, folder: Path) -> None:
    save(figure, folder / "figures" / "a.png")
    data = (folder / "figures" / "a.png").read_bytes()
    assert data.startswith(b"\x89PNG")
    assert len(data) > 2000


@pytest.mark.parametrize(("history", "best"), HISTORIES.values(), ids=HISTORIES)
def test_a_loss_curve_is_saved(history: list[dict[str, float]], best: int | None, tmp_path: Path) -> None:
    assert_saves(loss_curve(history, best), tmp_path)


@pytest.mark.parametrize("counts", COUNTS.values(), ids=COUNTS)
def test_a_confusion_matrix_is_saved(counts: list[list[int]], tmp_path: Path) -> None:
    assert_saves(confusion_matrix(np.array(counts), [f"class {code}" for code in range(len(counts))]), tmp_path)


@pytest.mark.parametrize("shape", POINTS.values(), ids=POINTS)
def test_predictions_against_targets_are_saved(shape: tuple[int, int], tmp_path: Path) -> None:
    targets = np.random.RandomState(0).standard_normal(shape)
    names = [f"target {number}" for number in range(shape[1])]
    assert_saves(predicted_against_true(targets, targets + 0.1, names), tmp_path)


def test_the_loss_curve_shows_both_splits_and_the_best_epoch() -> None:
    loss, accuracy = loss_curve(HISTORY, best_epoch=2).axes
    assert [line.get_label() for line in loss.lines] == ["train", "val", "best: epoch 2"]
    assert loss.lines[1].get_xydata().tolist() == [[1, 3], [2, 2]]
    assert (loss.get_ylabel(), accuracy.get_ylabel()) == ("loss", "acc")


def panels(*names: str, monitor: str | None = None) -> list[str]:
    history = [{"epoch": 1, "lr": 0.1, "seconds": 2.0, **dict.fromkeys(names, 0.5)}]
    return [axes.get_ylabel() for axes in loss_curve(history, monitor=monitor).axes]


def test_a_loss_curve_takes_the_names_of_any_module() -> None:
    assert panels("train_loss", "valid_loss", "val_dice") == ["loss", "dice"]
    assert panels("val/dice", "train/generator_loss", "train/loss") == ["loss", "generator_loss", "dice"]
    assert panels("elbo_loss", "val/rmse", "val/mae", "val/r2") == ["elbo_loss", "r2"]
    (axes,) = loss_curve([{"epoch": 1, "valid_loss": 1.0, "train_loss": 2.0}]).axes
    assert [line.get_label() for line in axes.lines] == ["train", "val"]


def test_what_is_monitored_comes_right_after_the_losses_and_six_panels_are_enough() -> None:
    many = [f"val/{name}" for name in "abcdefgh"]
    assert panels("val/loss", *many, monitor="val/g") == ["loss", "g", "a", "b", "c", "d"]
    assert panels("train/loss", "train/reward", monitor="train/reward") == ["loss", "reward"]


def test_the_confusion_matrix_writes_its_counts_but_no_zeros() -> None:
    axes = confusion_matrix(np.array(COUNTS["plain"]), ["a", "b"]).axes[0]
    assert [text.get_text() for text in axes.texts] == ["3", "1", "2"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted", "true")


def test_at_most_five_thousand_points_of_four_targets_are_drawn() -> None:
    targets = np.zeros((6000, 6))
    axes = predicted_against_true(targets, targets, list("abcdef")).axes
    assert len(axes) == 4
    assert len(axes[0].collections[0].get_offsets()) == 5000
