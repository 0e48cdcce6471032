"""Gradients that ranks have not exchanged end a run also where no further step would notice it."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

from trainhouse.configuration.errors import refusal_of_lightning
from trainhouse.resuming.ranks import RanksCompared


@pytest.fixture
def group() -> Iterator[None]:
    distributed.init_process_group("gloo", store=distributed.HashStore(), rank=0, world_size=1)
    yield
    distributed.destroy_process_group()


class HalfUsed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.used, self.unused = nn.Linear(2, 2), nn.Linear(2, 2)

    def forward(self, x: torch.Tensor, uses_all: bool) -> torch.Tensor:
        return self.used(x) + self.unused(x) if uses_all else self.used(x)


def test_a_last_step_that_misses_weights_is_noticed(group: None) -> None:
    model = DistributedDataParallel(HalfUsed())
    trainer: Any = SimpleNamespace(model=model, sanity_checking=False)
    compared = RanksCompared()
    model(torch.ones(1, 2), uses_all=True).sum().backward()
    compared.on_validation_start(trainer, model)
    model(torch.ones(1, 2), uses_all=False).sum().backward()
    with pytest.raises(RuntimeError) as met:
        compared.on_validation_start(trainer, model)
    assert "ddp_find_unused_parameters_true" in str(refusal_of_lightning(met.value))
