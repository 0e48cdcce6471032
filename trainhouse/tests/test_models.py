"""Networks: what shapes they take and return, and what they refuse."""

from typing import Any

import pytest
import torch
from torch import nn

from src.models.cnn import CNN
from src.models.linear import Linear
from src.models.simple_net import ACTIVATIONS, SimpleNet
from trainhouse.configuration.create import create
from trainhouse.configuration.errors import UserError
from trainhouse.configuration.views import Part

NETWORKS = [
    *[(network, shape) for network in (Linear, SimpleNet) for shape in ((6,), (4, 5), (3, 4, 5))],
    *[(CNN, shape) for shape in ((4, 4), (9, 6), (1, 8, 8), (3, 7, 10))],
]


def weights(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize(("network", "shape"), NETWORKS)
def test_a_batch_of_rows_becomes_a_batch_of_outputs(network: Any, shape: tuple[int, ...], outputs: int) -> None:
    assert network(shape, outputs)(torch.randn(5, *shape)).shape == (5, outputs)


@pytest.mark.parametrize(("network", "shape"), NETWORKS)
def test_all_weights_learn(network: Any, shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    model = network(shape, 2)
    model(torch.randn(5, *shape)).square().sum().backward()
    assert all(parameter.grad is not None and parameter.grad.abs().sum() > 0 for parameter in model.parameters())


@pytest.mark.parametrize(("network", "shape"), [(SimpleNet, (6,)), (CNN, (8, 8))])
def test_dropout_draws_in_training_only(network: Any, shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    model, x = network(shape, 3, dropout=0.5), torch.randn(4, *shape)
    assert not torch.equal(model(x), model(x))
    model.eval()
    assert torch.equal(model(x), model(x))


def test_cnn_takes_an_image_without_channels_as_one_with_a_single_channel() -> None:
    plain, single = CNN((8, 6), 2).eval(), CNN((1, 8, 6), 2).eval()
    single.load_state_dict(plain.state_dict())
    x = torch.randn(3, 8, 6)
    torch.testing.assert_close(plain(x), single(x.unsqueeze(1)))


def test_cnn_needs_no_more_weights_for_larger_images() -> None:
    assert weights(CNN((3, 8, 8), 2)) == weights(CNN((3, 40, 30), 2))


def test_simple_net_without_hidden_layers_is_linear() -> None:
    assert weights(SimpleNet((4, 5), 3, hidden_sizes=())) == weights(Linear((4, 5), 3)) == 63


@pytest.mark.parametrize("batch_norm", [False, True])
def test_simple_net_has_the_layers_that_are_asked_for(batch_norm: bool) -> None:
    expected = (6 * 8 + 8) + (8 * 4 + 4) + (4 * 2 + 2) + (2 * (8 + 4) if batch_norm else 0)
    assert weights(SimpleNet((6,), 2, hidden_sizes=(8, 4), batch_norm=batch_norm)) == expected


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation_bends_the_line(activation: str) -> None:
    torch.manual_seed(0)
    model, x = SimpleNet((4,), 1, hidden_sizes=(8,), activation=activation), torch.randn(5, 4)
    assert not torch.allclose(model(x) + model(-x), 2 * model(torch.zeros(5, 4)), atol=1e-4)


@pytest.mark.parametrize(
    ("network", "arguments", "message"),
    [
        (CNN, {"input_shape": (20,)}, r"images of shape \(C, H, W\) or \(H, W\).*\(20,\)"),
        (CNN, {"input_shape": (2, 3, 8, 8)}, r"images of shape.*\(2, 3, 8, 8\)"),
        (CNN, {"input_shape": (3, 9, 3), "channels": [4, 4, 4]}, r"channels: 3 stages.*\(3, 9, 3\)"),
        (CNN, {"input_shape": (8, 8), "channels": [4, 0]}, r"channels: expected a list of whole numbers.*\[4, 0\]"),
        (CNN, {"input_shape": (8, 8), "dropout": 1.0}, r"dropout: expected a number from 0 to below 1, got 1\.0$"),
        (SimpleNet, {"input_shape": (4,), "hidden_sizes": [8, 0]}, r"hidden_sizes: expected a list.*got \[8, 0\]$"),
        (SimpleNet, {"input_shape": (4,), "dropout": -0.1}, r"dropout: expected a number from 0 to below 1, got -0"),
        (SimpleNet, {"input_shape": (4,), "activation": "relo"}, r"activation: expected one of relu.*got 'relo'"),
    ],
)
def test_what_a_network_cannot_take_is_refused_by_name(network: Any, arguments: dict[str, Any], message: str) -> None:
    given = {"input_shape": arguments.pop("input_shape"), "outputs": 2}
    with pytest.raises(UserError, match=message):
        create(Part({"_target_": f"{network.__module__}.{network.__name__}", **arguments}), "model", **given)
