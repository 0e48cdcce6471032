"""Any number of loggers, each below the run's folder, and mistakes in naming them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from lightning.pytorch.loggers import Logger
from matplotlib.image import imsave
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from trainhouse.configuration.errors import UserError
from trainhouse.configuration.views import Parts
from trainhouse.runs import services
from trainhouse.runs.csv_logger import CSVLogger
from trainhouse.runs.description import Description
from trainhouse.runs.loggers import build_loggers, check_loggers
from trainhouse.runs.shown import begin_loggers, end_loggers, show_figures
from trainhouse.runs.tensorboard_logger import TensorBoardLogger
from trainhouse.tests.common import composed
from trainhouse.tests.logged import CSV, TENSORBOARD, fit, rows, shown


class Diary(Logger):
    """A user's own logger: a line for everything it gets."""

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
        self.lines.append((key, images))

    def finalize(self, status: str) -> None:
        self.lines.append(status)


class Silent(Diary):
    """One that takes no hyperparameters."""

    log_image = None  # type: ignore[assignment]

    def log_hyperparams(self, params: Any, *_: Any) -> None:
        raise NotImplementedError


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
    loggers = build_loggers(composed(f"logger={option}").logger, tmp_path)
    assert [type(logger) for logger in loggers] == classes
    assert list(tmp_path.iterdir()) == [], "nothing is written before there is something to write"


@pytest.mark.parametrize("node", [None, {}, {"csv": None}])
def test_nothing_named_is_no_logger(node: Any, tmp_path: Path) -> None:
    assert build_loggers(Parts(node), tmp_path) == []


def test_a_single_logger_without_a_name_is_what_older_runs_have(tmp_path: Path) -> None:
    (logger,) = build_loggers(Parts(CSV), tmp_path)
    assert logger.log_dir == str(tmp_path / "logs/steps")


def test_all_loggers_get_the_same(tmp_path: Path) -> None:
    diary = {"_target_": f"{__name__}.Diary"}
    loggers = fit(tmp_path, {"csv": CSV, "tensorboard": TENSORBOARD, "diary": diary}, epochs=1)
    of_csv = [(row["step"], row["step/loss"]) for row in rows(tmp_path) if "step/loss" in row]
    of_diary = [(step, metrics["step/loss"]) for step, metrics in loggers[2].lines[:-1] if "step/loss" in metrics]
    assert len(of_csv) == 5
    assert of_csv == of_diary
    assert [(step, pytest.approx(loss)) for step, loss in of_csv] == shown(tmp_path)["step/loss"]
    assert loggers[2].folder == tmp_path


def test_hyperparameters_and_figures_go_to_the_loggers_that_have_a_place_for_them(tmp_path: Path) -> None:
    own = {"diary": {"_target_": f"{__name__}.Diary"}, "silent": {"_target_": f"{__name__}.Silent"}}
    loggers = build_loggers(Parts({"csv": CSV, "tensorboard": TENSORBOARD, **own}), tmp_path)
    config, figure = {"optimizer": {"lr": 0.1}}, tmp_path / "figures/curve.png"
    figure.parent.mkdir()
    imsave(figure, np.zeros((3, 4, 4), np.uint8))
    begin_loggers(loggers, Description("run", "optimizer: {lr: 0.1}", {"optimizer.lr": 0.1}, config))
    loggers[1].log_metrics({"x": 1.0}, step=0)
    show_figures(loggers, figure.parent)
    end_loggers(loggers)
    events = EventAccumulator(str(tmp_path))
    events.Reload()
    image = events.Images("visuals/curve")[0]
    assert (image.height, image.width) == (3, 4)
    (hparams,) = tmp_path.rglob("hparams.yaml")  # beside the run's config.yaml there is none
    assert hparams == tmp_path / "logs/steps/hparams.yaml"
    assert "lr: 0.1" in hparams.read_text()
    assert loggers[2].lines == [config, ("curve", [str(figure)]), "success"]
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
        build_loggers(Parts(node), tmp_path)
    assert str(refused.value).startswith(message)
    assert "\n" not in str(refused.value)


SERVICES = {"Wandb": "wandb", "MLFlow": "mlflow", "Comet": "comet_ml"}
TARGETS = {f"lightning.pytorch.loggers.{name}Logger": package for name, package in SERVICES.items()}


@pytest.mark.parametrize(("target", "package"), [*TARGETS.items(), ("aim.pytorch_lightning.AimLogger", "aim")])
def test_a_package_that_is_missing_is_named_in_one_line_before_anything_is_built(
    target: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "find_spec", lambda name: None)
    with pytest.raises(UserError) as refused:
        check_loggers(Parts({"own": {"_target_": target}}))
    name = target.rpartition(".")[2]
    brings = f"pip install -e '.[{package.partition('_')[0]}]' brings it"
    assert str(refused.value) == f"logger.own: {name} needs a package that is not installed; {brings}"


def test_a_logger_whose_service_has_ended_says_so_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError) as refused:
        build_loggers(Parts({"own": {"_target_": "lightning.pytorch.loggers.neptune.NeptuneLogger"}}), tmp_path)
    assert str(refused.value) == (
        "logger.own: NeptuneLogger writes to a service that has ended; choose tensorboard, csv, wandb, mlflow, comet "
        "or aim"
    )
