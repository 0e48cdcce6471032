"""Ranks that share out weights hold no more than they must of a whole checkpoint."""

import sys
import weakref
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor

from trainhouse.checkpoints.async_saving import AsyncInOrder
from trainhouse.checkpoints.checkpoint import FORMAT, RECORD
from trainhouse.checkpoints.writing import AtomicCheckpointIO
from trainhouse.configuration.errors import UserError
from trainhouse.training.fsdp import FSDP


class Gathered:
    """A tensor that ranks share out; it notes how many whole ones there are at once."""

    alive: ClassVar[weakref.WeakSet[Tensor]] = weakref.WeakSet()
    most = 0

    def full_tensor(self) -> Tensor:
        one = torch.zeros(2)
        Gathered.alive.add(one)
        Gathered.most = max(Gathered.most, len(Gathered.alive))
        return one


def test_other_ranks_than_the_first_keep_no_whole_states_of_the_optimizer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FSDP, "is_global_zero", False)
    optimizer: Any = SimpleNamespace(
        state_dict=lambda: {"state": {number: {"exp_avg": Gathered()} for number in range(5)}}
    )
    assert FSDP(1).optimizer_state(optimizer) == {}
    assert 1 <= Gathered.most <= 2


@pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's account of this process")
def test_ranks_of_a_machine_share_what_they_read_and_damage_is_seen(tmp_path: Path) -> None:
    path, strategy = tmp_path / "a.ckpt", FSDP(1)
    strategy.checkpoint_io = AsyncInOrder(AtomicCheckpointIO())
    weights = torch.arange(1000.0)
    AtomicCheckpointIO().save_checkpoint({"state_dict": {"w": weights}, RECORD: {"format": FORMAT}}, path)
    read_back = strategy.load_checkpoint(path)["state_dict"]["w"]
    assert torch.equal(read_back, weights)
    assert str(path) in Path("/proc/self/maps").read_text()
    content = path.read_bytes()
    place = content.index(weights.numpy().tobytes()) + 400
    path.write_bytes(content[:place] + b"?" + content[place + 1 :])
    with pytest.raises(UserError, match="the check sum of"):
        strategy.load_checkpoint(path)
