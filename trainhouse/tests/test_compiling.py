"""A compiled network trains, and leaves a checkpoint that knows nothing of it; without a compiler nothing begins."""

import copy
from pathlib import Path

import lightning as L
import pytest
import torch
from torch import nn
from torchmetrics import MeanMetric

from src.models.simple_net import SimpleNet
from trainhouse.checkpoints.checkpoint import load_checkpoint
from trainhouse.configuration.errors import UserError
from trainhouse.tests.common import composed
from trainhouse.tests.own import OwnData, OwnModule, own_config
from trainhouse.training import compiling
from trainhouse.training.compiling import check_networks, compile_in_place, networks_in, options_of
from trainhouse.training.train import train


def test_without_a_compiler_the_run_ends_before_it_begins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(UserError, match=r"^compile: .* CXX names no-such-compiler"):
        train(composed("compile=true", "trainer=cpu", "trainer.max_epochs=1"), tmp_path / "run")
    assert not (tmp_path / "run/checkpoints").exists()


def test_the_network_is_compiled_and_its_weights_keep_their_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled: list[tuple[object, dict[str, object]]] = []
    monkeypatch.setattr(torch.nn.Module, "compile", lambda network, **options: compiled.append((network, options)))
    train(composed("compile={dynamic:true}", "trainer=cpu", "trainer.max_epochs=1"), tmp_path / "run")
    ((network, options),) = compiled
    assert isinstance(network, SimpleNet)
    assert options == {"dynamic": True}
    train(composed("trainer=cpu", "trainer.max_epochs=1"), tmp_path / "plain")
    names = [load_checkpoint(tmp_path / run / "checkpoints/last.ckpt").state_dict.keys() for run in ("run", "plain")]
    assert names[0] == names[1]


class Twice(OwnModule):
    """Two networks, a list of more, and what has no weights."""

    def __init__(self) -> None:
        super().__init__()
        self.more = nn.ModuleList([nn.Linear(3, 3), nn.Linear(3, 3)])
        self.act, self.metric = nn.ReLU(), MeanMetric()


class Itself(OwnModule):
    """Has weights beside its network."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.layer(x) * self.scale
        return result


class Bare(L.LightningModule):
    """Nothing that can be called."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))


def test_the_networks_of_a_users_own_module_are_compiled() -> None:
    module = Twice()
    assert [*networks_in(module)] == [module.layer, *module.more]
    whole = Itself()
    assert [*networks_in(whole)] == [whole]
    with pytest.raises(UserError, match=r"^compile: Bare has no network as a member, and no forward"):
        check_networks(Bare())


@pytest.mark.slow
@pytest.mark.parametrize("network", [nn.Linear(2, 2), nn.Sequential(nn.Linear(2, 2), nn.ReLU()), SimpleNet((2,), 2)])
def test_a_network_of_any_class_is_really_compiled(network: nn.Module) -> None:
    seen = []
    x, names, expected = torch.ones(3, 2), [*network.state_dict()], network.eval()(torch.ones(3, 2))
    compile_in_place(network, {"backend": lambda graph, _: seen.append(graph) or graph.forward})
    assert torch.equal(network(x), expected)
    assert len(seen) == 1
    copied = copy.deepcopy(network)
    nn.init.zeros_(next(copied.parameters()))  # a copy has weights of its own
    assert torch.equal(network(x), expected)
    assert not torch.equal(copied(x), expected)
    assert [*network.state_dict()] == names


@pytest.mark.slow
def test_a_compiled_module_of_ones_own_keeps_plain_names_and_learns_the_same(tmp_path: Path) -> None:
    states = []
    for name, override in (("plain", "compile=false"), ("compiled", "compile={backend:aot_eager}")):
        train(own_config(Twice, OwnData, override, "preflight=false", "logger=none"), tmp_path / name)
        states.append(load_checkpoint(tmp_path / name / "checkpoints/last.ckpt").state_dict)
    assert states[0].keys() == states[1].keys()
    assert all(torch.allclose(states[1][name], value) for name, value in states[0].items())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mode": "fastest"}, "compile.mode: expected one of default, reduce-overhead, .* got 'fastest'"),
        pytest.param(
            {"backend": "inductr"},
            "compile.backend: expected one of .* got 'inductr'; did you mean 'inductor'",
            marks=pytest.mark.slow,  # torch takes seconds to say which there are
        ),
        ({"dynamic": "yes"}, "compile.dynamic: expected true, false or null, got 'yes'"),
        ({"fullgraph": 1}, "compile.fullgraph: expected true or false, got 1"),
        ({"mode": "default", "backend": "eager"}, "compile.mode: backend eager has no modes"),
    ],
)
def test_an_option_that_torch_does_not_know_is_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=f"^{message}"):
        options_of(options)


@pytest.mark.slow
def test_a_really_compiled_run_learns_what_a_plain_one_learns(tmp_path: Path) -> None:
    if compiling.shutil.which("g++") is None:
        pytest.skip("needs a C++ compiler")
    options = ("trainer=cpu", "trainer.max_epochs=2", "model.dropout=0")  # which draws otherwise when compiled
    plain, compiled = (
        train(composed(*options, f"compile={flag}"), tmp_path / flag).metrics["val/loss"] for flag in ("false", "true")
    )
    assert compiled == pytest.approx(plain, rel=1e-3)
