"""What Lightning's finders choose stands in the configuration of the run that is trained with it."""

from pathlib import Path
from typing import Any

import pytest
import torch

from trainhouse.configuration.bounded import read_yaml
from trainhouse.configuration.errors import UserError
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
