"""A network that somebody else's file describes and can't fill is refused before memory and time are spent on it."""

import random
import time
from dataclasses import replace
from typing import Any

import lightning as L
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from trainhouse.checkpoints.checkpoint import Checkpoint, load_checkpoint
from trainhouse.configuration.errors import UserError
from trainhouse.tests.tiny import tiny_run
from trainhouse.training import rebuild_module as rebuilding
from trainhouse.training.foreign_size import check_size
from trainhouse.training.rebuild_module import rebuild_module, rebuild_untrained

WEIGHTS = {"layer.weight": torch.zeros(4, 4)}


class Wide(L.LightningModule):
    """As large as its argument."""

    def __init__(self, width: int, is_strict: bool = True) -> None:
        super().__init__()
        self.layer, self.strict_loading = nn.Linear(width, width), is_strict


class Deep(L.LightningModule):
    """As many parts as its argument, made in a way that survives all common errors."""

    def __init__(self, depth: int) -> None:
        super().__init__()
        try:
            self.layers = nn.ModuleList(nn.ReLU() for _ in range(depth))
        except Exception:
            time.sleep(60)


class Counts(L.LightningModule):
    """Can't be built without memory: it looks at its weights."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 4)
        self.size = float(self.layer.weight.sum())


class Lazy(L.LightningModule):
    """Has weights whose size a batch says."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.LazyLinear(4)


class Draws(L.LightningModule):
    """Begins with chance of every kind."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 4)
        self.register_buffer("drawn", torch.tensor([random.random(), np.random.rand(), torch.rand(()).item()]))


@pytest.fixture
def foreign(made_once: Any) -> Checkpoint:
    """A checkpoint that another account has written."""
    return replace(load_checkpoint(tiny_run(made_once)), signatures={})


def with_model(checkpoint: Checkpoint, **changes: Any) -> Checkpoint:
    changed = {f"model.{name}": value for name, value in changes.items()}
    return replace(checkpoint, config=checkpoint.config.with_values(changed))


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ([10**9], "describes a network of 8,000,000,0"),
        ([1] * 5000, r"describes a network of over 5,\d\d\d parts, but it holds \d+ weights$"),
        ([2**20, 2**20], "describes a network of 1,099,5"),
    ],
    ids=["wide", "many", "both"],
)
def test_a_network_that_the_weights_cant_fill_is_refused_at_once(
    sizes: list[int], message: str, foreign: Checkpoint
) -> None:
    started = time.monotonic()
    with pytest.raises(UserError, match=rf"best_model\.ckpt: its config {message}") as refused:
        rebuild_module(with_model(foreign, hidden_sizes=sizes))
    assert "\n" not in str(refused.value)
    assert time.monotonic() - started < 30


def test_rows_that_the_weights_cant_fill_are_refused_at_once(foreign: Checkpoint) -> None:
    spec = replace(foreign.data_spec, input_shape=(2**30,), ranges=())
    with pytest.raises(UserError, match=r"its config describes a network of \d+,"):
        rebuild_module(replace(foreign, spec=spec))


def test_an_honest_network_is_built_whoever_wrote_it(foreign: Checkpoint) -> None:
    module = rebuild_module(foreign)
    assert {parameter.device.type for parameter in module.parameters()} == {"cpu"}
    for name, value in module.state_dict().items():
        assert torch.equal(value, foreign.state_dict[name]), name


def test_ones_own_file_is_built_once(made_once: Any, foreign: Checkpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(rebuilding, "check_size", lambda weights, build, source: asked.append(source))
    rebuild_untrained(load_checkpoint(tiny_run(made_once)))
    assert not asked
    rebuild_untrained(foreign)
    assert asked


@pytest.mark.parametrize("build", [Counts, Lazy, lambda: Wide(8), lambda: Deep(100), lambda: Wide(2**20, False)])
def test_what_may_be_honest_is_left_to_be_built(build: Any) -> None:
    check_size(WEIGHTS, build, "x.ckpt")


def test_a_constructor_that_survives_errors_is_ended_all_the_same() -> None:
    with pytest.raises(UserError, match=r"^x\.ckpt: its config describes a network of over 5,050 parts"):
        check_size(WEIGHTS, lambda: Deep(10**9), "x.ckpt")
    nn.ModuleList(nn.ReLU() for _ in range(6000))  # nothing is counted any more


def test_draws_continue_as_if_nothing_had_been_looked_at() -> None:
    def drawn(look: bool) -> Tensor:
        random.seed(0)
        np.random.seed(0)
        torch.manual_seed(0)
        if look:
            check_size(WEIGHTS, Draws, "x.ckpt")
        return Draws().drawn

    assert torch.equal(drawn(look=True), drawn(look=False))


class Looks(L.LightningModule):
    """Looks at a number when its state is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 4)

    def get_extra_state(self) -> list[float]:
        return self.layer.bias.tolist()


def test_a_module_whose_state_can_only_be_read_in_earnest_is_left_to_be_built() -> None:
    check_size(WEIGHTS, Looks, "x.ckpt")
