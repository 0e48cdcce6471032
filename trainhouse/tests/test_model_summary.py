"""The table of layers counts weights; of layers that a first batch makes it says so."""

import pytest
from torch import nn

from trainhouse.training.model_summary import layer_table

INNER = nn.Sequential(nn.Linear(2, 3), nn.ReLU())
NET = nn.Sequential(INNER, nn.Linear(3, 1))
INNER.requires_grad_(False)


@pytest.mark.parametrize(("depth", "layers"), [(0, ["all"]), (1, ["all", "0", "1"]), (-1, ["all", "0", "0.0", "1"])])
def test_layers_with_weights_are_listed_down_to_a_depth(depth: int, layers: list[str]) -> None:
    header, *rows = [line.split() for line in layer_table(NET, depth).splitlines()]
    assert header == ["layer", "class", "weights", "trained"]
    assert [row[0] for row in rows] == layers
    assert rows[0][2:] == ["13", "4"]


def test_layers_that_are_made_later_are_named() -> None:
    assert "made later" in layer_table(nn.Sequential(nn.LazyLinear(3)), 1)
