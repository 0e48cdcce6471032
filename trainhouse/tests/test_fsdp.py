"""Weights that two processes share out are those of one process, and so are their checkpoints."""

import json
import signal
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import LightningModule
from lightning.pytorch.callbacks import EMAWeightAveraging
from lightning.pytorch.strategies import FSDPStrategy
from torch import Tensor, nn

from trainhouse.checkpoints.checkpoint import load_checkpoint
from trainhouse.configuration.errors import UserError
from trainhouse.tests.common import composed, run_script
from trainhouse.tests.many_ranks import two_tasks
from trainhouse.tests.own import OwnData, OwnModule
from trainhouse.tests.pair_house import read_checkpoint
from trainhouse.tests.started import Hold
from trainhouse.training.build import build_trainer
from trainhouse.training.check_processes import check_strategy, refuse_processes
from trainhouse.training.check_sharding import refuse_beside_sharding
from trainhouse.training.fsdp import FSDP
from trainhouse.training.non_finite import NonFiniteGuard
from trainhouse.training.preflight import preflight
from trainhouse.training.rebuild_module import rebuild_module
from trainhouse.training.signals import StopOnSignal
from trainhouse.training.train import train

ROWS = (
    "data.rows=200",
    "model.hidden_sizes=[16,5]",
    "model.dropout=0",
    "figures=false",
    "logger=none",
    "trainer.max_epochs=2",
)
SHARED = (
    "trainer=fsdp",
    "trainer.accelerator=cpu",
    "trainer.strategy.auto_wrap_policy=[Linear]",
    "trainer.strategy.activation_checkpointing_policy=[Sequential]",
    *ROWS,
    "data.path=rows.npy",
    "data.batch_size=8",
)


class TwoBlocks(nn.Module):
    """Blocks in a list, which nobody calls; the last layer has the first one's weights."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(8, 8), nn.Linear(8, 8)
        self.last.weight = self.first.weight
        self.blocks = nn.ModuleList(nn.Sequential(nn.Linear(8, 16), nn.Linear(16, 8)) for _ in range(2))
        self.attention = nn.MultiheadAttention(8, 2)


def chosen(strategy: FSDP) -> list[str]:
    module = TwoBlocks()
    names = {layer: name for name, layer in module.named_modules()}
    return [names[layer] for layer in strategy.layers(module)]


@pytest.mark.parametrize(
    ("policy", "layers"),
    [
        (200, ["blocks.0", "blocks.1", "attention"]),
        (137, ["blocks.0.0", "blocks.1.0", "attention"]),
        (72, ["blocks.0.0", "blocks.0.1", "blocks.1.0", "blocks.1.1", "attention"]),
        (1_000_000, []),
        (["Sequential"], ["blocks.1", "blocks.0"]),
    ],
)
def test_a_policy_chooses_layers_by_their_size_or_class(policy: Any, layers: list[str]) -> None:
    assert chosen(FSDP(policy)) == layers


@pytest.mark.parametrize(
    ("policy", "error"),
    [
        (["Linaer"], "no layer of this model is a Linaer; did you mean 'Linear'"),
        (["ModuleList"], "a ModuleList is never called itself; name the class"),
        (["Linear"], "a Linear shares weights with layers outside of it; leave it out"),
    ],
)
def test_layers_that_can_not_be_shared_out_are_refused(policy: list[str], error: str) -> None:
    with pytest.raises(UserError, match=f"^trainer.strategy.auto_wrap_policy: {error}"):
        FSDP(policy).layers(TwoBlocks())


def test_a_weight_without_dimensions_is_refused() -> None:
    module = TwoBlocks()
    module.register_parameter("temperature", nn.Parameter(torch.tensor(1.0)))
    with pytest.raises(UserError, match=r"^model: temperature is a weight without dimensions"):
        FSDP(1).layers(module)


@pytest.mark.parametrize(
    ("overrides", "error"),
    [
        (["trainer.strategy=fsdp"], "trainer.strategy: fsdp is torch's first FSDP.*choose trainer=fsdp"),
        (["trainer=fsdp", "trainer.accelerator=cpu", "trainer.precision=16-mixed"], "trainer.precision: trainer=fsdp"),
        (["trainer=fsdp", "trainer.accelerator=cpu", "trainer.sync_batchnorm=true"], "trainer.sync_batchnorm: is not"),
    ],
)
def test_what_needs_whole_weights_is_refused_before_data_is_read(overrides: list[str], error: str) -> None:
    with pytest.raises(UserError, match=f"^{error}"):
        check_strategy(composed(*overrides).trainer)


class OwnSteps(OwnModule):
    """Makes its own steps."""

    def __init__(self) -> None:
        super().__init__()
        self.automatic_optimization = False


@pytest.mark.parametrize(
    ("module", "callback", "error"),
    [
        (OwnModule, EMAWeightAveraging(), "callbacks: EMAWeightAveraging needs whole weights"),
        (OwnSteps, None, "trainer.strategy: FSDP does not go with OwnSteps"),
    ],
)
def test_a_callback_and_a_module_that_need_whole_weights_are_refused(
    module: type[LightningModule], callback: Any, error: str, tmp_path: Path
) -> None:
    settings = composed("trainer=fsdp", "trainer.accelerator=cpu", "trainer.devices=1").trainer
    trainer = build_trainer(settings, tmp_path, [callback] if callback else [], [])
    with pytest.raises(UserError, match=f"^{error}"):
        refuse_beside_sharding(trainer, module())


def test_the_buffers_of_torchs_first_fsdp_are_rounded() -> None:
    precision = FSDPStrategy().precision_plugin
    assert precision.mixed_precision_config.buffer_dtype == torch.float32  # so that it is refused


def test_a_number_that_another_rank_alone_has_found_stops_this_one_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def found_elsewhere(found: Tensor, operation: Any) -> None:
        found.fill_(1.0)

    monkeypatch.setattr(torch.distributed, "all_reduce", found_elsewhere)
    guard: Any = NonFiniteGuard(tmp_path, 0)
    guard._found, guard._scale, guard._is_sharded = torch.zeros(1), torch.ones(1), True
    guard._look([torch.ones(3), torch.ones(0)])
    assert guard._found.item() == 1


class TooLarge(OwnModule):
    """Fits into no GPU."""

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory")


def test_a_network_that_is_too_large_for_one_gpu_is_not_tried_out_on_one() -> None:
    shared, alone = (composed(f"trainer={one}", "trainer.accelerator=cpu").trainer for one in ("fsdp", "cpu"))
    assert preflight(TooLarge(), OwnData(), [], shared).names == []
    with pytest.raises(torch.OutOfMemoryError):
        preflight(TooLarge(), OwnData(), [], alone)


@pytest.mark.parametrize(
    ("option", "world", "machines"), [("ddp", 2, 1), ("ddp_cpu", 2, 1), ("fsdp", 2, 1), ("multi_node", 4, 2)]
)
def test_a_trainer_is_built_from_each_file_of_several_processes(
    option: str, world: int, machines: int, tmp_path: Path
) -> None:
    settings = composed(f"trainer={option}", "trainer.accelerator=cpu", "trainer.devices=2").trainer
    trainer = build_trainer(settings, tmp_path, [], [])
    assert (trainer.world_size, trainer.num_nodes) == (world, machines)
    assert type(trainer.strategy).__name__ == ("FSDP" if option == "fsdp" else "DDPStrategy")
    refuse_processes(trainer, settings, 12)
    strategy: Any = trainer.strategy
    assert strategy._timeout == timedelta(seconds=12)


def _run(folder: Path, *overrides: str, status: int = 0, **options: Any) -> str:
    with two_tasks(folder, *overrides, **options) as (first, second):
        assert (first.status(), second.status()) == (status, status), first.stderr + second.stderr
        return first.stdout + first.stderr


def test_two_processes_that_share_weights_give_the_checkpoint_of_one(tmp_path: Path) -> None:
    clipped = "trainer.gradient_clip_val=0.1"
    one = composed("trainer=cpu", *ROWS, f"data.path={tmp_path / 'rows.npy'}", "data.batch_size=16", clipped)
    train(one, tmp_path / "one")
    _run(tmp_path, *SHARED, clipped, "hydra.run.dir=shared")
    whole, shared = (read_checkpoint(tmp_path / name / "checkpoints" / "last.ckpt") for name in ("one", "shared"))
    torch.testing.assert_close(shared["state_dict"], whole["state_dict"], rtol=1e-5, atol=1e-6)
    (of_one,), (of_two,) = whole["optimizer_states"], shared["optimizer_states"]
    torch.testing.assert_close(of_two["state"], of_one["state"], rtol=1e-4, atol=1e-6)
    assert [group["params"] for group in of_two["param_groups"]] == [
        group["params"] for group in of_one["param_groups"]
    ]
    best = load_checkpoint(tmp_path / "shared")
    torch.testing.assert_close(rebuild_module(best).state_dict(), best.state_dict, rtol=0, atol=0)
    tested = [json.loads((tmp_path / name / "metrics.json").read_text()) for name in ("one", "shared")]
    assert tested[1]["metrics"]["test/loss"] == pytest.approx(tested[0]["metrics"]["test/loss"], rel=1e-5)
    assert tested[1]["exact"] is True


@pytest.mark.slow
def test_a_run_that_shares_weights_resumes_within_an_epoch_to_the_same_bits(tmp_path: Path) -> None:
    run = (*SHARED, "model.dropout=0.5", "trainer.accumulate_grad_batches=3")
    _run(tmp_path, *run, "hydra.run.dir=whole")

    def is_within(stop: Any, trainer: Any, *_: Any) -> bool:
        return bool(trainer.current_epoch == 1 and trainer.fit_loop.batch_idx == 4)

    hold = Hold(StopOnSignal, "on_train_batch_end", is_within)
    with two_tasks(tmp_path, *run, "hydra.run.dir=parts", hold=hold) as (first, second):
        second.wait_for_hold()
        second.send(signal.SIGTERM)
        second.let_go()
        assert (first.status(), second.status()) == (143, 143), first.stderr
    assert "stopped by SIGTERM at epoch 2" in first.stderr
    _run(tmp_path, "resume=parts")
    whole, parts = (read_checkpoint(tmp_path / name / "checkpoints" / "last.ckpt") for name in ("whole", "parts"))
    for what in ("state_dict", "optimizer_states"):
        torch.testing.assert_close(parts[what], whole[what], rtol=0, atol=0)


@pytest.mark.slow
def test_two_processes_train_on_the_cpu(tmp_path: Path) -> None:
    done = run_script("train.py", "trainer=ddp_cpu", *ROWS, "data.path=rows.npy", "hydra.run.dir=run", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "best epoch 2 of 2" in done.stdout


@pytest.mark.slow
def test_a_run_that_shares_weights_and_diverges_ends_everywhere(tmp_path: Path) -> None:
    said = _run(tmp_path, *SHARED, "optimizer.lr=1e38", "hydra.run.dir=run", status=1)
    assert "training diverged: the gradient of network.layers." in said
