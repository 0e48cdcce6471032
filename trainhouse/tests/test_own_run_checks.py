"""A module and data of one's own: what would end without a best model, or with the worst one, is refused first."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from torch import Tensor

from trainhouse.configuration.errors import UserError
from trainhouse.configuration.settings import Train
from trainhouse.tests.common import CONF
from trainhouse.tests.own import OPTIONS, OwnData, OwnModule, Validated, own_config
from trainhouse.training.checks import check_loaders
from trainhouse.training.monitoring import check_mode_is_said
from trainhouse.training.preflight import preflight
from trainhouse.training.train import train

Typed = Callable[..., Train]


class Validates(OwnModule):
    """Its names do not say of which split they are."""

    def validation_step(self, batch: list[Tensor], batch_idx: int) -> None:
        self.log("vl", self.layer(batch[0]).square().mean())


class OwnLoaders(OwnModule):
    """Brings its data along, as many examples do."""

    def train_dataloader(self) -> Any:
        return OwnData().train_dataloader()

    def test_dataloader(self) -> Any:
        return OwnData().train_dataloader()


def test_a_modules_own_loaders_are_not_replaced_in_silence(tmp_path: Path) -> None:
    with pytest.raises(
        UserError,
        match=r"^model: .*\.OwnLoaders has train_dataloader, test_dataloader of its own, but the data comes from data= "
        r"\(trainhouse.tests.own.OwnData\); move them into a LightningDataModule that a file in conf/data/ names, or "
        r"delete them$",
    ):
        train(own_config(OwnLoaders), tmp_path / "run")
    assert not (tmp_path / "run").exists()
    check_loaders(own_config(Validates))


@pytest.mark.parametrize(
    ("override", "message"),
    [
        (
            "trainer.check_val_every_n_epoch=3",
            r"^trainer.check_val_every_n_epoch: 3 is after the last .* vl never comes$",
        ),
        (
            "trainer.limit_val_batches=0",
            r"^monitor: vl needs validation, but trainer.limit_val_batches=0; set monitor to",
        ),
    ],
)
def test_a_value_of_a_validation_that_never_comes_is_refused_whatever_its_name(
    override: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=message):
        train(own_config(Validates, Validated, "monitor=vl", "mode=min", override), tmp_path)
    assert not list(tmp_path.rglob("*.ckpt"))


def test_a_value_of_training_needs_no_validation(tmp_path: Path) -> None:
    config = own_config(Validates, Validated, "monitor=train/loss", "trainer.limit_val_batches=0")
    assert train(config, tmp_path).best_model is not None


def test_the_trial_knows_what_validation_logs() -> None:
    logged = preflight(Validates(), Validated(), [], OPTIONS)
    assert (set(logged.names), logged.of_validation) == ({"train/loss", "vl"}, {"vl"})


@pytest.mark.filterwarnings("ignore:.*could not find the monitored key")
def test_a_best_model_that_never_came_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    overrides = ["monitor=vl", "mode=min", "trainer.max_steps=1", "callbacks.early_stopping=null"]
    assert train(own_config(Validates, Validated, *overrides), tmp_path).best_model is None
    assert "warning: vl never came, so no model is the best" in caplog.messages


@pytest.mark.parametrize(
    ("overrides", "directions", "is_asked"),
    [
        (["monitor=val_acc"], {}, True),
        (["monitor=val_acc", "mode=max"], {}, False),
        (["monitor=val_acc", "++mode=min"], {}, False),
        (["monitor=val_acc"], {"val_acc": "max"}, False),
        (["monitor=val_acc"], {"other": "max"}, True),
        (["monitor=my_LOSS"], {}, False),
        (["monitor=null"], {}, False),
        (["experiment=picks"], {}, False),
        (["experiment=names"], {}, True),
        (["experiment=names", "mode=max"], {}, False),
    ],
)
def test_which_end_is_better_is_asked_where_nothing_says_it(
    overrides: list[str], directions: dict[str, str], is_asked: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "experiment").mkdir()
    head = "# @package _global_\nmonitor: val_acc\n"
    (tmp_path / "experiment" / "names.yaml").write_text(head)
    (tmp_path / "experiment" / "picks.yaml").write_text(f"{head}mode: max\n")
    monkeypatch.setattr("trainhouse.configuration.schema.LIBRARY_CONF", tmp_path)
    with initialize_config_dir(str(CONF), version_base="1.3"):
        search = f"hydra.searchpath=[file://{tmp_path}]"
        config = compose("train", ["name=x", search, *overrides], return_hydra_config=True)
    monkeypatch.setattr(HydraConfig.instance(), "cfg", config)
    settings = Train({"monitor": config.monitor, "mode": config.mode})
    if not is_asked:
        check_mode_is_said(settings, directions)
        return
    with pytest.raises(UserError, match=r"^mode: is a small or a large val_acc better\? Add mode=min or mode=max \(or"):
        check_mode_is_said(settings, directions)


def test_a_monitor_in_the_commands_own_file_has_its_mode_beside_it(
    typed: Typed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed("seed=1")
    (tmp_path / "train.yaml").write_text("monitor: val_error\nmode: min\n")
    monkeypatch.setattr("trainhouse.training.monitoring.config_file", lambda name: tmp_path / f"{name}.yaml")
    check_mode_is_said(Train({"monitor": "val_error", "mode": "min"}), {})
    with pytest.raises(UserError, match=r"^mode: is a small or a large val_acc better\?"):
        check_mode_is_said(Train({"monitor": "val_acc", "mode": "min"}), {})
