"""A small step takes one thread, a large one what the machine has."""

from collections.abc import Iterator

import pytest
import torch
from torch import nn

from trainhouse.configuration.errors import UserError
from trainhouse.training.threads import operations, set_threads, spare_threads


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("network", "shape", "count"),
    [
        (nn.Linear(20, 10), (1, 20), 2 * 20 * 10),
        (nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8)), (1, 3, 5, 5), 2 * 3 * 8 * 9 * 25),
        (nn.LSTM(4, 6, batch_first=True), (1, 7, 4), 2 * (24 * 4 + 24 * 6) * 7 * 6 / 24),
        (nn.Flatten(), (1, 3), 0),
    ],
)
def test_a_use_of_a_weight_is_two_operations(network: nn.Module, shape: tuple[int, ...], count: float) -> None:
    assert operations(network, torch.zeros(shape)) == pytest.approx(count)
    assert network.training
    assert not any(part._forward_hooks for part in network.modules())


@pytest.mark.parametrize(("width", "threads"), [(16, 1), (8192, 3)])
def test_only_a_small_step_is_left_one_thread(width: int, threads: int) -> None:
    class Batches:
        batch_size = 128

        def __getitem__(self, key: tuple[int, int]) -> tuple[torch.Tensor, None]:
            return torch.zeros(4, 32), None

    set_threads(3)
    spare_threads(nn.Linear(32, width), Batches())  # type: ignore[arg-type]
    assert torch.get_num_threads() == threads


def test_what_a_network_has_frozen_stays_frozen() -> None:
    network = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4).eval(), nn.Linear(4, 2))
    operations(network, torch.zeros(1, 3))
    assert [part.training for part in network] == [True, False, True]


def test_more_threads_than_any_use_are_refused() -> None:
    with pytest.raises(UserError, match=r"^threads: 1000000 would keep each other from working on \d+ cores; give"):
        set_threads(1_000_000)
