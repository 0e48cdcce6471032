"""A run at a service is one run, however often it is stopped: its rows are there once."""

import importlib
import json
from pathlib import Path
from typing import Any

import pytest
from lightning.pytorch.loggers import Logger

from trainhouse.configuration.errors import UserError
from trainhouse.runs.description import Description
from trainhouse.runs.log_position import LogPosition, cut_back, sizes
from trainhouse.runs.service_run import ServiceRun, service_run
from trainhouse.runs.services import MLFlow, Service
from trainhouse.runs.shown import begin_loggers, end_loggers, training_has_ended
from trainhouse.tests.common import composed, run_script
from trainhouse.training.final_test import _logged_as
from trainhouse.training.train import train

ABOUT = Description("run", "a: 1", {"a": 1}, {"a": 1}, ("tag",))


class Store(Logger):
    """A logger that keeps its rows elsewhere."""

    def __init__(self, key: str, rows: list[Any]) -> None:
        super().__init__()
        self.key, self.rows, self.ends = key, rows, []  # type: ignore[var-annotated]

    name = "store"

    @property
    def version(self) -> str:
        return self.key

    def log_metrics(self, metrics: Any, step: int | None = None) -> None:
        self.rows.append((step, dict(metrics)))

    def log_hyperparams(self, params: Any, *_: Any) -> None:
        self.rows.append(params)

    def finalize(self, status: str) -> None:
        self.ends.append(status)


class Kept(Service):
    package, run_id, run_name = "store", "key", "name"

    def describe(self, logger: Any, about: Description) -> None:
        logger.log_hyperparams(about.chosen)


def start(folder: Path, rows: list[Any], position: LogPosition | None = None, service: Any = Kept) -> Store:
    run = ServiceRun(service(), "logger.mine", folder)
    logger = Store(**run.arguments(), rows=rows)
    run.stand_before(logger)
    if position:
        cut_back(logger, position)
    begin_loggers([logger], ABOUT)
    return logger


def test_a_resumed_run_is_the_same_and_logs_no_row_twice(tmp_path: Path) -> None:
    rows: list[Any] = []
    first = start(tmp_path, rows)
    for step in range(3):
        first.log_metrics({"x": step}, step=step)
    position = LogPosition(3, sizes([first]))
    for step in range(3, 5):  # after the checkpoint; then it is killed
        first.log_metrics({"x": step}, step=step)
    second = start(tmp_path, rows, position)
    assert second.version == first.version
    for step in range(3, 7):
        second.log_metrics({"x": step}, step=step)
    assert rows == [{"a": 1}, *((step, {"x": step}) for step in range(7))]


def test_a_run_that_starts_again_before_its_first_checkpoint_logs_no_row_twice(tmp_path: Path) -> None:
    rows: list[Any] = []
    start(tmp_path, rows).log_metrics({"x": 0}, step=0)
    again = start(tmp_path, rows, LogPosition(files={}))
    again.log_metrics({"x": 0}, step=0)
    again.log_metrics({"x": 1}, step=1)
    assert rows[1:] == [(0, {"x": 0}), (1, {"x": 1})]


def test_what_comes_after_training_does_not_count(tmp_path: Path) -> None:
    rows: list[Any] = []
    first = start(tmp_path, rows)
    first.log_metrics({"x": 0}, step=0)
    position = LogPosition(1, sizes([first]))
    training_has_ended([first])
    with _logged_as([first], lambda name: f"test/{name}"):
        first.log_metrics({"x": 9}, step=1)
    end_loggers([first])
    longer = start(tmp_path, rows, position)
    longer.log_metrics({"x": 1}, step=1)
    assert rows[1:] == [(0, {"x": 0}), (1, {"test/x": 9}), (1, {"x": 1})]


def test_the_run_ends_once_and_not_with_each_act_of_lightnings(tmp_path: Path) -> None:
    logger = start(tmp_path, [])
    logger.finalize("success")
    assert logger.ends == []
    end_loggers([logger], succeeded=False)
    assert logger.ends == ["failed"]


def test_the_number_of_the_epoch_is_no_curve_where_it_would_be_one(tmp_path: Path) -> None:
    class NoEpochs(Kept):
        has_epochs = MLFlow.has_epochs

    rows: list[Any] = []
    start(tmp_path, rows, service=NoEpochs).log_metrics({"x": 1, "epoch": 0}, step=0)
    assert rows[1:] == [(0, {"x": 1})]


@pytest.mark.parametrize("text", ["", "{", '{"id": "../x", "rows": 3}', '{"id": "a"}', "[]"])
def test_a_record_that_is_damaged_or_crafted_is_none(text: str, tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs/mine.json").write_text(text)
    run = ServiceRun(Kept(), "logger.mine", tmp_path)
    assert (run.id, run.is_new) == (None, True)


def test_a_service_that_does_not_let_a_run_in_says_so_in_one_line(tmp_path: Path) -> None:
    class Closed(Kept):
        def describe(self, logger: Any, about: Description) -> None:
            raise RuntimeError("no such\nproject")

    with pytest.raises(UserError, match=r"^logger.mine: store did not begin the run \(no such project\)$"):
        start(tmp_path, [], service=Closed)


PACKAGES = {"wandb": "wandb", "mlflow": "mlflow", "comet": "comet_ml", "aim": "aim"}
SMALL = ["trainer=cpu", "data.rows=200", "data.path=rows.npy", "model.hidden_sizes=[4]", "threads=1"]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("logger", PACKAGES)
def test_a_run_goes_to_each_service_and_is_resumed_there(
    logger: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip(PACKAGES[logger])
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COMET_DISABLE_AUTO_LOGGING", "1")
    run = tmp_path / "run"
    train(composed(*SMALL, f"logger={logger}", "trainer.max_epochs=2", "tags=[a]", "log_gradients=true"), run)
    before = json.loads((run / f"logs/{logger}.json").read_text())
    done = run_script("train.py", "resume=run", "trainer.max_epochs=3", cwd=tmp_path, fresh=True)
    assert done.returncode == 0, done.stderr
    after = json.loads((run / f"logs/{logger}.json").read_text())
    assert after["id"] == before["id"]
    assert after["rows"] > before["rows"] > 4
    if logger == "mlflow":
        client = importlib.import_module("mlflow").MlflowClient(f"sqlite:///{tmp_path}/outputs/mlflow.db")
        assert client.get_run(after["id"]).info.status == "FINISHED"
        assert len(client.get_metric_history(after["id"], "val/loss")) == 3


def test_a_logger_of_files_has_no_run_elsewhere(tmp_path: Path) -> None:
    assert service_run(Store("x", [])) is None
