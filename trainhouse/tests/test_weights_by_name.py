"""Weights chosen by their names: frozen, or with a rate of their own; and optimizers that are unlike the others."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from trainhouse.checkpoints.checkpoint import load_checkpoint
from trainhouse.configuration.errors import UserError
from trainhouse.configuration.settings import Trainer
from trainhouse.configuration.views import Part
from trainhouse.tests.tiny import CLASSES, tiny_config, tiny_data, tiny_module, tiny_trainer
from trainhouse.training.optimizer_modes import OptimizerModes
from trainhouse.training.preflight import preflight
from trainhouse.training.train import train
from trainhouse.training.weights_by_name import checked_groups, freeze


def trained(folder: Path, *overrides: str) -> dict[str, Tensor]:
    train(tiny_config(folder / "rows.npy", "logger=none", *overrides), folder / "run")
    return load_checkpoint(folder / "run" / "checkpoints" / "last.ckpt").state_dict


def test_frozen_weights_keep_their_values_and_the_others_are_trained(tmp_path: Path) -> None:
    first, last = (trained(tmp_path / n, "freeze=[layers.1.*]", f"trainer.max_epochs={n}") for n in ("1", "2"))
    changed = {
        name for name, value in first.items() if name.startswith("network") and not torch.equal(value, last[name])
    }
    assert changed == {"network.layers.4.weight", "network.layers.4.bias"}


def test_weights_have_the_rate_of_the_first_pattern_that_their_name_matches() -> None:
    groups = {"*.bias": {"lr": 0.2}, "layers.1.*": {"lr": 0.3, "weight_decay": 0.5}}
    optimizer = partial(torch.optim.AdamW, lr=0.1, weight_decay=0.4)
    module = tiny_module(tiny_data(CLASSES), optimizer=optimizer, parameter_groups=groups)
    names = {weight: name for name, weight in module.network.named_parameters()}
    made = module.configure_optimizers()
    found = {
        names[weight]: (group["lr"], group["weight_decay"]) for group in made.param_groups for weight in group["params"]
    }
    assert found == {
        "layers.1.weight": (0.3, 0.5),
        "layers.1.bias": (0.2, 0.0),
        "layers.3.weight": (0.1, 0.4),
        "layers.3.bias": (0.2, 0.0),
    }


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["freeze=[layer.*]"], r"freeze: no weight is named layer\.\* \(there are layers.1.weight, layers.1.bias"),
        (["freeze=['*']"], "freeze: .* leave nothing to be trained"),
        (["freeze=layers.1.weight"], "freeze: expected a list of names, as"),
        (["optimizer.groups={layer.*:{lr:1}}"], r"optimizer.groups: no weight is named layer\.\*"),
        (["optimizer.groups={layers.1.*:{rate:1}}"], r"optimizer.groups.layers.1.\*.rate: .* takes no such argument"),
        (["optimizer.groups={layers.1.*:{lr:0}}"], r"optimizer.groups.layers.1.\*.lr: expected a number above 0"),
        (["optimizer.groups={layers.1.*:{}}"], r"optimizer.groups.layers.1.\*: expected arguments"),
        (["optimizer.groups={*:{lr:1},layers.1.*:{lr:2}}"], r"optimizer.groups: layers\.1\.\* is left with no weight"),
        (
            ["optimizer.groups={layers.1.*:{lr:2}}", "freeze=[layers.1.*]"],
            r"optimizer.groups: layers\.1\.\* is left with no weight",
        ),
        (["optimizer.groups=1e-4"], "optimizer.groups: expected a mapping such as"),
        (
            ["optimizer=lbfgs", "+optimizer.groups={layers.1.*:{lr:1}}"],
            "optimizer.groups: LBFGS takes all weights alike",
        ),
        (["optimizer=lbfgs", "trainer.accumulate_grad_batches=2"], "trainer.accumulate_grad_batches: LBFGS asks again"),
        (["optimizer=lbfgs", "optimizer.line_search_fn=strong"], "optimizer: LBFGS: only 'strong_wolfe' is supported"),
    ],
)
def test_what_can_not_be_followed_is_refused(overrides: list[str], message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"^{message}"):
        trained(tmp_path, *overrides)


def test_a_module_of_ones_own_is_frozen_by_its_own_names() -> None:
    module: Any = tiny_module(tiny_data(CLASSES))
    module.head = nn.Linear(2, 2)
    freeze(module, ["head.bias"], is_own=True)
    assert [name for name, weight in module.named_parameters() if not weight.requires_grad] == ["head.bias"]


def test_lbfgs_counts_each_batch_once(tmp_path: Path) -> None:
    data = tiny_data(CLASSES)
    module = tiny_module(data, optimizer=partial(torch.optim.LBFGS, max_iter=5))
    seen: list[Tensor] = []
    rows = module.losses["train_split"]
    module.on_train_epoch_end = lambda: seen.append(rows.rows.clone())  # type: ignore[method-assign]
    tiny_trainer(tmp_path).fit(module, data)
    assert [int(count) for count in seen] == [len(data.parts["train"][1])]


class Averaging(torch.optim.SGD):
    """Steps in mode train only; in mode eval the weights are halved, as others are averaged."""

    is_training = False

    def train(self) -> None:
        self._change(to_training=True, times=2.0)

    def eval(self) -> None:
        self._change(to_training=False, times=0.5)

    def _change(self, to_training: bool, times: float) -> None:
        if self.is_training != to_training:
            self.is_training = to_training
            for group in self.param_groups:
                for weight in group["params"]:
                    weight.data.mul_(times)

    def step(self, closure: Any = None) -> Any:
        assert self.is_training, "else the step would be of the wrong weights"
        return super().step(closure)


def test_an_optimizer_with_modes_is_in_the_right_one_in_training_validation_and_preflight(tmp_path: Path) -> None:
    data = tiny_data(CLASSES)
    plain, averaging = (tiny_module(data, optimizer=partial(kind, lr=0.05)) for kind in (torch.optim.SGD, Averaging))
    with torch.no_grad():  # in mode train, at the start, they are those of the other
        for weight in averaging.parameters():
            weight.mul_(0.5)
    preflight(averaging, data, [], Trainer({"accelerator": "cpu", "precision": "32-true", "inference_mode": True}))
    for module in (plain, averaging):
        tiny_trainer(tmp_path, OptimizerModes(), max_epochs=2).fit(module, data)
    for one, other in zip(plain.parameters(), averaging.parameters(), strict=True):
        assert torch.equal(one, 2 * other), "measured and saved are those of mode eval"


def test_groups_are_arguments_of_the_optimizer() -> None:
    part = Part({"_target_": "torch.optim.SGD", "lr": 0.1, "groups": {"a.*": {"momentum": 0.5}}})
    assert checked_groups(part) == {"a.*": {"momentum": 0.5}}
    assert checked_groups(Part({"_target_": "torch.optim.SGD", "groups": None})) == {}
