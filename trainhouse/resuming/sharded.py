"""Weights that ranks share out: each tensor's whole, and this rank's part of it. Other tensors are both."""

from typing import Any

from lightning.pytorch.strategies import ModelParallelStrategy
from torch import Tensor, nn


def is_sharded(module: nn.Module) -> bool:
    """Whether ranks share out the module's weights."""
    return any(hasattr(weight, "to_local") for weight in module.parameters())


def share_among_all(strategy: ModelParallelStrategy) -> None:
    """Let all ranks of all machines share the weights; to be called when their number is known."""
    strategy._data_parallel_size = strategy.num_nodes * strategy.num_processes


def class_of(module: nn.Module) -> type[nn.Module]:
    """Return the class that a module was made as: torch gives those whose weights it shares out one of its own."""
    kind = type(module)
    return kind.__bases__[1] if kind.__bases__[0].__name__ == "FSDPModule" else kind


def part_of(tensor: Any) -> Tensor:
    """Return what this rank has of a tensor."""
    part: Tensor = tensor.to_local() if hasattr(tensor, "to_local") else tensor
    return part


def whole(tensor: Any) -> Tensor:
    """Return all of a tensor; a collective if ranks share it out."""
    full: Tensor = tensor.full_tensor() if hasattr(tensor, "full_tensor") else tensor
    return full


def shared_like(weight: Any, tensor: Tensor) -> Tensor:
    """Return a whole tensor on the device of `weight`, shared out as that is; a collective if so."""
    tensor = tensor.to(weight.device)
    if not hasattr(weight, "to_local"):
        return tensor
    from torch.distributed.tensor import distribute_tensor

    return distribute_tensor(tensor, weight.device_mesh, weight.placements)


def put_weights(module: nn.Module, weights: dict[str, Any], strict: bool) -> None:
    """Give a module the weights of a checkpoint; of those that are shared out each rank takes its part."""
    if not is_sharded(module):
        module.load_state_dict(weights, strict=strict)
        return
    from torch.distributed.checkpoint.state_dict import StateDictOptions, set_model_state_dict

    set_model_state_dict(module, weights, options=StateDictOptions(full_state_dict=True, strict=strict))
