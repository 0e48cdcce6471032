"""What a run says of itself, in the cases where it is easy to say something untrue."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from src.data.fake import read_fake
from trainhouse.arrays.spec import Dataset
from trainhouse.checkpoints.checkpoint import load_checkpoint
from trainhouse.configuration.errors import UserError
from trainhouse.tests.common import composed, read_history, run_script
from trainhouse.training.train import TrainingResult, train

QUIET = ["++callbacks.progress_bar=null"]


@pytest.fixture(autouse=True)
def working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(*overrides: str) -> tuple[TrainingResult, dict[str, Any]]:
    result = train(composed(*QUIET, *overrides), Path("run"))
    return result, json.loads(Path("run/metrics.json").read_text())


def test_the_numbers_are_those_of_the_best_model_though_it_is_from_the_middle_of_an_epoch() -> None:
    options = ["trainer.val_check_interval=0.2", "optimizer.lr=0.05", "trainer.max_epochs=2", "data.batch_size=256"]
    result, written = run(*options)
    best = load_checkpoint("run")
    at_epoch_ends = [row["val/loss"] for row in read_history(Path("run/logs/metrics.csv"))]
    assert written["metrics"]["val/loss"] == result.best_value == best.metrics["val/loss"] <= min(at_epoch_ends)


def test_an_epoch_without_validation_has_no_validation_numbers() -> None:
    run("trainer.check_val_every_n_epoch=2", "trainer.max_epochs=3")
    assert ["val/loss" in row for row in read_history(Path("run/logs/metrics.csv"))] == [False, True, False]


def test_a_run_that_diverged_has_failed() -> None:
    with pytest.raises(UserError, match=r"^training diverged: the loss is .* at epoch 1, step \d+, batch \d+; "):
        run("optimizer=sgd", "optimizer.lr=1e30", "trainer.max_epochs=2")
    assert json.loads(Path("run/metrics.json").read_text())["status"] == "failed"


def test_only_rows_that_were_trained_on_count_for_the_speed() -> None:
    run("trainer.limit_train_batches=3", "data.batch_size=10", "trainer.max_epochs=2")
    assert [row["train_rows"] for row in read_history(Path("run/logs/metrics.csv"))] == [30, 30]


def read_elsewhere(**arguments: Any) -> Dataset:
    return read_fake(**arguments)


def test_what_no_file_may_name_is_named_before_training(caplog: pytest.LogCaptureFixture) -> None:
    run(f"data._target_={__name__}.read_elsewhere", "trainer.max_epochs=1")
    (said,) = [record.message for record in caplog.records if record.levelname == "WARNING"]
    assert said.startswith(f"warning: data._target_ is '{__name__}.read_elsewhere'; a file may only name ")
    assert said.endswith("; until it may, eval.py, infer.py and resume= will refuse what this run saves")


def test_numbers_of_some_batches_are_not_ranked() -> None:
    _, written = run("trainer.limit_val_batches=1", "trainer.max_epochs=1")
    assert written["measured_in_part"] is True


def test_a_run_without_test_batches_is_complete() -> None:
    result, written = run("trainer.limit_test_batches=0", "trainer.max_epochs=1")
    assert written["status"] == "completed"
    assert not any(name.startswith("test/") for name in result.metrics)


def test_a_run_that_monitors_nothing_ends_with_its_last_model() -> None:
    result, written = run("monitor=null", "trainer.max_epochs=2")
    assert (result.best_epoch, result.best_model) == (2, "checkpoints/last.ckpt")
    assert math.isnan(result.best_value)
    assert (written["monitor"], written["best_model"], written["stopped_by"]) == (
        None,
        "checkpoints/last.ckpt",
        "max_epochs",
    )
    assert not Path("run/checkpoints/best_model.ckpt").exists()
    assert "test/acc" in written["metrics"]
    assert load_checkpoint("run").path == Path("run/checkpoints/last.ckpt")


def test_a_result_says_the_better_end_of_its_metrics_and_that_it_can_be_resumed_exactly() -> None:
    _, written = run("trainer.max_epochs=1")
    assert set(written["directions"]) == set(written["metrics"])
    assert (written["directions"]["val/loss"], written["directions"]["test/acc"]) == ("min", "max")
    assert written["exact"] is True
    assert "not_exact" not in written


def test_a_training_monitor_works_with_several_validations_per_epoch() -> None:
    options = ["monitor=train/loss", "trainer.val_check_interval=0.5", "trainer.max_epochs=2"]
    result, _ = run(*options)
    assert result.best_value == result.metrics["train/loss"]


def test_a_set_to_learn_by_heart_is_the_same_in_each_epoch() -> None:
    run("debug=overfit", "trainer.max_epochs=60", "optimizer.lr=1e-2", "model.dropout=0")
    assert read_history(Path("run/logs/metrics.csv"))[-1]["train/acc"] == 1.0


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    """A model of arrays, in which half of the rows say something else than `new.npy` does."""
    random = np.random.RandomState(0)
    x = random.standard_normal((300, 4)).astype(np.float32)
    np.save("X.npy", x)
    np.save("y.npy", (x[:, 0] > 0).astype(int))
    np.save("new_X.npy", x[:5])
    np.save("new_y.npy", (x[:5, 0] <= 0).astype(int))  # wrong on purpose
    options = ["data=npy", "data.features=X.npy", "data.labels=y.npy", "optimizer.lr=1e-2", "trainer.max_epochs=10"]
    train(composed(*QUIET, *options), Path("run"))
    return tmp_path


def evaluated(folder: Path, *arguments: str) -> dict[str, Any]:
    done = run_script("eval.py", "ckpt_path=run", "hydra.run.dir=eval", *arguments, cwd=folder)
    assert done.returncode == 0, done.stderr
    return json.loads((folder / "eval/metrics.json").read_text())


def test_new_rows_are_evaluated_all_however_few(trained: Path) -> None:
    found = evaluated(trained, "data.features=new_X.npy", "data.labels=new_y.npy")
    assert found["rows"] == 5
    assert found["metrics"]["all/acc"] <= 0.4


def test_a_new_test_file_is_what_is_evaluated(trained: Path) -> None:
    found = evaluated(trained, "data.test_features=new_X.npy", "data.test_labels=new_y.npy")
    assert found["rows"] == 5
    assert found["metrics"]["test/acc"] <= 0.4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["data.split_seed=1"], "data.split_seed: decides which rows the model was trained on"),
        (["data.features=new_X.npy", "data.labels=new_y.npy", "split=val"], "split: of data other than"),
        (["data.features=new_X.npy"], "data.labels: give the labels of the new data.features too"),
        (["trainer.limit_test_batches=0"], "trainer.limit_test_batches: leaves nothing"),
    ],
)
def test_rows_that_may_have_been_trained_on_are_never_called_a_test(
    arguments: list[str], message: str, trained: Path
) -> None:
    done = run_script("eval.py", "ckpt_path=run", "hydra.run.dir=eval", *arguments, cwd=trained)
    assert done.returncode == 1
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_data_that_changed_since_training_is_refused(trained: Path) -> None:
    np.save("X.npy", np.load("X.npy") + 1)
    done = run_script("eval.py", "ckpt_path=run", "hydra.run.dir=eval", cwd=trained)
    assert done.returncode == 1
    assert "X.npy: has changed since" in done.stderr
