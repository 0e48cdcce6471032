"""Any number of loggers: each below the run's folder, each going on where the run was stopped."""

import csv
import json
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import pytest
from lightning.pytorch.loggers import CSVLogger as LightningCSVLogger
from lightning.pytorch.loggers import Logger, TensorBoardLogger
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from trainhouse.checkpoints.checkpoint import read
from trainhouse.checkpoints.writing import CheckpointRecord
from trainhouse.configuration.errors import UserError
from trainhouse.resuming.exact_resume import ExactResume
from trainhouse.runs import csv_logger
from trainhouse.runs.csv_logger import CSVLogger, StepsFile, keep_rows, whole_rows
from trainhouse.runs.log_position import LogPosition
from trainhouse.runs.loggers import build_loggers, close_loggers, log_figure, log_hyperparameters
from trainhouse.tests.conftest import Config, composed
from trainhouse.tests.tiny import CLASSES, tiny_data, tiny_module, tiny_trainer
from trainhouse.training.callbacks import History, LastCheckpoint, log_position

CSV = {"_target_": "lightning.pytorch.loggers.CSVLogger", "name": "logs", "version": "steps"}
TENSORBOARD = {"_target_": "lightning.pytorch.loggers.TensorBoardLogger", "name": "logs", "version": ""}
STEPS = "logs/steps/metrics.csv"


class Diary(Logger):
    """A user's own logger: a line for everything it is told."""

    def __init__(self, save_dir: str, name: str = "diary") -> None:
        super().__init__()
        self.folder, self.own_name, self.lines = Path(save_dir), name, []  # type: ignore[var-annotated]

    @property
    def name(self) -> str:
        return self.own_name

    @property
    def version(self) -> str:
        return ""

    def log_metrics(self, metrics: Any, step: int | None = None) -> None:
        self.lines.append((step, dict(metrics)))

    def log_hyperparams(self, params: Any, *_: Any) -> None:
        self.lines.append(params)

    def log_image(self, key: str, images: list[Any]) -> None:
        self.lines.append((key, [image.shape for image in images]))

    def finalize(self, status: str) -> None:
        self.lines.append(status)


class Silent(Diary):
    """One that takes no hyperparameters."""

    log_image = None  # type: ignore[assignment]

    def log_hyperparams(self, params: Any, *_: Any) -> None:
        raise NotImplementedError


class Subclass(LightningCSVLogger):
    """A user's own kind of Lightning's logger."""


class Killed(BaseException):
    """Ends the program where it stands."""


class Kill(L.Callback):
    """Kills the run after the batch of this number."""

    def __init__(self, after: int | None) -> None:
        self.after = after

    def on_train_batch_end(self, trainer: L.Trainer, *_: Any) -> None:
        if trainer.global_step == self.after:
            raise Killed


def fit(folder: Path, node: Any, resume: bool = False, kill: int | None = None, epochs: int = 3) -> list[Logger]:
    """Train with the loggers of `node`: five steps an epoch, a checkpoint after every two of them."""
    data, last = tiny_data(CLASSES), folder / "checkpoints/last.ckpt"
    loggers = build_loggers(node, folder, log_position(read(last)) if resume else None)
    callbacks = [
        CheckpointRecord({}, data.spec, {}),
        ExactResume(0, data.cursor),
        History(folder / "logs/metrics.csv"),
        LastCheckpoint(str(last.parent), every_n_train_steps=2),
        Kill(kill),
    ]
    trainer = tiny_trainer(folder, *callbacks, checkpoints=True, max_epochs=epochs, logger=loggers or False)
    try:
        trainer.fit(tiny_module(data, log_every_n_steps=1), data, ckpt_path=last if resume else None)
    except Killed:
        assert kill
    return loggers


def rows(folder: Path) -> list[Config]:
    with open(folder / STEPS, newline="") as file:
        return [{name: float(value) for name, value in row.items() if value} for row in csv.DictReader(file)]


def shown(folder: Path) -> Config:
    """What TensorBoard shows; its files in the order of their numbers, which it takes from their seconds."""
    found: Config = {}
    for path in sorted((folder / "logs").glob("*tfevents*"), key=lambda path: int(path.name.rpartition(".")[2])):
        events = EventAccumulator(str(path), {"scalars": 0})
        events.Reload()
        for tag in events.Tags()["scalars"]:
            found.setdefault(tag, []).extend((event.step, event.value) for event in events.Scalars(tag))
    return found


@pytest.mark.parametrize(
    ("option", "classes"),
    [
        ("csv", [CSVLogger]),
        ("tensorboard", [TensorBoardLogger]),
        ("[csv,tensorboard]", [CSVLogger, TensorBoardLogger]),
        ("none", []),
    ],
)
def test_the_options_compose_to_that_many_loggers(option: str, classes: list[type], tmp_path: Path) -> None:
    loggers = build_loggers(composed(f"logger={option}").get("logger"), tmp_path)
    assert [type(logger) for logger in loggers] == classes
    assert list(tmp_path.iterdir()) == [], "nothing is written before there is something to write"


@pytest.mark.parametrize("node", [None, {}, {"csv": None}])
def test_nothing_named_is_no_logger(node: Any, tmp_path: Path) -> None:
    assert build_loggers(node, tmp_path) == []


def test_a_single_logger_without_a_name_is_what_older_runs_have(tmp_path: Path) -> None:
    (logger,) = build_loggers(CSV, tmp_path)
    assert logger.log_dir == str(tmp_path / "logs/steps")


def test_all_loggers_are_told_the_same(tmp_path: Path) -> None:
    diary = {"_target_": f"{__name__}.Diary"}
    loggers = fit(tmp_path, {"csv": CSV, "tensorboard": TENSORBOARD, "diary": diary}, epochs=1)
    of_csv = [(row["step"], row["step/loss"]) for row in rows(tmp_path) if "step/loss" in row]
    of_diary = [(step, metrics["step/loss"]) for step, metrics in loggers[2].lines[:-1] if "step/loss" in metrics]
    assert len(of_csv) == 5
    assert of_csv == of_diary
    assert [(step, pytest.approx(loss)) for step, loss in of_csv] == shown(tmp_path)["step/loss"]
    assert loggers[2].folder == tmp_path


BOTH = {"csv": {**CSV, "flush_logs_every_n_steps": 3}, "tensorboard": TENSORBOARD}


@pytest.mark.parametrize("kills", [[3], [7], [4, 7], [3, 4, 9, 14]], ids=str)
def test_a_run_killed_any_number_of_times_has_logged_what_one_never_killed_has(
    kills: list[int], tmp_path: Path
) -> None:
    fit(tmp_path / "whole", BOTH)
    for number, kill in enumerate([*kills, None]):
        fit(tmp_path / "run", BOTH, resume=number > 0, kill=kill)
    assert rows(tmp_path / "run") == rows(tmp_path / "whole")
    assert shown(tmp_path / "run") == shown(tmp_path / "whole")


def test_an_older_run_with_one_logger_goes_on_too(tmp_path: Path) -> None:
    fit(tmp_path / "whole", CSV)
    fit(tmp_path / "run", CSV, kill=8)
    fit(tmp_path / "run", CSV, resume=True)
    assert rows(tmp_path / "run") == rows(tmp_path / "whole")


def test_no_moment_leaves_fewer_rows_than_were_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fit(tmp_path, CSV, kill=8)
    kept = [row for row in rows(tmp_path) if row["step"] < 8]
    assert len(kept) > 8

    def look() -> None:
        assert rows(tmp_path)[: len(kept)] == kept

    for owner, name in ((StepsFile, "log_metrics"), (StepsFile, "save"), (csv_logger, "_replace")):
        inner = getattr(owner, name)
        monkeypatch.setattr(owner, name, lambda *a, inner=inner, **k: (look(), inner(*a, **k), look())[1])
    (logger,) = build_loggers(CSV, tmp_path, LogPosition(step=8))
    look()
    logger.log_metrics({"step/loss": 1.0}, step=8)
    logger.log_metrics({"a new column": 1.0}, step=9)
    logger.save()
    logger.log_hyperparams({"a": 1})
    last = rows(tmp_path)[-2:]
    assert last == [{"step": 8.0, "step/loss": 1.0}, {"step": 9.0, "a new column": 1.0}]


def test_a_full_disk_leaves_the_rows_as_they_were(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fit(tmp_path, CSV, kill=8)
    before = (tmp_path / STEPS).read_bytes()

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        build_loggers(CSV, tmp_path, LogPosition(step=7))
    assert (tmp_path / STEPS).read_bytes() == before


def test_a_line_that_a_kill_has_cut_short_is_no_row(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    path.write_bytes(b"a\xe2\x80\xa8,step\r\n1.0,3\r\n,12\r\n2.0,1")
    kept = [{"a\u2028": "1.0", "step": "3"}, {"a\u2028": "", "step": "12"}]
    assert whole_rows(path) == kept
    keep_rows(path, lambda number, _: number < 9)
    assert path.read_bytes() == b"a\xe2\x80\xa8,step\r\n1.0,3\r\n,12\r\n"
    keep_rows(path, lambda number, _: number < 1)
    assert whole_rows(path) == kept[:1]
    keep_rows(tmp_path / "none.csv", lambda number, _: False)
    assert whole_rows(tmp_path / "none.csv") == []


def test_a_run_from_its_beginning_has_no_rows_of_an_earlier_one(tmp_path: Path) -> None:
    for _ in range(2):
        fit(tmp_path, CSV, epochs=1)
    assert [row["step"] for row in rows(tmp_path) if "step/loss" in row] == list(range(5))


@pytest.mark.filterwarnings("ignore:Experiment logs directory")
def test_a_subclass_of_a_users_own_keeps_its_rows_too(tmp_path: Path) -> None:
    node = {**CSV, "_target_": f"{__name__}.Subclass"}
    (logger,) = fit(tmp_path / "whole", node)
    assert type(logger) is Subclass
    fit(tmp_path / "run", node, kill=8)
    before = [row for row in whole_rows(tmp_path / "run" / STEPS) if int(row["step"]) < 8]
    build_loggers(node, tmp_path / "run", LogPosition(step=8))
    assert whole_rows(tmp_path / "run" / STEPS) == before, "never gone, nor written at the next flush only"
    fit(tmp_path / "run", node, resume=True)
    assert rows(tmp_path / "run") == rows(tmp_path / "whole")


def test_hyperparameters_and_figures_go_to_the_loggers_that_have_a_place_for_them(tmp_path: Path) -> None:
    own = {"diary": {"_target_": f"{__name__}.Diary"}, "silent": {"_target_": f"{__name__}.Silent"}}
    loggers = build_loggers({"csv": CSV, "tensorboard": TENSORBOARD, **own}, tmp_path)
    config = {"optimizer": {"lr": 0.1}}
    log_hyperparameters(loggers, config, None)
    loggers[1].log_metrics({"x": 1.0}, step=0)
    log_hyperparameters(loggers, config, {"val/loss": 0.5})
    log_figure(loggers, "curve", np.zeros((3, 4, 4), np.uint8))
    close_loggers(loggers)
    events = EventAccumulator(str(tmp_path / "logs"))
    events.Reload()
    assert events.Scalars("final/val/loss")[0].value == 0.5
    assert "_hparams_/experiment" in events.Tags()["tensors"] or events.SummaryMetadata("_hparams_/experiment")
    assert (events.Images("curve")[0].height, events.Images("curve")[0].width) == (3, 4)
    for place in ("logs/hparams.yaml", "logs/steps/hparams.yaml"):
        assert "lr: 0.1" in (tmp_path / place).read_text()
    assert loggers[2].lines == [config, config, ("curve", [(3, 4, 4)]), "success"]
    assert loggers[3].lines == ["success"]


@pytest.mark.parametrize(
    ("node", "message"),
    [
        ("csv", "logger: expected a mapping, or null, got 'csv'"),
        ({"csv": "x"}, "logger.csv: expected a mapping with _target_, or null, got 'x'"),
        ({"csv": {"name": "logs"}}, "logger.csv._target_: expected 'package.module.Name', got None"),
        (
            {"csv": {**CSV, "nmae": 1}},
            "logger.csv.nmae: lightning.pytorch.loggers.CSVLogger takes no such argument; did",
        ),
        ({"csv": {**CSV, "save_dir": "x"}}, "logger.csv.save_dir: a run writes into its own folder; leave it out"),
        (
            {"own": {**TENSORBOARD, "root_dir": "x"}},
            "logger.own.root_dir: a run writes into its own folder; leave it out",
        ),
        ({"csv": {**CSV, "version": "../x"}}, "logger.csv.version: '../x' leads out of the run's folder"),
        ({"b": {**TENSORBOARD, "sub_dir": "/x"}}, "logger.b.sub_dir: '/x' leads out of the run's folder"),
        ({"a": CSV, "b": CSV}, "logger.b.version: logs/steps/metrics.csv is that of logger.a; set another version"),
        (
            {"a": {**CSV, "version": ""}},
            "logger.a.version: logs/metrics.csv is the run's own table of epochs; set another",
        ),
        (
            {"a": {"_target_": "pathlib.Path"}},
            "logger.a._target_: expected a logger of Lightning or a subclass, got path",
        ),
        ({**CSV, "version": "../x"}, "logger.version: '../x' leads out of the run's folder"),
        ({"csv": CSV, "name": "x"}, "logger.name: expected a mapping with _target_, or null, got 'x'"),
        (
            {"a": {"_target_": "nowhere.Logger"}},
            "logger.a._target_: cannot load 'nowhere.Logger' (ModuleNotFoundError: No",
        ),
    ],
    ids=lambda value: json.dumps(value) if isinstance(value, dict) else None,
)
def test_a_mistake_is_one_line_with_its_key(node: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError) as refused:
        build_loggers(node, tmp_path)
    assert str(refused.value).startswith(message)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(("name", "package"), [("WandbLogger", "wandb"), ("MLFlowLogger", "mlflow")])
def test_a_package_that_is_missing_is_named_in_one_line(
    name: str, package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = f"lightning.pytorch.loggers.{package}"
    missing = type("Missing", (), {"__bool__": lambda _: False, "__str__": lambda _: f"'{package}' not met.\nTry"})()
    monkeypatch.setattr(f"{found}._{package.upper()}_AVAILABLE", missing)
    with pytest.raises(UserError) as refused:
        build_loggers({"own": {"_target_": f"lightning.pytorch.loggers.{name}"}}, tmp_path)
    assert str(refused.value) == f"logger.own: '{package}' not met. Try"
