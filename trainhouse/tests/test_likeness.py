"""Only like is ranked with like: losses of different functions never decide which run is the best."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from trainhouse.configuration.errors import UserError
from trainhouse.configuration.settings import Train
from trainhouse.reports.finished_runs import find_runs
from trainhouse.reports.likeness import difference, is_loss, loss_of
from trainhouse.reports.promotion import promote
from trainhouse.reports.ranking import rank, rank_folder
from trainhouse.sweeps.job import COMPLETE, Job, Objective
from trainhouse.sweeps.result_files import write_results
from trainhouse.sweeps.summary_text import summary
from trainhouse.tests.common import run_script
from trainhouse.tests.tiny import fake_run

MODULE = "src.training.module.Module"


def loss(name: str, smoothing: float = 0.0, module: str = MODULE) -> dict[str, Any]:
    arguments = {"label_smoothing": smoothing, "class_weight": None} if name == "Auto" else {}
    config = {"module": {"_target_": module}, "loss": {"_target_": f"src.training.losses.{name}", **arguments}}
    return loss_of(Train(config), is_own=False)


def own(name: str, **options: Any) -> dict[str, Any]:
    return loss_of(
        Train({"model": {"_target_": name, **options}, "loss": {"_target_": "src.training.losses.Auto"}}), is_own=True
    )


@pytest.mark.parametrize(
    ("one", "other", "differs"),
    [
        (loss("mse"), loss("mae"), "loss=mae, mse"),
        (loss("Auto"), loss("Auto", 0.1), "loss.label_smoothing=0.0, 0.1"),
        (loss("Auto"), loss("Auto", module="src.x.Y"), f"module={MODULE}, src.x.Y"),
        (loss("Auto"), own("src.models.gan.GAN"), "loss=Auto, none"),
        (own("src.A"), own("src.B"), "own module=src.A, src.B"),
        (own("src.A", loss_weight=1.0), own("src.A", loss_weight=2.0), "loss_weight=1.0, 2.0"),
        (own("src.A", width=8), own("src.A", width=16), None),
        (loss("Auto"), loss("Auto"), None),
        (loss("Auto"), None, None),
    ],
)
def test_in_what_two_losses_differ_is_said(
    one: dict[str, Any], other: dict[str, Any] | None, differs: str | None
) -> None:
    found = difference([one, other])
    assert found is None if differs is None else str(found).startswith(differs)


@pytest.mark.parametrize(("name", "now"), [("auto", "Auto"), ("mse", "mse"), ("huber", "huber")])
def test_a_run_whose_loss_was_chosen_by_a_name_is_like_one_of_today(name: str, now: str) -> None:
    before = {"module": MODULE, "loss.name": name, "loss.label_smoothing": 0.0}
    assert difference([before, loss(now)]) is None
    assert difference([before, loss("mae")]) is not None


def test_what_a_loss_is_called() -> None:
    assert all(map(is_loss, ("val/loss", "test/loss", "val_loss", "val/loss_generator", "val/dice_loss")))
    assert not any(map(is_loss, ("val/acc", "val/rmse", "test/mae")))


@pytest.fixture
def two(tmp_path: Path) -> Path:
    """The run with the smaller loss has the larger error."""
    fake_run(tmp_path / "huber", {"val/loss": 0.1, "val/rmse": 3.0, "val/other": 1.0}, loss=loss("huber"))
    fake_run(tmp_path / "mse", {"val/loss": 0.4, "val/rmse": 2.0}, loss=loss("mse"))
    return tmp_path


@pytest.mark.parametrize("metric", [None, "val/loss"])
def test_losses_of_different_functions_are_not_ranked_and_a_metric_that_all_have_is_named(
    metric: str | None, two: Path
) -> None:
    with pytest.raises(UserError) as refused:
        rank(find_runs(two), metric, None, None)
    assert str(refused.value).startswith("metric: val/loss is not the same measure everywhere (loss=huber, mse)")
    assert "as metric=val/rmse mode=min (there are: val/rmse)" in str(refused.value)
    assert [run.folder.name for run in rank(find_runs(two), "val/rmse", "min", None).runs] == ["mse", "huber"]


def test_of_a_run_that_does_not_say_its_loss_the_configuration_is_asked(two: Path) -> None:
    for name in ("huber", "mse"):
        content = json.loads((two / name / "metrics.json").read_text())
        del content["loss"]
        (two / name / "metrics.json").write_text(json.dumps(content))
        config = {
            "loss": {"name": name, "label_smoothing": 0.0},
            "model": {"_target_": "src.models.simple_net.SimpleNet"},
        }
        (two / name / "config.yaml").write_text(yaml.safe_dump(config))
    with pytest.raises(UserError, match=r"^metric: val/loss is not the same measure.*loss=huber, mse"):
        rank(find_runs(two), None, None, None)


def test_a_configuration_of_references_that_stand_for_billions_of_values_takes_no_time(two: Path) -> None:
    content = json.loads((two / "mse" / "metrics.json").read_text())
    del content["loss"]
    (two / "mse" / "metrics.json").write_text(json.dumps(content))
    bomb = "a: &a [1,1,1,1,1,1,1,1,1]\n" + "".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [{','.join([f'*{chr(97 + n)}'] * 9)}]\n" for n in range(20)
    )
    (two / "mse" / "config.yaml").write_text(bomb + "loss: {name: *u, label_smoothing: 0.0}\n")
    assert len(rank(find_runs(two), None, None, None).runs) == 2, "nobody knows what its loss was"


def test_losses_of_ones_own_modules_are_ranked_once_the_user_says_that_they_are_alike(tmp_path: Path) -> None:
    fake_run(tmp_path / "a", {"val/loss": 0.1}, loss=own("src.models.a.A"))
    fake_run(tmp_path / "b", {"val/loss": 0.4}, loss=own("src.models.b.B"))
    with pytest.raises(UserError, match="if it is the same to you, metric=val/loss says so"):
        rank(find_runs(tmp_path), None, None, None)
    assert [run.folder.name for run in rank(find_runs(tmp_path), "val/loss", "min", None).runs] == ["a", "b"]


def test_a_final_model_does_not_give_way_to_the_smaller_value_of_another_loss(two: Path) -> None:
    final = two / "final_model.ckpt"
    promote(rank(find_runs(two / "mse"), None, None, None), final, force=False)
    with pytest.raises(UserError, match=r"its val/loss is not the same measure \(loss=huber, mse\)"):
        promote(rank(find_runs(two / "huber"), None, None, None), final, force=False)
    promote(rank(find_runs(two / "huber"), "val/rmse", "min", None), final, force=False)
    assert final.read_bytes() == (two / "mse" / "checkpoints" / "best_model.ckpt").read_bytes()


def test_the_best_of_a_sweep_is_not_taken_from_losses_that_differ(two: Path) -> None:
    """As an older version has chosen it."""
    best = {"overrides": ["loss=huber"], "metric": "val/loss", "mode": "min", "mean": 0.1, "runs": ["huber"]}
    (two / "best.yaml").write_text(json.dumps(best))
    with pytest.raises(UserError, match=r"^metric: val/loss is not the same measure"):
        rank_folder(two, None, None, None)


def test_a_sweep_over_losses_has_no_best_by_its_loss(tmp_path: Path) -> None:
    jobs = [
        Job(n, {"loss": name}, COMPLETE, {"val/loss": value, "val/rmse": -value}, folder=str(n), loss=loss(name))
        for n, (name, value) in enumerate([("mse", 0.4), ("huber", 0.1)])
    ]
    by_loss, by_error = Objective("val/loss", "min"), Objective("val/rmse", "min")
    (tmp_path / "best.yaml").write_text("old")
    write_results(tmp_path, jobs, [by_loss])
    assert not (tmp_path / "best.yaml").exists()
    text = summary(jobs, [by_loss])
    assert "note: val/loss is not the same measure in all trials (loss=huber, mse), so none is the best" in text
    assert text.index("mse  ") < text.index("huber  "), "in the order of their numbers, not of a rank"
    write_results(tmp_path, jobs, [by_error])
    assert "loss=mse" in (tmp_path / "best.yaml").read_text()
    write_results(tmp_path, [replace(job, loss=loss("mse")) for job in jobs], [by_loss])
    assert "loss=huber" in (tmp_path / "best.yaml").read_text()


@pytest.mark.parametrize(
    ("data", "has_best"),
    [
        (["a/0.8-0.1-0.1", "a/0.8-0.1-0.1"], True),
        (["a/0.8-0.1-0.1", "a/0.6-0.2-0.2"], False),
        (["a/0.8-0.1-0.1", "a/0.8-0.1-0.1 in part"], False),
        (["a/0.8-0.1-0.1", "b/0.8-0.1-0.1"], True),
        (["a", "b"], True),
        ([None, "a/0.8-0.1-0.1"], True),
    ],
)
def test_a_sweep_over_splits_has_no_best_and_one_over_features_has(
    data: list[str | None], has_best: bool, tmp_path: Path
) -> None:
    jobs = [Job(n, {"x": str(n)}, COMPLETE, {"val/acc": 0.5}, folder=str(n), data=one) for n, one in enumerate(data)]
    objectives = [Objective("val/acc", "max")]
    write_results(tmp_path, jobs, objectives)
    assert (tmp_path / "best.yaml").exists() == has_best
    assert ("the same rows are split in several ways" in summary(jobs, objectives)) != has_best


@pytest.fixture(scope="module")
def tails(made_once: Callable[[str, Callable[[Path], None]], Path]) -> Path:
    """A target with heavy tails, which losses weigh differently."""

    def make(folder: Path) -> None:
        random = np.random.RandomState(1)
        x = random.standard_normal((120, 2)).astype(np.float32)
        np.save(folder / "x.npy", x)
        np.save(folder / "y.npy", (3 * x[:, 0] + random.standard_t(2, 120)).astype(np.float32))

    return made_once("tails", make)


SHORT = ["trainer=cpu", "trainer.max_epochs=1", "logger=none", "preflight=false", "model.hidden_sizes=[4]"]


@pytest.mark.parametrize(
    "swept", [["loss=mse,mae,huber"], ["loss=auto,mae", "seed=1,2"], ["sweep=optuna", "loss=mse,mae"]]
)
def test_a_sweep_over_losses_asks_before_its_first_job(swept: list[str], tails: Path, tmp_path: Path) -> None:
    data = ["data=npy", f"data.features={tails / 'x.npy'}", f"data.labels={tails / 'y.npy'}"]
    done = run_script("train.py", "-m", *data, *SHORT, *swept, "hydra.sweep.dir=sweep", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("error: sweep.metric: val/loss is not the same measure everywhere (loss=")
    assert "as sweep.metric=val/mae sweep.mode=min" in done.stderr
    assert not (tmp_path / "sweep").exists(), "nothing has run"


def test_a_sweep_over_losses_is_ranked_by_what_they_share(tails: Path, tmp_path: Path) -> None:
    data = ["data=npy", f"data.features={tails / 'x.npy'}", f"data.labels={tails / 'y.npy'}"]
    by = ["sweep.metric=val/rmse", "sweep.mode=min", "hydra.sweep.dir=sweep"]
    done = run_script("train.py", "-m", *data, *SHORT, "loss=mse,mae", *by, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    errors = [json.loads((tmp_path / f"sweep/{n}/metrics.json").read_text())["metrics"]["val/rmse"] for n in (0, 1)]
    best = yaml.safe_load((tmp_path / "sweep" / "best.yaml").read_text())
    assert best["best_run"] == str(int(np.argmin(errors)))
    assert best["mean"] == pytest.approx(min(errors))
