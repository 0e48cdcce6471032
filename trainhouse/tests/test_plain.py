"""What a checkpoint may hold: plain data is known as such, and what is none is named with its place."""

from collections import Counter, OrderedDict
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf

from trainhouse.checkpoints.plain import first_not_plain, is_plain, plain_hyperparameters


class Colour(Enum):
    RED = 1


class Number(int):
    pass


@pytest.mark.parametrize(
    "value",
    [
        *(None, True, 3, 1.5, 2j, "a", b"a", (), [], {}, {1, 2}),
        *(torch.zeros(2), torch.nn.Parameter(torch.zeros(1)), torch.Size([1]), torch.float32, torch.device("cpu")),
        {"a": [1, (2, {"b": None})], 3: {(1, 2): torch.zeros(1)}, None: 1},
        OrderedDict(a=1),
    ],
    ids=lambda value: type(value).__name__,
)
def test_plain_data_is_read_back_without_code(value: Any, tmp_path: Path) -> None:
    assert is_plain(value)
    torch.save(value, tmp_path / "x.pt")
    torch.load(tmp_path / "x.pt", weights_only=True)


@pytest.mark.parametrize(
    ("value", "place", "kind"),
    [
        ({"a": Path("x")}, "a", "PosixPath"),
        ({"a": {"b": [1, (2, Path("x"))]}}, "a.b[1][1]", "PosixPath"),
        ({"loops": {"x": np.float64(1)}}, "loops.x", "float64"),
        ({"x": np.zeros(2)}, "x", "ndarray"),
        ({"x": Colour.RED}, "x", "Colour"),
        ({"x": Number(3)}, "x", "Number"),
        ({"x": len}, "x", "builtin_function_or_method"),
        ({"x": torch.nn.Linear(1, 1)}, "x", "Linear"),
        ({"x": OmegaConf.create({"a": 1})}, "x", "DictConfig"),
        ({"x": {Colour.RED: 1}}, "x.Colour.RED", "a key of type Colour"),
        ({"fine": 1, "first": Path("x"), "second": len}, "first", "PosixPath"),
    ],
)
def test_what_is_no_plain_data_is_named_with_its_place(value: dict[str, Any], place: str, kind: str) -> None:
    assert first_not_plain(value) == (place, kind)
    assert not is_plain(value)


def test_plain_content_has_nothing_to_name() -> None:
    assert first_not_plain({"a": [1, {"b": torch.zeros(1)}]}) is None


def test_hyperparameters_that_are_objects_become_what_they_were_made_from() -> None:
    net = torch.nn.Linear(1, 1)
    given = {"lr": 0.1, "net": net, "loss": len, "sizes": [1, 2]}
    config = {"lr": 0.5, "net": {"_target_": "torch.nn.Linear", "in_features": 1}, "other": 3}
    kept, replaced = plain_hyperparameters(given, config)
    assert kept == {"lr": 0.1, "net": {"_target_": "torch.nn.Linear", "in_features": 1}, "sizes": [1, 2]}
    assert replaced == ["net", "loss"]


def test_a_configuration_that_is_no_plain_data_stands_in_for_nothing() -> None:
    assert plain_hyperparameters({"net": len}, {"net": Path("x")}) == ({}, ["net"])


def test_a_counter_is_what_torch_takes_it_for(tmp_path: Path) -> None:
    torch.save({"seen": Counter("aab")}, tmp_path / "x.pt")
    assert torch.load(tmp_path / "x.pt", weights_only=True) == {"seen": {"a": 2, "b": 1}}
    assert is_plain({"seen": Counter("aab")})
