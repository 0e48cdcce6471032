"""Weights that several GPUs share out: torch's `fully_shard`, as a strategy of Lightning's Trainer."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from functools import partial
from typing import Any

import lightning as L
import torch
from lightning.pytorch.core.optimizer import LightningOptimizer
from lightning.pytorch.strategies import ModelParallelStrategy
from lightning.pytorch.trainer.states import TrainerFn
from lightning.pytorch.utilities.model_helpers import is_overridden
from torch import nn
from torch.distributed.fsdp import fully_shard, register_fsdp_forward_method
from torch.nn.parameter import is_lazy
from torch.optim import Adam, AdamW, Optimizer
from torch.utils.checkpoint import checkpoint

from trainhouse.checkpoints.writing import AtomicCheckpointIO
from trainhouse.configuration.annotations import Count
from trainhouse.configuration.errors import UserError, did_you_mean
from trainhouse.resuming.sharded import is_sharded, put_weights, share_among_all, shared_like, whole

_STEPS = ("training_step", "validation_step", "test_step", "predict_step")
# Layers that read the weights of those in them, or are never called themselves.
_READ_INNER = (nn.MultiheadAttention, nn.TransformerEncoderLayer, nn.TransformerDecoderLayer, nn.RNNBase)
_NOT_CALLED = (nn.ModuleList, nn.ModuleDict, nn.ParameterList, nn.ParameterDict)
_KEY = "trainer.strategy"


class FSDP(ModelParallelStrategy):
    """Fully sharded data parallel: a rank keeps a part of each weight, its gradient and its optimizer state.

    A layer's weights are put together while it computes. Checkpoints are whole, in one file, with the names that
    weights have without it. What it shards is as on the first rank.
    """

    def __init__(
        self,
        auto_wrap_policy: Count | list[str] = 1_000_000,
        activation_checkpointing_policy: list[str] | None = None,
        reshard_after_forward: bool = True,
    ) -> None:
        """Layers with so many weights, or of classes with these names, are put together one at a time.

        Layers of the classes in `activation_checkpointing_policy` compute their activations again in the backward
        pass, in place of keeping them. With `reshard_after_forward` their weights are put together again for it too.
        """
        super().__init__(tensor_parallel_size=1, save_distributed_checkpoint=False)
        self.auto_wrap_policy = auto_wrap_policy
        self.activation_checkpointing_policy = activation_checkpointing_policy or []
        self.reshard_after_forward = reshard_after_forward

    def setup_environment(self) -> None:
        """Let all ranks share the weights."""
        share_among_all(self)
        super().setup_environment()

    def setup(self, trainer: L.Trainer) -> None:
        """Share out the weights, then build the optimizers, which hold this rank's part."""
        assert self.accelerator is not None
        assert self.model is not None
        self.accelerator.setup(trainer)
        if not is_sharded(self.model):
            self._shard(self.model)
        self.model = self.precision_plugin.convert_module(self.model)
        self.model_to_device()
        self.barrier()
        if trainer.state.fn == TrainerFn.FITTING:
            self.setup_optimizers(trainer)
        self.setup_precision_plugin()

    def setup_optimizers(self, trainer: L.Trainer) -> None:
        """Raise `UserError` for an optimizer that takes all weights as one vector."""
        super().setup_optimizers(trainer)
        if any(isinstance(optimizer, torch.optim.LBFGS) for optimizer in self.optimizers):
            raise UserError("optimizer: LBFGS needs whole weights, which trainer=fsdp shares out; choose another one")
        self._leave_fused_kernels()

    @property
    def lightning_restore_optimizer(self) -> bool:
        """Whether Lightning puts the states of optimizers back, as it does without this."""
        return True

    def optimizer_state(self, optimizer: Optimizer) -> dict[str, Any]:
        """Return the state as an optimizer has it that holds whole weights; nothing on other ranks than the first."""
        inner = optimizer.optimizer if isinstance(optimizer, LightningOptimizer) else optimizer
        state = inner.state_dict()
        values: dict[Any, dict[str, Any]] = {}
        for number, of_weight in state["state"].items():
            values[number] = {}
            for name, value in of_weight.items():
                all_of_it = whole(value)  # a collective; the other ranks keep none of it
                if self.is_global_zero:
                    values[number][name] = all_of_it.cpu() if isinstance(value, torch.Tensor) else value
        return {**state, "state": values} if self.is_global_zero else {}

    def load_optimizer_state_dict(self, checkpoint: Mapping[str, Any]) -> None:
        """Give each optimizer this rank's part of its state."""
        for optimizer, saved in zip(self.optimizers, checkpoint["optimizer_states"], strict=True):
            weights = [weight for group in optimizer.param_groups for weight in group["params"]]
            parts = {
                number: {
                    name: shared_like(weights[number], value) if _is_like(value, weights[number]) else deepcopy(value)
                    for name, value in values.items()
                }
                for number, values in saved["state"].items()
            }
            optimizer.load_state_dict({**saved, "state": parts})
        self._leave_fused_kernels()

    def load_model_state_dict(self, checkpoint: Mapping[str, Any], strict: bool = True) -> None:
        """Give the module this rank's part of its weights."""
        assert self.lightning_module is not None
        put_weights(self.lightning_module, checkpoint["state_dict"], strict)

    def load_checkpoint(self, checkpoint_path: Any, weights_only: bool | None = None) -> dict[str, Any]:
        """Read a checkpoint, which holds plain data; the ranks of a machine share one copy of its tensors."""
        for io in (self.checkpoint_io, getattr(self.checkpoint_io, "checkpoint_io", None)):
            if isinstance(io, AtomicCheckpointIO):
                io.mapped = True
        return self.checkpoint_io.load_checkpoint(checkpoint_path)

    def on_validation_start(self) -> None:
        """Measure with the first rank's buffers, which are those that are saved."""
        assert self.model is not None
        self._send([*self.model.buffers()])

    def layers(self, module: nn.Module) -> list[nn.Module]:
        """Return the layers that are put together one at a time, inner ones first.

        Raises `UserError` for a class of which there is none, and for layers that can't be.
        """
        if any(map(is_lazy, module.parameters())):
            raise UserError(
                f"model: {type(module).__name__} makes weights at its first batch, too late to be shared out"
            )
        if scalar := next((name for name, weight in module.named_parameters() if not weight.ndim), None):
            raise UserError(
                f"model: {scalar} is a weight without dimensions, which trainer=fsdp can't share out; make it "
                "torch.ones(1), or choose trainer=ddp"
            )
        if isinstance(self.auto_wrap_policy, int):
            return list(_large(module, _uses(module), self.auto_wrap_policy, set()))
        chosen, uses = _of_classes(module, self.auto_wrap_policy, f"{_KEY}.auto_wrap_policy"), _uses(module)
        if tied := next((layer for layer in chosen if _shares_weights(layer, uses)), None):
            raise UserError(
                f"{_KEY}.auto_wrap_policy: a {type(tied).__name__} shares weights with layers outside of it; leave it "
                "out"
            )
        return chosen

    def checkpointed(self, module: nn.Module) -> list[nn.Module]:
        """Return the layers whose activations are computed again; raises `UserError` as `layers` does."""
        return _of_classes(module, self.activation_checkpointing_policy, f"{_KEY}.activation_checkpointing_policy")

    def _shard(self, module: nn.Module) -> None:
        layers, mesh = self.layers(module), self.device_mesh["data_parallel"]
        for layer in self.checkpointed(module):
            layer.forward = partial(checkpoint, layer.forward, use_reentrant=False)
        self._send([*module.parameters(), *module.buffers()])
        for layer in layers:
            fully_shard(layer, mesh=mesh, reshard_after_forward=self.reshard_after_forward)
        fully_shard(module, mesh=mesh)  # what is in none of them
        for step in _STEPS:
            if is_overridden(step, self.lightning_module):
                register_fsdp_forward_method(module, step)

    def _leave_fused_kernels(self) -> None:
        """torch has those of Adam alone for weights that are shared out."""
        for optimizer in self.optimizers:
            for group in optimizer.param_groups if not isinstance(optimizer, (Adam, AdamW)) else ():
                if group.get("fused"):
                    group["fused"] = False

    def _send(self, tensors: Sequence[torch.Tensor]) -> None:
        """Give all ranks what the first one has."""
        for tensor in tensors if self.world_size > 1 else ():
            sent = tensor.detach().to(self.root_device).contiguous()
            torch.distributed.broadcast(sent, 0)
            tensor.detach().copy_(sent)


def _is_like(value: Any, weight: nn.Parameter) -> bool:
    return isinstance(value, torch.Tensor) and value.ndim > 0 and value.shape == weight.shape


def _of_classes(module: nn.Module, names: Sequence[str], key: str) -> list[nn.Module]:
    layers = [layer for name, layer in module.named_modules() if name and any(True for _ in layer.parameters())]
    there = {type(layer).__name__: None for layer in layers}
    for name in names:
        if name not in there:
            raise UserError(
                f"{key}: no layer of this model is a {name}{did_you_mean(name, there)} (there are {', '.join(there)})"
            )
    chosen = [layer for layer in reversed(layers) if type(layer).__name__ in names]
    if unused := next((layer for layer in chosen if isinstance(layer, _NOT_CALLED)), None):
        raise UserError(f"{key}: a {type(unused).__name__} is never called itself; name the class of what is in it")
    return chosen


def _large(parent: nn.Module, uses: Counter[nn.Parameter], least: int, taken: set[nn.Parameter]) -> Iterator[nn.Module]:
    """Yield the layers with so many weights, apart from those of layers in them that have as many."""
    for layer in parent.children():
        if not isinstance(layer, _READ_INNER):
            yield from _large(layer, uses, least, taken)
        left = {*layer.parameters()} - taken
        is_large = sum(weight.numel() for weight in left) >= least
        if is_large and not isinstance(layer, _NOT_CALLED) and not _shares_weights(layer, uses):
            taken |= left
            yield layer


def _uses(module: nn.Module) -> Counter[nn.Parameter]:
    """Return in how many places each weight is."""
    return Counter(weight for part in module.modules() for weight in part.parameters(recurse=False))


def _shares_weights(layer: nn.Module, uses: Counter[nn.Parameter]) -> bool:
    """Whether a weight of the layer is one of a layer outside of it too."""
    return any(uses[weight] > count for weight, count in _uses(layer).items())
