"""What `predict_step` of one's own module returns becomes columns of a file, or one line says why it can't."""

from typing import Any

import lightning as L
import numpy as np
import pytest
import torch

from trainhouse.configuration.errors import UserError
from trainhouse.predicting.own_prediction import _alike, _columns


class Plain(L.LightningModule):
    """Says nothing of what it predicts."""


class Named(L.LightningModule):
    """Names what it predicts."""

    def prediction_columns(self, output: torch.Tensor) -> dict[str, Any]:
        return {"word": ["a", "b"], "score": output[:, 0]}


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        (torch.tensor([1.0, 2.0]), {"prediction": [1.0, 2.0]}),
        (torch.tensor(3), {"prediction": [3]}),
        (torch.tensor([[1.0, 2.0], [3.0, 4.0]]), {"prediction_0": [1.0, 3.0], "prediction_1": [2.0, 4.0]}),
        ({"a": torch.tensor([1, 2]), "file": ["x", "y"]}, {"a": [1, 2], "file": ["x", "y"]}),
        (
            {"box": torch.tensor([[1.0, 2.0], [3.0, 4.0]]), "n": np.array([5, 6])},
            {"box_0": [1.0, 3.0], "box_1": [2.0, 4.0], "n": [5, 6]},
        ),
        (torch.tensor([1.5], dtype=torch.bfloat16, requires_grad=True), {"prediction": [1.5]}),
    ],
    ids=["numbers", "a number", "rows", "mapping", "mapping of rows", "half precision"],
)
def test_tensors_and_mappings_are_columns(output: Any, expected: dict[str, list[Any]]) -> None:
    found = _columns(Plain(), output)
    assert list(found) == list(expected)
    assert {name: column.tolist() for name, column in found.items()} == expected


def test_a_module_may_name_its_columns_itself() -> None:
    found = _columns(Named(), torch.tensor([[0.5, 9.0], [0.25, 9.0]]))
    assert {name: column.tolist() for name, column in found.items()} == {"word": ["a", "b"], "score": [0.5, 0.25]}


@pytest.mark.parametrize(
    ("output", "what"),
    [
        (torch.zeros(2, 3, 4), "Tensor"),
        ({"a": torch.zeros(2), "b": torch.zeros(3)}, r"a \(2,\), b \(3,\)"),
        ({"a": torch.zeros(2, 3, 4)}, r"a \(2, 3, 4\)"),
        ({"a": 1.0}, r"a \(\)"),
        ({}, "dict"),
        (None, "NoneType"),
        ([torch.zeros(2)], "list"),
    ],
)
def test_what_is_no_columns_of_one_length_is_refused_with_both_ways_out(output: Any, what: str) -> None:
    with pytest.raises(
        UserError,
        match=rf"^output: Plain\.predict_step returns no columns of one length \({what}\); "
        r"give it prediction_columns\(output\), or write to a file that ends in \.pt$",
    ):
        _columns(Plain(), output)


def test_every_batch_has_the_columns_of_the_first_in_its_order() -> None:
    one, two = np.zeros(1), np.ones(1)
    batches = [{"a": one, "b": two}, {"b": two, "a": one}]
    assert [list(columns) for columns in _alike(batches)] == [["a", "b"], ["a", "b"]]
    with pytest.raises(UserError, match=r"^output: batch 1 has the columns a, c, the ones before have a, b; return"):
        list(_alike([{"a": one, "b": two}, {"a": one, "c": two}]))
