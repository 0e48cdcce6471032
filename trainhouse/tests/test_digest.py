"""A batch has a short name, whatever its structure: another batch has another one."""

from collections import namedtuple
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch

from trainhouse.resuming.digest import digest, row_count

Pair = namedtuple("Pair", "x y")


@dataclass
class Sample:
    x: torch.Tensor
    name: str = "a"


class Graph:
    """As libraries for graphs have it: a batch that is no container."""

    def __init__(self, edges: torch.Tensor, num_graphs: int) -> None:
        self.edges, self.num_graphs = edges, num_graphs


def batch(value: float = 1.0) -> dict[str, Any]:
    return {
        "x": torch.full((3, 2), value),
        "names": ["a", "b", "c"],
        "pair": Pair(np.arange(3), (torch.tensor([True]), None)),
        "sample": Sample(torch.zeros(2)),
    }


def test_equal_batches_have_the_same_name() -> None:
    assert digest(batch()) == digest(batch())
    assert len(digest(batch())) == 16


@pytest.mark.parametrize(
    "other",
    [
        {**batch(), "x": torch.full((3, 2), 1.5)},
        {**batch(), "x": torch.full((2, 3), 1.0)},
        {**batch(), "x": torch.full((3, 2), 1.0, dtype=torch.float64)},
        {**batch(), "names": ["a", "b", "d"]},
        {**batch(), "pair": Pair(np.arange(3)[::-1], (torch.tensor([True]), None))},
        {**batch(), "pair": Pair(np.arange(3), (torch.tensor([False]), None))},
        {**batch(), "sample": Sample(torch.ones(2))},
        {**batch(), "sample": Sample(torch.zeros(2), "b")},
        {**batch(), "more": 1},
        list(batch().values()),
    ],
)
def test_whatever_differs_in_a_batch_changes_its_name(other: Any) -> None:
    assert digest(other) != digest(batch())


@pytest.mark.parametrize(
    "make",
    [
        lambda value: torch.full((2, 2), value, dtype=torch.bfloat16),
        lambda value: torch.full((2,), value, dtype=torch.complex64).conj(),
        lambda value: torch.diag(torch.tensor([value, 0.0])).to_sparse(),
        lambda value: torch.tensor(value),
        lambda value: torch.full((100, 1000), value)[:, ::2],
        lambda value: torch.full((2,), value, requires_grad=True),
        lambda value: np.float32(value),
        lambda value: np.array([{"a": value}, None], dtype=object),
        lambda value: Graph(torch.full((2, 5), value), 3),
        lambda value: {value, "b"},
    ],
)
def test_every_kind_of_value_counts(make: Any) -> None:
    assert digest(make(1.0)) == digest(make(1.0))
    assert digest(make(1.0)) != digest(make(2.0))


def test_empty_and_endless_structures_have_a_name_too() -> None:
    endless: list[Any] = []
    endless.append(endless)
    assert len({digest(endless), digest([]), digest({}), digest(torch.empty(0, 3)), digest(torch.empty(0, 4))}) == 5


@pytest.mark.parametrize(
    ("item", "rows"),
    [
        (torch.zeros(5, 2), 5),
        ([torch.zeros(4, 2), torch.zeros(7)], 4),
        ({"names": ["a", "b"], "x": torch.zeros(3)}, 2),
        ({"labelled": [torch.zeros(6)], "unlabelled": [torch.zeros(9)]}, 6),
        (["a", "b", "c"], 3),
        (Sample(torch.zeros(2, 2)), 2),
        (Graph(torch.zeros(2, 50), 8), 8),
        (torch.tensor(1.0), 1),
        (None, 1),
    ],
)
def test_the_rows_of_a_batch_are_counted(item: Any, rows: int) -> None:
    assert row_count(item) == rows
