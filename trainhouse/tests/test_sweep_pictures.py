"""A sweep's pictures: axes that no outlier flattens, and words that say what is seen, and of what."""

import math

import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from trainhouse.figures.about import About
from trainhouse.sweeps.importance import MEANINGFUL
from trainhouse.sweeps.job import COMPLETE, FAIL, PRUNED, Job, Objective
from trainhouse.sweeps.learning_curves import learning_curves
from trainhouse.sweeps.parallel_coordinates import _axis, parallel_coordinates
from trainhouse.sweeps.repeats_figure import repeats
from trainhouse.sweeps.style import is_spread_over_powers, window, wrapped
from trainhouse.sweeps.sweep_figures import about_sweep, history, importance, pareto_front, write_figures

LOSS, R2 = Objective("val/loss", "min"), Objective("val/r2", "max")


def trial(number: int, value: float, state: str = COMPLETE, metric: str = "val/loss", **overrides: str) -> Job:
    metrics = {metric: value, "test/loss": value + 1}
    return Job(number, overrides, state, metrics, folder=str(number), source="titanic.csv")


def words(figure: Figure | None) -> str:
    assert figure is not None
    texts = [text.get_text() for text in figure.findobj(Text)]
    legends = [label for axes in figure.axes for label in axes.get_legend_handles_labels()[1]]
    return "\n".join([*texts, *legends])


@pytest.mark.parametrize("far", [10.0, 1e4, 1e30])
def test_one_diverged_trial_leaves_the_axis_to_the_others(far: float) -> None:
    values = [0.5, 0.4, 0.45, 0.42, 0.41, 0.44]
    shown = window(LOSS, [*values, far])
    assert (shown.low, shown.high) == (0.4, 0.5)
    assert not shown.is_log
    assert shown.beyond([*values, far]) == [far]
    assert shown.share(far) == 1, "it stands at the edge"
    figure = history([trial(number, value) for number, value in enumerate([*values, far])], LOSS)
    assert "1 complete beyond the axis, up to" in words(figure)


def test_the_good_end_is_never_cut() -> None:
    values = [0.5, 0.5, 0.5, 0.5, 0.5, 1e-9]
    assert window(LOSS, values).low == 1e-9
    assert window(R2, [-4e5, 0.5, 0.6, 0.7, 0.99]).high == 0.99
    assert window(R2, [-4e5, 0.5, 0.6, 0.7, 0.99]).low == 0.5


def test_losses_over_powers_of_ten_get_a_logarithmic_axis_and_an_accuracy_never() -> None:
    values = [10.0 ** (number / 4) for number in range(-8, 5)]
    assert window(LOSS, values).is_log
    assert window(LOSS, values).beyond(values) == []
    assert not window(Objective("val/acc", "max"), [0.01, 0.5, 0.9]).is_log


def test_what_was_pruned_far_away_does_not_flatten_the_curves(tmp_path) -> None:
    for number, curve in enumerate(([0.9, 0.5, 0.4], [0.8, 0.6, 0.5], [1e9, 1e12])):
        path = tmp_path / str(number) / "logs" / "metrics.csv"
        path.parent.mkdir(parents=True)
        rows = [f"{epoch},{value}" for epoch, value in enumerate(curve, 1)]
        path.write_text("\n".join(["epoch,val/loss", *rows]))
    jobs = [trial(0, 0.4, lr="1"), trial(1, 0.5, lr="2"), trial(2, 1e9, PRUNED, lr="3")]
    figure = learning_curves(tmp_path, jobs, LOSS, About("a sweep"))
    assert figure is not None
    assert figure.axes[0].get_ylim()[1] < 1.1
    assert "1 curve beyond the axis, up to 1e+12" in words(figure)
    assert "val/loss of 3 trials (1 pruned) over epochs  ·  a sweep" in words(figure)
    assert "best, trial 0 (0.4000): lr=1" in words(figure)


def test_lists_none_and_long_keys_can_be_read_off_the_axes() -> None:
    sizes, clips = ["[64]", "[128,64]", "[256,128]"], ["null", "1.0", "0.5"]
    long = "preprocessing.an_option_with_a_rather_long_name"
    jobs = [
        trial(number, 0.1 + number, sizes=sizes[number % 3], clip=clips[number % 3], **{long: str(number)})
        for number in range(9)
    ]
    figure = parallel_coordinates(jobs, ["sizes", "clip", long], LOSS, About("a sweep"))
    found = words(figure)
    assert all(size in found for size in sizes)
    assert "null" in found
    assert "an_option_with_\na_rather_long_\nname" in found
    assert "colours by rank (smaller is better)" in found
    assert "best: trial 0, val/loss 0.1000 (smaller is better)" in found
    many = {f"key{number}": str(number) for number in range(20)}
    jobs = [trial(number, number + 1.0, **{key: str(number) for key in many}) for number in range(3)]
    wide = parallel_coordinates(jobs, list(many), LOSS)
    assert wide is not None
    assert wide.get_figwidth() < 17, "many keys stand in several rows"


@pytest.mark.parametrize(("count", "few"), [(MEANINGFUL - 1, True), (MEANINGFUL, False)])
def test_importance_says_how_many_trials_it_is_from_and_from_how_many_it_means_something(count: int, few: bool) -> None:
    jobs = [trial(number, number + 1.0, lr=str(number), note="ab"[number % 2]) for number in range(count)]
    found = " ".join(words(importance(jobs, ["lr", "note"], LOSS, About("a sweep"))).split())
    assert f"n = {count} complete trials" in found
    assert f"Not meaningful below {MEANINGFUL} complete trials" in found
    assert ("it may be chance" in found) == few


@pytest.mark.parametrize("key", ["seed", "data.fold", "data.split_seed"])
def test_over_luck_alone_there_is_mean_and_deviation_and_no_importance(key: str, tmp_path) -> None:
    jobs = [trial(number, 0.1 * (number + 1), **{key: str(number)}) for number in range(5)]
    names = [path.stem for path in write_figures(tmp_path, jobs, [LOSS])]
    assert names == ["history", "repeats"]
    found = words(repeats(jobs, [LOSS], About("a sweep")))
    assert f"Mean and deviation over {key} (n = 5 trials)" in found
    assert "0.3000 ± 0.1581" in found
    assert "1.3000 ± 0.1581" in found, "of the test split"


def test_configurations_with_repeats_are_compared_by_their_means() -> None:
    jobs = [trial(2 * n + seed, n + 0.1 * seed, lr=str(n), seed=str(seed)) for n in (1, 2) for seed in (0, 1)]
    found = words(repeats([*jobs, trial(9, math.nan, FAIL, lr="3", seed="0")], [LOSS]))
    assert "lr=1" in found
    assert "1.0500 ± 0.0707" in found
    assert "val/loss (smaller is better)" in found
    assert repeats([trial(0, 0.1, lr="1"), trial(1, 0.2, lr="2")], [LOSS]) is None


def test_a_front_is_not_flattened_by_what_it_beats() -> None:
    jobs = [Job(n, {"lr": str(n)}, COMPLETE, {"val/loss": 0.1 * n, "cost": 10.0 - n}) for n in range(1, 9)]
    jobs.append(Job(9, {"lr": "9"}, COMPLETE, {"val/loss": 1e9, "cost": 20.0}))
    figure = pareto_front(jobs, [LOSS, Objective("cost", "min")])
    assert figure is not None
    assert figure.axes[0].get_xlim()[1] < 2
    assert "1 beyond the axes" in words(figure)


def test_a_picture_names_its_sweep_and_its_data(tmp_path) -> None:
    folder = tmp_path / "titanic" / "sweep_2026-11-23_11-41-43"
    assert about_sweep(folder, [trial(0, 0.1)]) == About("titanic/sweep_2026-11-23_11-41-43", "titanic.csv")
    assert about_sweep(tmp_path / "mine", []) == About("mine")


def test_what_was_drawn_from_a_logarithmic_interval_has_such_an_axis_however_narrow() -> None:
    values = ["0.001", "0.0011", "0.0013", "0.0017", "0.003", "0.0051", "0.01"]
    assert _axis("lr", values, is_log=False).positions[4] == pytest.approx(0.22, abs=0.01)
    drawn = _axis("lr", values, is_log=True)
    assert drawn.positions[4] == pytest.approx(0.477, abs=0.001)
    assert [text for _, text in drawn.ticks] == ["0.001", "0.002", "0.005", "0.01"]


def test_settings_drawn_evenly_get_an_even_axis() -> None:
    assert is_spread_over_powers([1e-4, 1e-3, 1e-2, 1e-1])
    assert is_spread_over_powers([16, 64, 32])
    assert not is_spread_over_powers([1, 2, 3])
    assert not is_spread_over_powers([0.004 + 0.006 * number for number in range(100)])
    assert wrapped("price_$_in_$", 30) == r"price_\$_in_\$"
