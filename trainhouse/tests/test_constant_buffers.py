"""Ranks don't exchange at each step what training never changes, and do exchange what it does change."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

from trainhouse.tests.tiny import CLASSES, TARGETS, tiny_data, tiny_module, tiny_trainer
from trainhouse.training.constant_buffers import ConstantBuffers


@pytest.fixture
def one_rank() -> Iterator[None]:
    distributed.init_process_group("gloo", store=distributed.HashStore(), rank=0, world_size=1)
    yield
    distributed.destroy_process_group()


@pytest.mark.usefixtures("one_rank")
@pytest.mark.parametrize("spec", [CLASSES, TARGETS])
def test_what_training_changes_is_exchanged_and_what_preprocessing_has_found_is_not(spec: Any, tmp_path: Path) -> None:
    network = nn.Sequential(nn.BatchNorm1d(4), nn.Linear(4, spec.outputs))
    module = tiny_module(tiny_data(spec), network)
    ConstantBuffers().setup(tiny_trainer(tmp_path), module, "fit")

    left_out = DistributedDataParallel(module).parameters_to_ignore

    assert {"preprocessing.mean", "preprocessing.scale"} < left_out
    changed = {name for name, buffer in module.named_buffers() if buffer.numel()} - left_out
    targets = {"target_mean", "target_std"} if spec is TARGETS else set()
    assert changed == {f"network.0.{name}" for name in ("running_mean", "running_var", "num_batches_tracked")} | targets
