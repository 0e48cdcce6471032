"""What Lightning's finders choose stands in the configuration of the run that is trained with it."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils.data import DataLoader

from trainhouse.configuration.bounded import read_yaml
from trainhouse.configuration.errors import UserError
from trainhouse.tests.own import OwnData, OwnModule, own_config
from trainhouse.tests.tiny import tiny_config
from trainhouse.training.train import train

RATE = ["callbacks=[default,learning_rate_finder]", "callbacks.learning_rate_finder.num_training_steps=30"]
SIZE = ["callbacks=[default,batch_size_finder]", "callbacks.batch_size_finder.init_val=4"]


def trained(folder: Path, *overrides: str) -> dict[str, Any]:
    """Train on 60 rows; return the configuration that the run has saved."""
    config = tiny_config(folder / "rows.npy", "logger=none", *overrides, "callbacks.progress_bar=null")
    train(config, folder / "run")
    return dict(read_yaml(folder / "run" / "config.yaml"))


def test_the_rate_that_is_found_is_the_runs_and_searching_changes_nothing_else(tmp_path: Path) -> None:
    found = trained(tmp_path / "found", *RATE)
    rate = found["optimizer"]["lr"]
    assert rate != 1e-3
    assert found["callbacks"]["learning_rate_finder"] is None
    assert (tmp_path / "found/run/figures/learning_rate_finder.png").stat().st_size > 5000
    trained(tmp_path / "set", f"optimizer.lr={rate}")
    weights = [
        torch.load(tmp_path / name / "run/checkpoints/last.ckpt", weights_only=True)["state_dict"]
        for name in ("found", "set")
    ]
    assert all(torch.equal(value, weights[1][name]) for name, value in weights[0].items())


def test_a_batch_is_no_larger_than_the_training_rows(tmp_path: Path) -> None:
    assert 4 < trained(tmp_path, *SIZE)["data"]["batch_size"] <= 48


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ([*RATE, "callbacks.learning_rate_finder.num_training_steps=5"], "callbacks.learning_rate_finder: found no"),
        ([*RATE, "trainer.devices=2"], "callbacks.learning_rate_finder: looks on one device only"),
        (
            [*RATE, "+callbacks.learning_rate_finder.mode=slow"],
            "callbacks.learning_rate_finder: .mode. should be either",
        ),
    ],
)
def test_what_finds_nothing_says_so(overrides: list[str], message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"^{message}"):
        trained(tmp_path, *overrides)


class HasObjects(OwnModule):
    """Keeps what makes its optimizer among its hyperparameters."""

    def __init__(self, optimizer: Any) -> None:
        super().__init__()
        self.save_hyperparameters()

    def configure_optimizers(self) -> Any:
        return self.hparams["optimizer"](self.parameters())


class Sized(OwnData):
    def __init__(self, batch_size: int = 1) -> None:
        super().__init__()
        self.batch_size = batch_size

    def train_dataloader(self) -> DataLoader[Any]:
        return DataLoader(super().train_dataloader().dataset, self.batch_size)


def test_both_are_found_for_a_module_whose_hyperparameters_are_objects(tmp_path: Path) -> None:
    optimizer = {"_target_": "torch.optim.SGD", "_partial_": True, "lr": 1e-3}
    finders = "callbacks=[default,batch_size_finder,learning_rate_finder]"
    config = own_config(HasObjects, Sized, finders, RATE[1], "logger=none", optimizer=optimizer)
    train(config.with_values({"data.batch_size": 1, "callbacks.batch_size_finder.init_val": 2}), tmp_path)
    found = read_yaml(tmp_path / "config.yaml")
    assert found["data"]["batch_size"] > 1
    assert found["model"]["optimizer"]["lr"] != 1e-3
