"""What a sweep found: every job in a table, the best configuration, and how sure that is."""

import csv
import math
import shlex
import statistics
from dataclasses import replace

import pytest
import yaml
from pyarrow import parquet

from trainhouse.reports.estimates import Estimate, student_t
from trainhouse.reports.short_text import clipped, short_names
from trainhouse.sweeps.job import COMPLETE, FAIL, PRUNED, Job, Objective
from trainhouse.sweeps.result_files import write_results
from trainhouse.sweeps.summary_text import summary

LOSS, ACC = Objective("val/loss", "min"), Objective("val/acc", "max")


def job(
    number: int, state: str = COMPLETE, loss: float | None = None, error: str | None = None, **overrides: str
) -> Job:
    metrics = {} if loss is None else {"val/loss": loss, "val/acc": 1 - loss}
    keys = {key.replace("__", "."): value for key, value in overrides.items()}
    return Job(number, keys, state, metrics, epochs=5, best_epoch=4, seconds=1.5, folder=str(number), error=error)


# The one best run (job 4) is not of the best configuration.
REPEATED = [
    job(0, loss=0.20, optimizer__lr="0.1", seed="1", trainer__max_epochs="5"),
    job(1, loss=0.10, optimizer__lr="0.01", seed="1", trainer__max_epochs="5"),
    job(2, loss=0.22, optimizer__lr="0.1", seed="2", trainer__max_epochs="5"),
    job(3, loss=0.12, optimizer__lr="0.01", seed="2", trainer__max_epochs="5"),
    job(4, loss=0.09, optimizer__lr="0.1", seed="3", trainer__max_epochs="5"),
    job(5, FAIL, error="out of memory", optimizer__lr="0.01", seed="3", trainer__max_epochs="5"),
]


def best(folder) -> dict:
    return yaml.safe_load((folder / "best.yaml").read_text())


def rows(folder) -> list[dict[str, str]]:
    with open(folder / "results.csv", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(
    ("freedom", "quantile"),
    [
        (1, 12.7062047362),
        (2, 4.3026527297),
        (4, 2.7764451052),
        (9, 2.2621571628),
        (30, 2.0422724563),
        (199, 1.9719565443),
    ],
)
def test_the_quantile_of_students_t_is_that_of_the_tables(freedom, quantile):
    assert student_t(freedom) == pytest.approx(quantile, rel=1e-8)


def test_an_estimate_has_the_sample_deviation_and_an_interval_around_the_mean():
    values = [0.1, 0.13, 0.11, 0.16, 0.12]
    found = Estimate.of(values)
    half = 2.7764451 * statistics.stdev(values) / math.sqrt(5)
    assert found.mean == pytest.approx(0.124)
    assert found.std == pytest.approx(statistics.stdev(values))
    assert found.ci95 == pytest.approx((0.124 - half, 0.124 + half))
    assert Estimate.of([3.0]) == Estimate(3.0, None, None)
    assert Estimate.of([0.1] * 3).std == 0, "equal values have no spread, not one of rounding"


def test_the_best_configuration_has_the_best_mean_of_its_repeats(tmp_path):
    write_results(tmp_path, REPEATED, [LOSS])
    content = best(tmp_path)
    assert content["overrides"] == ["optimizer.lr=0.01", "trainer.max_epochs=5"]
    assert (content["metric"], content["mode"]) == ("val/loss", "min")
    assert content["mean"] == pytest.approx(0.11)
    assert content["std"] == pytest.approx(statistics.stdev([0.10, 0.12]))
    assert content["ci95"] == pytest.approx([0.11 - 12.7062 * 0.01, 0.11 + 12.7062 * 0.01], abs=1e-5)
    assert content["runs"] == ["1", "3"]
    assert content["best_run"] == "1"


def test_a_seed_that_never_varies_belongs_to_the_configuration(tmp_path):
    write_results(tmp_path, [job(0, loss=0.2, seed="7", lr="1"), job(1, loss=0.1, seed="7", lr="2")], [ACC])
    assert best(tmp_path)["overrides"] == ["seed=7", "lr=2"]
    assert "std" not in best(tmp_path)


@pytest.mark.parametrize("key", ["data__fold", "data__split_seed", "++seed"])
def test_folds_and_split_seeds_are_repeats_as_well(tmp_path, key):
    write_results(tmp_path, [job(n, loss=0.1 * n, lr="1", **{key: str(n)}) for n in (1, 2, 3)], [LOSS])
    assert best(tmp_path)["runs"] == ["1", "2", "3"]


def test_the_same_run_twice_says_nothing_of_the_spread(tmp_path):
    write_results(tmp_path, [job(0, loss=0.1, lr="1"), job(1, loss=0.1, lr="1"), job(2, loss=0.3, lr="2")], [LOSS])
    assert best(tmp_path)["runs"] == ["0"]
    assert "std" not in best(tmp_path)


def test_the_command_of_the_best_can_be_pasted_into_a_shell(tmp_path):
    awkward = {"model__hidden_sizes": "[128,64]", "name": "it's a test", "data__file": "a b.csv"}
    write_results(tmp_path, [job(0, loss=0.1, **awkward)], [LOSS])
    command = (tmp_path / "best.yaml").read_text().splitlines()[0].removeprefix("# python train.py ")
    assert shlex.split(command) == best(tmp_path)["overrides"]
    assert best(tmp_path)["overrides"] == ["model.hidden_sizes=[128,64]", "name=it's a test", "data.file=a b.csv"]


def test_an_override_keeps_the_sign_that_it_was_typed_with(tmp_path):
    kept = {"++trainer__max_time": "1h", "~scheduler": "", "+tag": ""}
    write_results(tmp_path, [job(0, loss=0.1, **kept)], [LOSS])
    assert best(tmp_path)["overrides"] == ["++trainer.max_time=1h", "~scheduler", "+tag="]


def test_values_on_different_data_are_kept_apart():
    jobs = [replace(job(number, loss=0.1, data=name), data=name) for number, name in enumerate(["fake", "digits"])]
    assert "the trials have different data" in summary(jobs, [LOSS])
    assert "different data" not in summary(jobs[:1] * 2, [LOSS])


@pytest.mark.parametrize("loss", [None, math.nan, math.inf])
def test_without_a_finite_value_there_is_no_best_and_an_old_one_goes(tmp_path, loss):
    (tmp_path / "best.yaml").write_text("old")
    write_results(tmp_path, [job(0, loss=loss, lr="1"), job(1, PRUNED, loss=0.1, lr="2")], [LOSS])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["results.csv", "results.parquet"]


def test_with_several_objectives_the_pareto_front_is_kept(tmp_path):
    def point(number: int, loss: float, seconds: float) -> Job:
        return Job(number, {"lr": str(number)}, COMPLETE, {"val/loss": loss, "cost": seconds}, folder=str(number))

    jobs = [point(0, 0.3, 1), point(1, 0.1, 9), point(2, 0.2, 5), point(3, 0.25, 6), point(4, 0.05, math.nan)]
    write_results(tmp_path, jobs, [LOSS, Objective("cost", "min")])
    content = best(tmp_path)
    assert content["best_run"] == "1"
    assert [entry["best_run"] for entry in content["pareto"]] == ["1", "2", "0"]
    assert content["pareto"][2]["others"] == [{"metric": "cost", "mode": "min", "mean": 1.0}]
    assert "*  trial" in summary(jobs, [LOSS, Objective("cost", "min")])


def test_the_table_has_the_objective_first_and_a_column_for_each_override(tmp_path):
    write_results(tmp_path, REPEATED, [ACC])
    expected = (
        "number state val/acc optimizer.lr seed trainer.max_epochs val/loss best_epoch epochs seconds folder error"
    )
    assert list(rows(tmp_path)[0]) == expected.split()
    assert rows(tmp_path)[5] | {"val/acc": "", "error": "out of memory", "state": FAIL} == rows(tmp_path)[5]


def test_awkward_text_and_missing_values_come_back_as_they_were(tmp_path):
    error = 'a, "b"\nc'
    jobs = [job(0, loss=0.1, a="[1,2]"), job(1, FAIL, error=error, b="x, y"), job(2, "WAITING")]
    write_results(tmp_path, jobs, [LOSS])
    assert [row["a"] for row in rows(tmp_path)] == ["[1,2]", "", ""]
    assert [row["b"] for row in rows(tmp_path)] == ["", "x, y", ""]
    assert rows(tmp_path)[1]["error"] == error
    table = parquet.read_table(tmp_path / "results.parquet").to_pydict()
    assert table["b"] == [None, "x, y", None]
    assert table["val/loss"] == [0.1, None, None]


def test_parquet_has_numbers_where_all_values_of_an_override_are(tmp_path):
    jobs = [job(0, loss=0.1, lr="1e-3", n="2", kind="1", error="x"), job(1, loss=0.2, lr="1", kind="null")]
    write_results(tmp_path, jobs, [LOSS])
    schema = parquet.read_schema(tmp_path / "results.parquet")
    assert list(rows(tmp_path)[0]) == schema.names
    assert {name: str(schema.field(name).type) for name in ("lr", "n", "kind", "number", "val/loss", "seconds")} == {
        "lr": "double",
        "n": "int64",
        "kind": "string",
        "number": "int64",
        "val/loss": "double",
        "seconds": "double",
    }


def test_an_override_named_like_a_column_keeps_a_column_of_its_own(tmp_path):
    write_results(tmp_path, [job(0, loss=0.1, folder="x")], [LOSS])
    assert rows(tmp_path)[0]["folder"] == "0"
    assert rows(tmp_path)[0]["override folder"] == "x"


def test_a_sweep_without_jobs_leaves_tables_without_rows(tmp_path):
    write_results(tmp_path, [], [LOSS])
    assert rows(tmp_path) == []
    assert parquet.read_table(tmp_path / "results.parquet").num_rows == 0
    assert summary([], [LOSS]) == "0 trials"


def test_the_summary_ranks_configurations_and_names_what_they_share_once():
    assert summary(REPEATED, [LOSS]).splitlines() == [
        "by val/loss (smaller is better)",
        "all with trainer.max_epochs=5",
        "",
        "   lr    n       val/loss                           epoch  seconds",
        "1  0.01  2 of 3  0.1100 ± 0.0141 [-0.0171, 0.2371]  4      1.5",
        "2   0.1  3       0.1700 ± 0.0700 [-0.0039, 0.3439]  4      1.5",
        "",
        "trial 5 failed: optimizer.lr=0.01 seed=3: out of memory",
        "6 trials: 5 complete, 1 failed",
    ]


def test_the_summary_of_a_search_says_how_many_it_leaves_out():
    jobs = [job(n, loss=0.1 + n, lr=str(n)) for n in range(30)]
    jobs += [job(30, PRUNED), job(31, "RUNNING"), job(32, loss=math.nan, lr="32")]
    lines = summary(jobs, [ACC]).splitlines()
    assert "... and 10 more" in lines
    assert lines[-2:] == [
        "trial 32 complete: lr=32: val/acc missing or not finite",
        "33 trials: 31 complete, 1 pruned, 1 running",
    ]
    assert "... and" not in summary(jobs, [ACC], limit=None)


def test_a_failed_job_alone_is_said_in_one_line():
    assert summary([job(0, FAIL, error="a\nb", lr="1")], [LOSS]).splitlines()[0] == "trial 0 failed: a b"


def test_names_and_values_are_shortened_where_that_is_not_ambiguous():
    assert list(short_names(["optimizer.lr", "model.size", "data.size"]).values()) == ["lr", "model.size", "data.size"]
    assert clipped("abcdefghij\nk", 7) == "abc…j k"
