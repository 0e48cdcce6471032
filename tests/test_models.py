"""Your models. A new one gets a class of its own, of two or three lines: trainhouse/testing.py has the tests."""

import pytest
import torch

from src.models.cnn import CNN
from src.models.simple_net import SimpleNet
from trainhouse.testing import ModelTests


class TestLinear(ModelTests):
    overrides = ("model=linear",)


class TestSimpleNet(ModelTests):
    overrides = ("model=simple_net", "model.dropout=0.5")


class TestCNN(ModelTests):
    overrides = ("model=cnn", "model.channels=[4,8]", "data=digits", "optimizer.lr=0.01")


class TestGAN(ModelTests):
    overrides = ("experiment=gan", "model.hidden_size=8")
    falls = None  # each network's loss is the other's success


class TestLanguageModel(ModelTests):
    overrides = ("experiment=language_model", "model.width=16")


class TestSegmentation(ModelTests):
    overrides = ("experiment=segmentation", "data.rows=100", "model.channels=[4,8]")


def test_a_network_maps_rows_to_outputs() -> None:
    assert SimpleNet((4,), outputs=3)(torch.zeros(5, 4)).shape == (5, 3)
    assert CNN((1, 8, 8), outputs=10)(torch.zeros(5, 1, 8, 8)).shape == (5, 10)


def test_a_network_says_which_rows_it_takes() -> None:
    with pytest.raises(ValueError, match="takes images"):
        CNN((4,), outputs=3)
