"""Figures of a sweep: each says something or isn't there, also for awkward jobs."""

import math
import subprocess
import sys

import pytest

from trainhouse.sweeps.importance import importances
from trainhouse.sweeps.job import COMPLETE, FAIL, PRUNED, Job, Objective
from trainhouse.sweeps.style import is_wide
from trainhouse.sweeps.sweep_figures import history, learning_curves, write_figures
from trainhouse.tests.common import ROOT

pytestmark = pytest.mark.usefixtures("drawn")

LOSS, COST = Objective("val/loss", "min"), Objective("cost", "min")


def job(number: int, loss: float | None, state: str = COMPLETE, **overrides: str) -> Job:
    metrics = {} if loss is None else {"val/loss": loss, "cost": 1 / loss}
    return Job(number, {"optimizer.lr": str(10.0**-number), **overrides}, state, metrics, folder=str(number))


def write_history(folder, number: int, text: str) -> None:
    path = folder / str(number) / "logs" / "metrics.csv"
    path.parent.mkdir(parents=True)
    path.write_text(text)


# Every state, a conditional override, a value that matplotlib would take for a formula.
MIXED = [
    job(0, 0.5, kind="${a}_${b}"),
    job(1, 300.0, kind="[64,32]"),
    job(2, 0.25, kind="x" * 100),
    job(3, None, FAIL),
    job(4, None, PRUNED, momentum="0.5"),
    job(5, 0.7, PRUNED),
    job(6, math.nan),
    job(7, None, "WAITING"),
    job(8, 0.1, kind="[64,32]"),
]


def test_a_sweep_of_every_kind_of_job_is_drawn(tmp_path):
    write_history(tmp_path, 0, "epoch,val/loss\n1,0.9\n2,0.5\n")
    write_history(tmp_path, 1, "epoch,val/loss\n1,300\n")
    write_history(tmp_path, 5, "epoch,val/loss\n1,0.7\n2,")
    pictures = write_figures(tmp_path, MIXED, [LOSS, COST])
    names = ["history", "parallel_coordinates", "importance", "learning_curves", "pareto"]
    assert pictures == [tmp_path / "figures" / f"{name}.png" for name in names]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in pictures)


@pytest.mark.parametrize("jobs", [[], [job(0, None, FAIL), job(1, None, PRUNED)]], ids=["no jobs", "none complete"])
def test_where_there_is_nothing_to_see_no_figure_is_left(tmp_path, jobs):
    old = tmp_path / "figures" / "history.png"
    old.parent.mkdir()
    old.write_bytes(b"old")
    assert write_figures(tmp_path, jobs, [LOSS]) == []
    assert not old.exists()


def test_equal_jobs_have_a_history_alone(tmp_path):
    jobs = [Job(number, {"lr": "1"}, COMPLETE, {"val/loss": 0.5}) for number in range(5)]
    assert [path.name for path in write_figures(tmp_path, jobs, [LOSS])] == ["history.png"]


def test_an_override_that_no_drawn_job_has_is_drawn_as_unset(tmp_path):
    jobs = [job(0, 0.5), job(1, 0.4), job(2, None, FAIL, momentum="0.5")]
    assert "parallel_coordinates.png" in [path.name for path in write_figures(tmp_path, jobs, [LOSS])]


def test_neither_results_nor_figures_load_what_trains_or_searches():
    code = (
        "import sys, trainhouse.sweeps.result_files, trainhouse.sweeps.summary_text\n"
        "assert not {'numpy', 'pyarrow', 'matplotlib'} & set(sys.modules), 'results'\n"
        "import trainhouse.sweeps.sweep_figures\n"
        "assert not {'torch', 'lightning', 'optuna', 'pyarrow'} & set(sys.modules), 'figures'\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=60)


@pytest.mark.parametrize(("mode", "expected"), [("min", [3, 3, 1, 1]), ("max", [3, 5, 5, 5])])
def test_the_best_so_far_follows_the_complete_jobs(mode, expected):
    jobs = [job(0, 3.0), job(1, 5.0), job(2, 0.5, PRUNED), job(3, 1.0)]
    figure = history(jobs, Objective("val/loss", mode))
    line = next(line for line in figure.axes[0].lines if line.get_label() == "best so far")
    assert list(line.get_ydata()) == expected


def test_a_metric_of_the_test_split_is_drawn_by_its_validation_counterpart(tmp_path):
    jobs = [Job(0, {}, COMPLETE, {"test/acc": 0.9}, folder="0"), Job(1, {}, FAIL, folder="1"), Job(2, {}, "WAITING")]
    write_history(tmp_path, 0, "epoch,val/acc\n1,0.5\n2,nan\n3,0.8\n")
    axes = learning_curves(tmp_path, jobs, Objective("test/acc", "max")).axes[0]
    assert axes.get_ylabel() == "val/acc (larger is better)"
    assert [line.get_xydata().tolist() for line in axes.lines] == [[[1, 0.5], [3, 0.8]]]
    assert learning_curves(tmp_path, jobs, Objective("test/f1", "max")) is None


@pytest.mark.parametrize("mode", ["min", "max"])
def test_importance_finds_the_override_that_matters(mode):
    sign = 1 if mode == "min" else -1
    jobs = [
        Job(n, {"lr": str(n / 40), "note": "ab"[n % 2]}, COMPLETE, {"val/loss": sign * (n - 10) ** 2})
        for n in range(40)
    ]
    shares = importances(jobs, ["lr", "note"], Objective("val/loss", mode))
    assert shares["lr"] > 0.9
    assert sum(shares.values()) == pytest.approx(1)
    assert importances(jobs, ["data.file"], LOSS) == {}  # which no job has
    assert importances(jobs[:3], ["lr", "note"], LOSS) == {}


@pytest.mark.parametrize(
    ("values", "is_logarithmic"), [([1e-4, 1e-3, 1e-2], True), ([0.01, 0.5], False), ([0, 1, 1000], False), ([], False)]
)
def test_values_at_least_two_powers_of_ten_apart_get_a_logarithmic_scale(values, is_logarithmic):
    assert is_wide(values) == is_logarithmic
