"""What loggers have written survives any number of kills at any moment: nothing is lost, and nothing is there twice."""

import csv
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import lightning as L
import pytest
import torch
from lightning.pytorch.callbacks import Checkpoint
from lightning.pytorch.loggers import CSVLogger as LightningCSVLogger
from lightning.pytorch.strategies import SingleDeviceStrategy

from trainhouse.checkpoints.checkpoint import read
from trainhouse.checkpoints.writing import AtomicCheckpointIO, CheckpointRecord
from trainhouse.configuration.settings import Train
from trainhouse.configuration.views import Parts
from trainhouse.resuming.exact_resume import ExactResume
from trainhouse.resuming.logged_values import about_to_log
from trainhouse.runs.log_position import LogPosition
from trainhouse.runs.loggers import build_loggers
from trainhouse.tests.logged import BOTH, STEPS, TENSORBOARD, shown
from trainhouse.tests.tiny import CLASSES, tiny_data, tiny_module, tiny_trainer
from trainhouse.training.callbacks import History, LastCheckpoint, log_position


class Own(L.LightningModule):
    """A user's own: logs each step of training and validation, and what Lightning adds up of them."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.network = torch.nn.Linear(4, 3)

    def loss(self, batch: Any) -> torch.Tensor:
        x, y = batch
        return torch.nn.functional.cross_entropy(self.network(x), y)

    def training_step(self, batch: Any, batch_idx: int) -> torch.Tensor:
        loss = self.loss(batch)
        self.log("loss", loss, on_step=True, on_epoch=True)
        return loss

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self.log("val_loss", self.loss(batch), on_step=True, on_epoch=True)

    def configure_optimizers(self) -> Any:
        return torch.optim.SGD(self.parameters(), lr=0.1)


class Stepped(Own):
    """One that says itself what its steps are: the batches."""

    batches = 0

    def training_step(self, batch: Any, batch_idx: int) -> torch.Tensor:
        self.batches += 1
        self.log("step", float(self.batches))
        return super().training_step(batch, batch_idx)


class Killed(BaseException):
    """Ends the program where it stands."""


class Moments:
    """Counts the moments before and after each write; ends the program at the one of number `last`."""

    def __init__(self, last: int | None = None) -> None:
        self.last, self.count = last, 0

    @contextmanager
    def around(self) -> Iterator[None]:
        self.pass_by()
        yield
        self.pass_by()

    def pass_by(self) -> None:
        self.count += 1
        if self.count == self.last:
            raise Killed


class SaveAfterValidation(Checkpoint):
    """As one that keeps the best model."""

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        trainer.save_checkpoint(Path(trainer.default_root_dir, "checkpoints/last.ckpt"))


def fit(folder: Path, kind: str, options: dict[str, Any], moments: Moments, monkeypatch: pytest.MonkeyPatch) -> None:
    """Train two epochs of seven batches, with a checkpoint after every step; resume if one is there."""
    data, last = tiny_data(CLASSES, rows=23, batch_size=2), folder / "checkpoints/last.ckpt"
    saved = read(last) if last.exists() else None
    loggers = build_loggers(Parts(BOTH), folder, log_position(saved) if saved else None)
    folder.mkdir(exist_ok=True)
    (folder / "config.yaml").touch()
    for owner in (*map(type, loggers), AtomicCheckpointIO):
        for name in {"log_metrics", "save_checkpoint"} & set(dir(owner)):
            inner = getattr(owner, name)

            def write(*a: Any, inner: Any = inner, **k: Any) -> None:
                with moments.around():
                    inner(*a, **k)

            monkeypatch.setattr(owner, name, write)
    callbacks = [
        CheckpointRecord(Train({}), data.spec, {}),
        ExactResume(0, data.cursor),
        History(folder / "logs/metrics.csv"),
        SaveAfterValidation(),
        LastCheckpoint(str(last.parent), every_n_train_steps=1),
    ]
    options = {"max_epochs": 2, "logger": loggers, "plugins": [AtomicCheckpointIO()], **options}
    trainer = tiny_trainer(folder, *callbacks, checkpoints=True, **options)
    modules: dict[str, Any] = {"own": Own, "stepped": Stepped}
    module = modules[kind]() if kind in modules else tiny_module(data, log_every_n_steps=1)
    with suppress(Killed):
        trainer.fit(module, data, ckpt_path=last if saved else None)
    monkeypatch.undo()


def logged(folder: Path) -> Any:
    with open(folder / STEPS, newline="") as file:
        rows = [{name: float(value) for name, value in row.items() if value} for row in csv.DictReader(file)]
    return rows, shown(folder)


ACCUMULATED: dict[str, Any] = {"accumulate_grad_batches": 4, "val_check_interval": 0.5}


@pytest.mark.parametrize(
    ("kind", "options", "stride"),
    [("own", {}, 17), ("own", ACCUMULATED, 11), ("house", ACCUMULATED, 13), ("stepped", ACCUMULATED, 17)],
    ids=["own", "own accumulated", "house accumulated", "own steps"],
)
def test_a_run_killed_around_any_write_has_logged_what_one_never_killed_has(
    kind: str, options: dict[str, Any], stride: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moments = Moments()
    fit(tmp_path / "whole", kind, options, moments, monkeypatch)
    whole = logged(tmp_path / "whole")
    assert len(whole[0]) > 8
    assert moments.count > 30
    differing = []
    for last in range(1, moments.count + 1, int(os.environ.get("MOMENTS", stride))):
        folder = tmp_path / str(last)
        for end in (last, 5, None):
            fit(folder, kind, options, Moments(end), monkeypatch)
        if logged(folder) != whole:
            differing.append(last)
    assert differing == []


class AccumulatesByItself(SingleDeviceStrategy):
    """As DeepSpeed, which takes no step on a shorter last group of batches."""

    handles_gradient_accumulation = True


class Announced(L.Callback):
    """Asks in each hook after a batch what will be logged."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []

    def on_train_batch_end(self, trainer: L.Trainer, *_: Any) -> None:
        self.rows += about_to_log(trainer)


@pytest.mark.parametrize(("strategy", "steps"), [(SingleDeviceStrategy, 2), (AccumulatesByItself, 1)])
def test_a_shorter_last_group_is_announced_if_it_is_logged(strategy: Any, steps: int, tmp_path: Path) -> None:
    announced, logger = Announced(), LightningCSVLogger(tmp_path)
    options = {"logger": logger, "strategy": strategy("cpu"), "accumulate_grad_batches": 4, "limit_val_batches": 0}
    tiny_trainer(tmp_path, announced, **options).fit(Own(), tiny_data(CLASSES, rows=23, batch_size=2))
    with open(Path(logger.log_dir, "metrics.csv"), newline="") as file:
        found = [(int(row["step"]), float(row["loss_step"])) for row in csv.DictReader(file) if row["loss_step"]]
    assert [(row["step"], row["metrics"]["loss_step"]) for row in announced.rows] == found
    assert len(found) == steps


class OwnFile(LightningCSVLogger):
    """A user's own, with a file of another kind, which begins by deleting what is there."""

    @property
    def experiment(self) -> Any:
        return super().experiment


@pytest.mark.filterwarnings("ignore:Experiment logs directory")
def test_a_logger_that_deletes_its_file_loses_nothing_by_a_kill_before_it_has_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = {"_target_": f"{__name__}.OwnFile", "name": "logs", "version": "steps"}
    (logger,) = build_loggers(Parts(node), tmp_path)
    for step in range(4):
        logger.log_metrics({"loss": 0.5 * step}, step=step)
    logger.save()

    def save(self: Any) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(LightningCSVLogger, "save", save)
        for _ in range(2):
            with pytest.raises(Killed):
                build_loggers(Parts(node), tmp_path, LogPosition(step=3))
    build_loggers(Parts(node), tmp_path, LogPosition(step=3))
    with open(tmp_path / STEPS, newline="") as file:
        assert list(csv.DictReader(file)) == [{"loss": str(0.5 * step), "step": str(step)} for step in range(3)]
    assert sorted(path.name for path in (tmp_path / STEPS).parent.iterdir()) == ["metrics.csv"]


@pytest.mark.parametrize(
    "note",
    [
        None,
        {"files": {"a": "1"}, "unlogged": []},
        {"files": {}, "unlogged": [{"step": "1", "metrics": {}}]},
        {"files": {}, "unlogged": [{"step": 1, "metrics": {"a": [1]}}]},
        {"files": {}},
        [1],
    ],
    ids=str,
)
def test_a_note_of_another_form_is_none(note: Any) -> None:
    assert LogPosition.noted(7, note) == LogPosition(step=7)


def test_a_note_is_read_as_it_was_written() -> None:
    position = LogPosition(7, {"logs/steps/metrics.csv": 3}, [{"step": 6, "metrics": {"loss": 0.5}}])
    assert LogPosition.noted(7, position.as_note()) == position


def test_a_run_in_a_folder_below_keeps_its_events(tmp_path: Path) -> None:
    own, later = tmp_path / "events.out.tfevents.1.host.5.0", tmp_path / "losses_a/events.out.tfevents.2.host.5.1"
    evaluated = tmp_path / "evaluated/events.out.tfevents.2.host.5.0"
    copied = tmp_path / "compare/events.out.tfevents.1.host.6.0"
    (tmp_path / "evaluated/.hydra").mkdir(parents=True)
    for path in (own, later, evaluated, copied):
        path.parent.mkdir(exist_ok=True)
        path.write_text("values")
    build_loggers(Parts({"tensorboard": TENSORBOARD}), tmp_path, LogPosition(files={own.name: 3}))
    assert [path.read_text() for path in (own, evaluated, copied)] == ["val", "values", "values"]
    assert not later.exists()
