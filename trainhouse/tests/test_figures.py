"""Figures of a run: each can be drawn and saved, also from awkward numbers and names."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from trainhouse.figures.about import About
from trainhouse.figures.confusion_matrix import confusion_matrix
from trainhouse.figures.loss_curve import loss_curve
from trainhouse.figures.regression import predicted_against_true
from trainhouse.figures.style import label, save

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
    "a class without rows": [[3, 1, 0], [0, 0, 0], [1, 0, 2]],
    "one class": [[4]],
    "nothing at all": [[0, 0], [0, 0]],
}
POINTS = {"one target": (20, 1), "several targets": (20, 3), "one row": (1, 2), "many rows": (6000, 1)}


def assert_saves(figure: Figure, folder: Path) -> None:
    save(figure, folder / "figures" / "a.png")
    data = (folder / "figures" / "a.png").read_bytes()
    assert data.startswith(b"\x89PNG")
    assert len(data) > 2000


def caption(figure: Figure) -> str:
    return " ".join(text.get_text().replace("\n", " ") for text in figure.texts)


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


def test_the_same_figure_is_the_same_file_and_says_where_it_is_from(tmp_path: Path) -> None:
    digests = set()
    for name in ("a.png", "b.png"):
        figure = confusion_matrix(
            np.array([[3, 1], [0, 2]]), ["a", "b"], About("iris-net/2026", "iris.csv, test split")
        )
        save(figure, tmp_path / name)
        digests.add(hashlib.sha256((tmp_path / name).read_bytes()).hexdigest())
    assert len(digests) == 1
    title = figure.get_suptitle()
    assert "iris-net/2026" in title
    assert "iris.csv, test split" in title
    assert "n = 6 rows. Right: 5 (83.3%)" in caption(figure)


def test_a_label_is_short_and_has_no_formula_and_no_letter_without_a_font() -> None:
    assert label("$5 to $6") == r"\$5 to \$6"
    assert label("x" * 50 + "7", 10) == "xxxxx…xxx7"
    assert label("\U000f0000a") == "\\U000f0000a", "no letter at all"
    assert label("Größe привет") == "Größe привет"
    assert "\U00012000" not in label("\U00012000"), "cuneiform has no font here"


def test_the_loss_curve_shows_both_splits_and_the_best_epoch() -> None:
    figure = loss_curve(HISTORY, best_epoch=2)
    loss, accuracy = figure.axes
    assert [line.get_label() for line in loss.lines] == ["train", "val", "best: epoch 2"]
    assert loss.lines[1].get_xydata().tolist() == [[1, 3], [2, 2]]
    assert (loss.get_ylabel(), accuracy.get_ylabel()) == ("loss", "acc")
    assert "Learning rate 0.1 throughout" in caption(figure)


def test_a_learning_rate_that_changes_has_a_panel() -> None:
    history = [{**row, "lr": rate} for row, rate in zip(HISTORY, (0.1, 0.05), strict=True)]
    assert loss_curve(history).axes[-1].get_ylabel() == "learning rate"


def test_a_first_epoch_that_flattens_the_rest_makes_the_scale_logarithmic() -> None:
    def scale(first: float) -> str:
        history = [epoch(number, val_loss=first if number == 1 else 1 / number) for number in range(1, 12)]
        return loss_curve(history).axes[0].get_yscale()

    assert scale(1000.0) == "log"
    assert scale(1.0) == "linear"
    assert scale(-1000.0) == "linear"


def test_epochs_without_a_finite_number_are_marked() -> None:
    values = [1.0, float("nan"), float("inf"), 0.5]
    axes = loss_curve([epoch(number, val_loss=value) for number, value in enumerate(values, 1)]).axes[0]
    (lost,) = [line for line in axes.lines if "no finite" in str(line.get_label())]
    assert list(lost.get_xdata()) == [2, 3]


def panels(*names: str, monitor: str | None = None, targets: tuple[str, ...] = ()) -> list[str]:
    history = [{"epoch": 1, "lr": 0.1, "seconds": 2.0, **dict.fromkeys(names, 0.5)}]
    return [axes.get_ylabel() for axes in loss_curve(history, monitor=monitor, targets=targets).axes]


def test_a_loss_curve_takes_the_names_of_any_module() -> None:
    assert panels("train_loss", "valid_loss", "val_dice") == ["loss", "dice"]
    assert panels("val/dice", "train/generator_loss", "train/loss") == ["loss", "generator_loss", "dice"]
    (axes,) = loss_curve([{"epoch": 1, "valid_loss": 1.0, "train_loss": 2.0}]).axes
    assert [line.get_label() for line in axes.lines] == ["train", "val"]


def test_metrics_of_a_regression_say_their_unit() -> None:
    shown = panels("elbo_loss", "val/rmse", "val/mae", "val/r2", targets=("price",))
    assert shown == ["elbo_loss", "mae (unit of price)", "r2", "rmse (unit of price)"]
    assert panels("val/rmse_b", "val/rmse_c", targets=("a", "b")) == ["rmse_b (its unit)", "rmse_c"]


def test_what_is_monitored_comes_right_after_the_losses_and_six_panels_are_enough() -> None:
    many = [f"val/{name}" for name in "abcdefgh"]
    assert panels("val/loss", *many, monitor="val/g") == ["loss", "g", "a", "b", "c", "d"]
    assert panels("train/loss", "train/reward", monitor="train/reward") == ["loss", "reward"]
    figure = loss_curve([{"epoch": 1, **dict.fromkeys(many, 0.5)}])
    assert "2 more metrics are in logs/metrics.csv" in caption(figure)


def test_the_confusion_matrix_writes_its_counts_but_no_zeros() -> None:
    figure = confusion_matrix(np.array([[3, 1], [0, 2]]), ["a", "b"])
    written = [text for text in figure.artists if isinstance(text, Text)]
    axes = figure.axes[0]
    assert [text.get_text() for text in written] == ["3", "1", "2"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted", "true")


def test_of_very_many_classes_those_with_errors_are_shown() -> None:
    counts = np.eye(300, dtype=int)
    counts[7, 250] = 5
    axes = confusion_matrix(counts, [f"c{code}" for code in range(300)]).axes[0]
    names = [tick.get_text() for tick in axes.get_yticklabels()]
    assert len(names) == 60
    assert {"c7", "c250"} <= set(names)


def test_at_most_five_thousand_points_of_twelve_targets_are_drawn() -> None:
    targets = np.random.RandomState(0).standard_normal((6000, 14))
    predictions = targets.copy()
    predictions[:, 13] = 0.0
    names = [f"t{number}" for number in range(14)]
    figure = predicted_against_true(targets, predictions, names)
    assert len(figure.axes) == 12
    assert figure.axes[-1].get_title().startswith("t13"), "the worst are there"
    assert "Of 14 targets the 12" in caption(figure)
    (axes,) = predicted_against_true(targets[:, :1], predictions[:, :1], names[:1]).axes
    assert len(axes.lines[1].get_xdata()) == 5000
    assert axes.get_xlim() == axes.get_ylim()
