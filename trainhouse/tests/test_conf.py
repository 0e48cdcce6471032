"""Every file of conf/ composes, builds and trains a step: a new one is covered as soon as it is there."""

import inspect
import itertools
import json
import warnings
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from hydra.utils import get_object
from omegaconf import OmegaConf

from trainhouse.configuration.errors import UserError
from trainhouse.configuration.schema import groups
from trainhouse.configuration.settings import Train
from trainhouse.sweeps.job import Objective
from trainhouse.sweeps.study import open_study
from trainhouse.tests.common import CONF, LIBRARY_CONF, composed, link_raw_data
from trainhouse.training.train import train

SMALL = [
    "trainer.max_epochs=1",
    "trainer.limit_train_batches=2",
    "trainer.limit_val_batches=2",
    "++callbacks.progress_bar=null",
]
# What a data source needs besides its file in conf/data; the others need nothing.
NEEDS = {
    "npy": ["data.features=x.npy", "data.labels=y.npy"],
    "csv": ["data.file=table.csv", "data.target=price"],
    "table": ["data.file=table.csv", "data.target=price"],
}


ALIASES = {"csv": "table"}  # an older name for another option, whose file it begins with
# Of a group, what its files begin with and what is no option of its own.
SHARED = {"array_defaults"}


def options(group: str) -> list[str]:
    return sorted(
        path.stem
        for folder in (CONF, LIBRARY_CONF)
        for path in (folder / group).glob("*.yaml")
        if path.stem not in SHARED
    )


def is_class_of(group: str, option: str, base: type) -> bool:
    """Whether the `_target_` of an option is a class, and one of the kind `base`."""
    option = ALIASES.get(option, option)
    found = get_object(OmegaConf.load(CONF / group / f"{option}.yaml")["_target_"])
    return inspect.isclass(found) and issubclass(found, base)


# What combines freely: plain networks, and functions that read arrays. The other files go in pairs: conf/experiment.
NETWORKS = [option for option in options("model") if not is_class_of("model", option, L.LightningModule)]
ARRAYS = [option for option in options("data") if not is_class_of("data", option, L.LightningDataModule)]


@pytest.fixture(autouse=True)
def working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Data for the sources that read the user's files."""
    link_raw_data(tmp_path)
    random = np.random.RandomState(0)
    np.save(tmp_path / "x.npy", random.randint(0, 256, (90, 8, 8)).astype(np.uint8))
    np.save(tmp_path / "y.npy", np.arange(90) % 3)
    rows = [f"{a},{'red' if b else 'blue'},{a * 2 + b}.5" for a, b in random.randint(0, 2, (90, 2))]
    (tmp_path / "table.csv").write_text("\n".join(["size,colour,price", *rows]))
    monkeypatch.chdir(tmp_path)


def run(tmp_path: Path, *overrides: str) -> Train:
    config = composed(*SMALL, *overrides)
    train(config, tmp_path / "run")
    return config


@pytest.mark.parametrize("data", [name for name in ARRAYS if name not in ALIASES])
@pytest.mark.parametrize("model", NETWORKS)
def test_every_network_trains_on_every_data_set_of_arrays_that_it_can_take(
    model: str, data: str, tmp_path: Path
) -> None:
    try:
        run(tmp_path, f"model={model}", f"data={data}", *NEEDS.get(data, []))
    except UserError as error:  # the one accepted way not to fit: a network that says which rows it takes
        if not str(error).startswith("model: takes "):
            raise
        pytest.skip(str(error))
    assert (tmp_path / "run/checkpoints/best_model.ckpt").is_file()


# What needs a package of its own.
PACKAGES = {"wandb": "wandb", "mlflow": "mlflow", "comet": "comet_ml", "aim": "aim", "device_stats": "psutil"}
CALLBACK_NEEDS = {
    "gradient_accumulation": ["callbacks.gradient_accumulation.scheduling={0: 1, 1: 2}"],
    "learning_rate_monitor": ["logger=csv"],
    "device_stats": ["logger=csv"],
    "throughput": ["logger=csv"],
}
GROUPS = ["optimizer", "scheduler", "logger", "callbacks", "debug"]
ALONE = ("callbacks", "debug")
EACH = [[(group, option)] for group in GROUPS for option in options(group)]
# One of each group at once, but for groups whose options change how a run goes; `-m slow` tries each by itself.
LONE = [row for row in EACH if row[0][0] in ALONE or row[0][1] in PACKAGES]
_BESIDE = ([row[0] for row in EACH if row not in LONE and row[0][0] == group] for group in GROUPS)
SHORT = [*LONE, *([one for one in row if one] for row in itertools.zip_longest(*_BESIDE))]
LONG = [pytest.param(row, marks=pytest.mark.slow) for row in EACH if row not in SHORT]


@pytest.mark.parametrize("chosen", [*SHORT, *LONG], ids=str)
def test_every_option_of_every_group_trains(chosen: list[tuple[str, str]], tmp_path: Path) -> None:
    names = [option for _, option in chosen]
    for package in (PACKAGES[name] for name in names if name in PACKAGES):
        pytest.importorskip(package)
    needs = [need for name in names for need in CALLBACK_NEEDS.get(name, [])]
    config = composed(*SMALL, *(f"{group}={option}" for group, option in chosen), *needs)
    if "backbone_finetuning" in names:
        with pytest.raises(UserError, match="a part named backbone, which Module has not"):
            train(config, tmp_path / "run")
        return
    if "fast_dev_run" in names:
        config = config.with_values({"trainer.max_epochs": 1})
    assert train(config, tmp_path / "run").epochs == 1


# Of losses and metrics, those that need other data than the default; the others are of classes.
TABLE = ["data=csv", *NEEDS["csv"]]  # which the losses of targets train on, by its older name
OF_TARGETS = ["mse", "mae", "huber", "quantile", "rmse", "r2", "mape", "max_error", "pearson", "spearman"]
OF_TARGETS += ["explained_variance"]
LOSS_NEEDS = {"bce": ["data.classes=2"]}
NO_SINGLE_METRIC = ("none", "auto", "binary")  # the last is for two classes, in test_threshold.py


@pytest.mark.parametrize("option", options("loss"))
def test_every_loss_trains(option: str, tmp_path: Path) -> None:
    run(tmp_path, f"loss={option}", *(TABLE if option in OF_TARGETS else LOSS_NEEDS.get(option, [])))


@pytest.mark.parametrize("is_of_targets", [True, False])
def test_every_metric_is_measured_and_more_than_one_can_be_chosen(is_of_targets: bool, tmp_path: Path) -> None:
    names = [
        name for name in options("metrics") if name not in NO_SINGLE_METRIC and (name in OF_TARGETS) is is_of_targets
    ]
    data = TABLE if is_of_targets else ["data.classes=6"]
    run(tmp_path, f"metrics=[auto,{','.join(names)}]", *data)
    measured = json.loads((tmp_path / "run/metrics.json").read_text())["metrics"]
    assert {f"test/{name}" for name in names} <= measured.keys()


def test_without_metrics_there_is_the_loss(tmp_path: Path) -> None:
    run(tmp_path, "metrics=none")
    measured = json.loads((tmp_path / "run/metrics.json").read_text())["metrics"]
    assert measured.keys() == {"train/loss", "val/loss", "test/loss"}


@pytest.mark.parametrize("option", options("trainer"))
def test_every_trainer_trains(option: str, tmp_path: Path) -> None:
    if composed(f"trainer={option}").trainer.accelerator == "gpu" and not torch.accelerator.is_available():
        with pytest.raises(UserError, match=r"^trainer.accelerator: gpu, and there is none.*trainer=ddp_cpu"):
            run(tmp_path, f"trainer={option}")
    elif option in ("default", "cpu", "gpu"):  # the others start processes: test_fsdp.py
        run(tmp_path, f"trainer={option}")


@pytest.mark.parametrize("option", options("experiment"))
def test_every_experiment_trains_and_states_its_command_and_numbers(option: str, tmp_path: Path) -> None:
    config = run(tmp_path, f"experiment={option}")
    best = "last.ckpt" if config.monitor is None else "best_model.ckpt"
    assert (tmp_path / "run/checkpoints" / best).is_file()
    header = [
        line for line in (CONF / "experiment" / f"{option}.yaml").read_text().splitlines() if line.startswith("#")
    ]
    text = "\n".join(header)
    assert "python train.py" in text
    assert f"experiment={option}" in text
    measured = "train/" if config.monitor is None else "test/"
    assert measured in text, "the number that it reached"
    assert " s" in text, "the time that it took"


def test_every_module_and_every_data_of_ones_own_is_in_an_experiment() -> None:
    choices = [compose_choices(f"experiment={option}") for option in options("experiment")]
    for group, free in (("model", NETWORKS), ("data", ARRAYS)):
        assert set(options(group)) - set(free) <= {choice[group] for choice in choices}, group


def compose_choices(*overrides: str) -> dict[str, str]:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return dict(compose("train", [*overrides], return_hydra_config=True).hydra.runtime.choices)


@pytest.mark.parametrize("path", sorted(CONF.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_command_composes(path: Path) -> None:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose(path.stem, return_hydra_config=True)
    assert not OmegaConf.is_missing(config.hydra.run, "dir")


def test_every_group_is_walked() -> None:
    walked = {"data", "model", "loss", "metrics", "trainer", "experiment", "hydra", "sweep", "launcher", *GROUPS}
    assert {*groups()} == walked


@pytest.mark.parametrize("launcher", options("launcher"))
@pytest.mark.parametrize("sweep", options("sweep"))
def test_every_sweep_composes_with_every_launcher(sweep: str, launcher: str) -> None:
    if launcher != "basic":
        pytest.importorskip(f"hydra_plugins.hydra_{launcher.partition('_')[0]}_launcher")
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("train", [f"sweep={sweep}", f"launcher={launcher}"], return_hydra_config=True)
    assert "n_jobs" in config.hydra.sweeper
    assert config.hydra.sweeper._target_.startswith("hydra_plugins.project_sweepers.")


# What an option needs that not everybody has installed.
LIBRARIES = {"gp": "scipy", "wilcoxon": "scipy"}


@pytest.mark.parametrize(
    ("kind", "option"),
    [(kind, option) for kind in ("sampler", "pruner") for option in options(f"hydra/sweeper/{kind}")],
)
def test_every_sampler_and_pruner_is_built_and_used(kind: str, option: str, monkeypatch: pytest.MonkeyPatch) -> None:
    optuna = pytest.importorskip("optuna")
    if option in LIBRARIES:
        pytest.importorskip(LIBRARIES[option])
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("train", ["sweep=optuna", f"hydra/sweeper/{kind}={option}"], return_hydra_config=True)
    monkeypatch.setattr(HydraConfig.instance(), "cfg", config)
    parts: Any = {
        part: OmegaConf.to_container(config.hydra.sweeper[part], resolve=True) for part in ("pruner", "sampler")
    }
    with warnings.catch_warnings():  # some are experimental to Optuna, which says so
        warnings.simplefilter("ignore")
        study = open_study(None, "study", **parts, objectives=[Objective("val/loss", "min")])
        trial = study.ask({"x": optuna.distributions.FloatDistribution(0, 1)})
        trial.report(1.0, step=1)
        assert not trial.should_prune()
        study.tell(trial, 1.0)
    assert type(getattr(study, kind)).__name__ == parts[kind]["_target_"].rpartition(".")[2]
