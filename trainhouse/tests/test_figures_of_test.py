"""Figures of a test: what is kept of its rows, what is drawn of them, and what one that fails costs."""

import csv
import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from torchmetrics.functional.classification import (
    binary_calibration_error,
    multiclass_auroc,
    multiclass_average_precision,
    multiclass_calibration_error,
)

from src.evaluation.tasks import TASKS
from trainhouse.arrays.spec import DataSpec
from trainhouse.configuration.errors import UserError
from trainhouse.figures import kept_rows
from trainhouse.figures.about import About
from trainhouse.figures.calibration import calibration, expected_error
from trainhouse.figures.chosen import check_asked, figures_of
from trainhouse.figures.drawing import draw, of_measured
from trainhouse.figures.intervals import wilson
from trainhouse.figures.kept_rows import KeptRows, sample_of, scale_of
from trainhouse.figures.measured import Measured
from trainhouse.figures.permutation_importance import importances, permutation_importance
from trainhouse.figures.ranking_curves import precision_recall, roc_curve
from trainhouse.figures.worst_rows import rows_as_csv, worst_rows
from trainhouse.tests.test_figures import caption
from trainhouse.tests.tiny import tiny_config
from trainhouse.training.resume import resume
from trainhouse.training.train import train

pytestmark = pytest.mark.usefixtures("drawn")

NAMES = ("猫 with a name that is longer than forty characters", "$5 to $10", "Ελληνικά")


def classes(rows: int = 200, count: int = 3, absent: tuple[int, ...] = (), **spec: Any) -> Measured:
    """Return rows of `count` classes of which column 0 says the class, and a model that goes by it."""
    random = np.random.default_rng(0)
    y = np.array([code for code in range(count) if code not in absent])[random.integers(0, count - len(absent), rows)]
    x = random.standard_normal((rows, 4)).astype(np.float32)
    x[:, 0] = y + 0.7 * random.standard_normal(rows)
    names = NAMES if count == 3 else tuple(map(str, range(count)))
    facts = {"input_shape": (4,), "dtype": "float32", "columns": ("a", "b", "c", "d"), **spec}
    return measured(DataSpec("classification", outputs=count, classes=names, **facts), x, y, by_first_column(count))


def by_first_column(count: int) -> Callable[[np.ndarray], np.ndarray]:
    def predict(x: np.ndarray) -> np.ndarray:
        away = -2 * (x.reshape(len(x), -1)[:, :1] - np.arange(count)) ** 2
        said: np.ndarray = torch.from_numpy(away).softmax(dim=1).float().numpy()
        return said

    return predict


def measured(spec: DataSpec, x: np.ndarray, y: np.ndarray, predict: Callable[[np.ndarray], np.ndarray]) -> Measured:
    kept = KeptRows(spec, TASKS[spec.task], 100 + np.arange(len(x)), scale_of(y))
    for start in range(0, len(x), 7):
        kept.add(y[start : start + 7], predict(x[start : start + 7]))
    found = kept.measured(About("run", "data"), lambda positions: x[positions], predict, weights=10)
    assert found is not None
    return found


def targets(rows: int = 60, count: int = 2) -> Measured:
    random = np.random.default_rng(0)
    x = random.standard_normal((rows, 4)).astype(np.float32)
    spec = DataSpec("regression", (4,), "float32", count, targets=tuple(f"t{code}" for code in range(count)))
    return measured(spec, x, x[:, :count] * 10.0 ** np.arange(count), lambda rows: rows[:, :count] * 1.5)


ODD = {
    "two classes": lambda: classes(count=2),
    "one row": lambda: classes(rows=1),
    "a class that is absent": lambda: classes(absent=(1,)),
    "more classes than are shown": lambda: classes(rows=600, count=110),
    "two rows of one target": lambda: targets(rows=2, count=1),
    "more targets than are shown": lambda: targets(count=4),
}


@pytest.mark.parametrize("case", ODD.values(), ids=ODD)
def test_odd_rows_have_figures_too(case: Any, tmp_path: Path) -> None:
    rows = case()
    for make in of_measured(TASKS[rows.spec.task].figures, rows, tmp_path).values():
        make()


@pytest.mark.parametrize("rows", [classes(), targets()], ids=["classes", "targets"])
def test_every_figure_of_a_task_is_drawn(rows: Measured, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    draw(figures := of_measured(TASKS[rows.spec.task].figures, rows, tmp_path), tmp_path)
    assert caplog.text == "", "no warning of matplotlib's either: they are errors here"
    drawn = {path.stem for path in tmp_path.glob("*.png")}
    assert all((tmp_path / f"{name}.png").stat().st_size > 2000 for name in drawn)
    needed = {"worst_rows", *({"confusion_matrix", "class_scores"} if rows.spec.classes else {"residuals"})}
    assert needed <= drawn <= figures.keys()


def test_areas_and_calibration_are_those_of_torchmetrics() -> None:
    rows = classes(rows=300)
    said, true = torch.from_numpy(rows.predictions), torch.from_numpy(rows.targets)
    for draw_one, measure in ((roc_curve, multiclass_auroc), (precision_recall, multiclass_average_precision)):
        figure = draw_one(rows)
        assert figure is not None
        legend = " ".join(str(line.get_label()) for line in figure.axes[0].lines)
        for area in measure(said, true, 3, average="none").tolist():
            assert f" {area:.3f}" in legend
        assert f"macro: {'AUC' if draw_one is roc_curve else 'AP'} {measure(said, true, 3):.3f}" in legend
    top, right = said.max(dim=1).values, said.argmax(dim=1) == true
    error = expected_error(top.double().numpy(), right.numpy())[0]
    assert error == pytest.approx(multiclass_calibration_error(said, true, 3).item(), abs=1e-6)
    one = expected_error(said[:, 1].double().numpy(), (true == 1).numpy())[0]
    assert one == pytest.approx(binary_calibration_error(said[:, 1].contiguous(), (true == 1).int()).item(), abs=1e-6)
    assert calibration(rows) is not None


def test_wilson_intervals_are_the_known_ones() -> None:
    low, high = wilson(np.array([8, 0, 0]), np.array([10, 10, 0]))
    assert low == pytest.approx([0.4902, 0.0, 0.0], abs=1e-4)
    assert high == pytest.approx([0.9433, 0.2775, 1.0], abs=1e-4)


def test_a_class_without_rows_is_named_and_spoils_no_mean() -> None:
    figure = roc_curve(classes(absent=(1,)))
    assert figure is not None
    assert r"left out: \$5 to \$10" in caption(figure)
    assert "nan" not in caption(figure)
    assert roc_curve(classes(count=2, absent=(1,))) is None, "of one class there is no curve"


def test_a_sample_of_many_rows_is_the_same_each_time_and_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    assert sample_of(50, 3).tolist() == list(range(50))
    chosen = sample_of(10_000_000, 100)
    assert 10_000 < len(chosen) <= 20_000
    assert (np.diff(chosen) > 0).all()
    assert chosen[-1] < 10_000_000
    np.testing.assert_array_equal(chosen, sample_of(10_000_000, 100))
    monkeypatch.setattr(kept_rows, "MOST_ROWS", 20)
    rows = classes(rows=200)
    assert len(rows.targets) == len(rows.predictions) == len(rows.positions) <= 20
    assert rows.counts is not None
    assert rows.counts.sum() == rows.total == 200, "counts are of all rows"
    assert rows.n == f"n = {len(rows.targets)} rows, a sample of 200"


def test_the_worst_rows_are_found_over_all_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_rows, "_AT_ONCE", 10)
    rows = classes(rows=200)
    likely = rows.predictions[np.arange(200), rows.targets]
    assert rows.worst is not None
    assert rows.least_certain is not None
    assert rows.worst.positions.tolist() == np.argsort(likely, kind="stable")[:16].tolist()
    ordered = np.sort(rows.predictions, axis=1)
    np.testing.assert_allclose(rows.least_certain.values, np.sort(ordered[:, -1] - ordered[:, -2])[:16], rtol=1e-6)


def test_a_prediction_that_is_no_number_is_the_worst() -> None:
    spec = DataSpec("regression", (1,), "float32", 1)
    x, y = np.zeros((5, 1), np.float32), np.arange(5.0).reshape(5, 1)
    said = np.array([0.0, 1, np.nan, 3, 9]).reshape(5, 1)
    found = measured(spec, x, y, lambda rows: said[: len(rows)])
    assert found.worst is not None
    assert found.worst.positions.tolist()[:2] == [2, 4]


def test_the_table_of_worst_rows_has_numbers_of_the_file_and_names_of_categories() -> None:
    rows = classes(categories={"b": ("low", "high")}, missing="mean")
    rows = replace(rows, stored=lambda positions: np.tile(np.float32([362004, 1, np.nan, -1]), (len(positions), 1)))
    table = list(csv.DictReader(io.StringIO(rows_as_csv(rows))))
    assert rows.worst is not None
    assert [int(row["row"]) for row in table[:16]] == (rows.worst.positions + 100).tolist()
    assert {row["why"] for row in table} == {"the most wrong", "the least certain"}
    assert (table[0]["a"], table[0]["b"], table[0]["c"]) == ("362004", "high", "")


def test_images_are_shown_as_images() -> None:
    rows = classes(input_shape=(3, 8, 8), columns=())
    rows = replace(rows, stored=lambda positions: np.ones((len(positions), 3, 8, 8), np.float32))
    figure = worst_rows(rows)
    assert figure is not None
    assert figure.axes[0].images[0].get_array().shape == (8, 8, 3)
    assert permutation_importance(rows) is None, "a pixel alone says nothing"


def test_permutation_importance_shows_what_the_model_goes_by() -> None:
    found = importances(classes())
    assert found is not None
    assert found.rises[0].min() > 0.3
    np.testing.assert_array_equal(found.rises[1:], 0.0)
    np.testing.assert_array_equal(found.rises, importances(classes()).rises)  # type: ignore[union-attr]
    assert importances(replace(classes(), weights=10**12)) is None, "it would take too long"


def test_a_figure_that_fails_costs_a_line_and_no_other(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def spoilt(rows: Measured) -> None:
        raise ZeroDivisionError("by zero\nand more")

    def own(rows: Measured) -> Figure:
        return Figure(figsize=(2, 2))

    (tmp_path / "nothing.png").write_bytes(b"old")  # a picture of an earlier call would say what is not so
    figures = of_measured([spoilt, own], classes(), tmp_path) | {"nothing": lambda: None}
    draw(figures, tmp_path)
    assert [path.name for path in tmp_path.glob("*.png")] == ["own.png"], "a function's name is the file's"
    (line,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert line == "warning: figures/spoilt.png was not drawn: ZeroDivisionError: by zero"


def test_figures_are_named_once_and_mistakes_are_refused() -> None:
    has = ["loss_curve", "roc_curve"]
    for asked in (True, False, [], ["roc_curve"]):
        check_asked(asked, has, "classification")
    with pytest.raises(UserError, match=r"^figures: roc_cruve is no figure of a task; did you mean 'roc_curve'"):
        check_asked(["roc_cruve"], has, "a task")
    with pytest.raises(UserError, match=r"the library has no 'rocs'"):
        figures_of(SimpleNamespace(figures=("rocs",)))
    assert figures_of(SimpleNamespace()) == (), "a task of an older version"


def test_a_run_refuses_a_figure_that_it_cannot_draw_before_it_trains(
    made_once: Callable[[str, Callable[[Path], None]], Path], tmp_path: Path
) -> None:
    data = made_once("tiny_data", lambda folder: None) / "rows.npy"
    with pytest.raises(UserError, match=r"^figures: residuals is no figure of classification; it has loss_curve, "):
        train(tiny_config(data, "figures=[residuals]"), tmp_path)
    with pytest.raises(UserError, match=r"^figures: roc_curve is no figure of a run without test rows"):
        train(tiny_config(data, "figures=[roc_curve]", "data.split=[0.8,0.2,0]"), tmp_path)
    assert not (tmp_path / "checkpoints").exists()


def test_a_run_draws_what_it_is_asked_for(
    made_once: Callable[[str, Callable[[Path], None]], Path], tmp_path: Path
) -> None:
    data = made_once("tiny_data", lambda folder: None) / "rows.npy"
    train(tiny_config(data, "figures=[class_scores,worst_rows]", "trainer.max_epochs=1"), tmp_path)
    drawn = {path.name for path in (tmp_path / "figures").iterdir()}
    assert drawn == {"class_scores.png", "worst_rows.png", "worst_rows.csv"}
    changed = ["trainer.max_epochs=2", "figures=[loss_curve]"]
    resume(tmp_path, tiny_config(data, *changed), changed)
    assert [path.name for path in (tmp_path / "figures").iterdir()] == ["loss_curve.png"], "others show another model"
