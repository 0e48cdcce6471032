"""Lightning's own way to load a module works on what a run saves; what no checkpoint can hold is refused beforehand."""

import logging
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from trainhouse.configuration.errors import UserError
from trainhouse.tests.own import OwnData, OwnModule, own_config
from trainhouse.training.train import train


class Saves(OwnModule):
    """Saves them, an object among them."""

    def __init__(self, width: int, optimizer: Any, lr: float = 0.1) -> None:
        super().__init__(width, lr)
        self.save_hyperparameters()

    def configure_optimizers(self) -> Any:
        return self.hparams["optimizer"](self.parameters())


class SavesSome(OwnModule):
    """Saves all but the object."""

    def __init__(self, width: int, optimizer: Any, lr: float = 0.1) -> None:
        super().__init__(width, lr)
        self.save_hyperparameters(ignore=["optimizer"])


class SavesRows(OwnData):
    def __init__(self, rows: int = 6) -> None:
        super().__init__(rows)
        self.save_hyperparameters()


SGD = {"_target_": "torch.optim.SGD", "_partial_": True, "lr": 0.5}


def trained(folder: Path, module: type, **arguments: Any) -> Path:
    train(own_config(module, **arguments), folder)
    return folder / "checkpoints" / "last.ckpt"


def weights(path: Path) -> Tensor:
    return torch.load(path, weights_only=True)["state_dict"]["layer.weight"]


@pytest.mark.parametrize("how", [{}, {"weights_only": True}], ids=["default", "weights only"])
def test_a_module_that_saves_no_hyperparameters_is_loaded_with_those_of_its_configuration(
    how: dict[str, Any], tmp_path: Path
) -> None:
    path = trained(tmp_path, OwnModule, width=3, lr=0.25)
    loaded = OwnModule.load_from_checkpoint(path, **how)
    assert (loaded.width, loaded.lr) == (3, 0.25)
    assert torch.equal(loaded.layer.weight, weights(path))
    assert OwnModule.load_from_checkpoint(path, lr=0.5).lr == 0.5


def test_what_is_not_configured_is_left_to_the_class(tmp_path: Path) -> None:
    assert OwnModule.load_from_checkpoint(trained(tmp_path, OwnModule, width=3)).lr == 0.1


def test_an_object_among_the_hyperparameters_is_replaced_by_what_it_was_made_from(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    path = trained(tmp_path, Saves, width=3, optimizer=SGD)
    content = torch.load(path, weights_only=True)
    assert content["hyper_parameters"] == {"width": 3, "optimizer": SGD, "lr": 0.1}
    said = [record.message for record in caplog.records if "hold objects" in record.message]
    assert said == [
        "note: the hyperparameters optimizer hold objects: checkpoints have their configuration instead, and "
        "load_from_checkpoint needs them as arguments"
    ]
    loaded = Saves.load_from_checkpoint(path, optimizer=partial(torch.optim.SGD, lr=0.5))
    assert isinstance(loaded.configure_optimizers(), torch.optim.SGD)
    assert torch.equal(loaded.layer.weight, weights(path))


def test_hyperparameters_that_a_module_saves_are_kept_as_it_chose_them(tmp_path: Path) -> None:
    path = trained(tmp_path, SavesSome, width=3, optimizer=SGD)
    assert torch.load(path, weights_only=True)["hyper_parameters"] == {"width": 3, "lr": 0.1}
    assert SavesSome.load_from_checkpoint(path, optimizer=None).width == 3


def test_a_datamodule_is_loaded_too(tmp_path: Path) -> None:
    config = own_config(OwnModule, SavesRows)
    train(config.with_values({"data.rows": 9}), tmp_path)
    assert SavesRows.load_from_checkpoint(tmp_path / "checkpoints" / "last.ckpt").rows == 9


class Extra(OwnModule):
    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["mine"] = {"seen": [1, Path("here")]}


class Stateful(nn.Module):
    def get_extra_state(self) -> Any:
        return {"table": Path("there")}

    def set_extra_state(self, state: Any) -> None:
        """Has none to set."""


class Deep(OwnModule):
    def __init__(self, width: int) -> None:
        super().__init__(width)
        self.part = Stateful()


@pytest.mark.parametrize(
    ("module", "place"), [(Extra, r"mine\.seen\[1\]"), (Deep, r"state_dict\.part\._extra_state\.table")]
)
def test_a_state_that_no_checkpoint_can_hold_is_refused_with_its_place_before_training(
    module: type, place: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=rf"^the checkpoint's {place} is PosixPath, which can't be read without"):
        train(own_config(module, width=3), tmp_path)
    assert not (tmp_path / "logs" / "metrics.csv").exists()
    assert list((tmp_path / "checkpoints").iterdir()) == []
