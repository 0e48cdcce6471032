"""From a checkpoint to the LightningModule that it is of: built as its configuration says, with its weights."""

import warnings
from typing import Any

import lightning as L
import torch
from lightning.pytorch.utilities.model_helpers import is_overridden
from torch import nn

from trainhouse.checkpoints.checkpoint import Checkpoint, read
from trainhouse.checkpoints.weights import check_kinds, check_weights, let_take_compiled
from trainhouse.configuration.check_arguments import parameters_of
from trainhouse.configuration.create import create, located
from trainhouse.configuration.errors import UserError
from trainhouse.configuration.older_versions import MODULE, is_array_data
from trainhouse.configuration.targets import ALLOWED, check_targets
from trainhouse.configuration.views import Part
from trainhouse.training.build_data import untrained_preprocessing
from trainhouse.training.build_loss import build_loss
from trainhouse.training.build_module import build_network, chosen_metrics, is_lightning_module
from trainhouse.training.foreign_size import check_size


def rebuild_untrained(checkpoint: Checkpoint) -> L.LightningModule:
    """Return the module of a checkpoint without its weights; only classes that a file may name are built.

    Raises `UserError` for a network of which somebody else's file holds no more than a small part.
    """
    if checkpoint.foreign:
        check_size(checkpoint.state_dict, lambda: _untrained(checkpoint), str(checkpoint.path))
    return _untrained(checkpoint)


def _untrained(checkpoint: Checkpoint) -> L.LightningModule:
    config = checkpoint.config
    check_targets(config.model.plain, ALLOWED["model"], "model", str(checkpoint.path))
    if is_lightning_module(config.model):
        with warnings.catch_warnings():  # training has said which hyperparameters are objects
            warnings.filterwarnings("ignore", ".* is already saved during checkpointing")
            module: L.LightningModule = create(_without_pretrained(config.model), "model")
        let_take_compiled(module)
        return module
    spec = checkpoint.data_spec
    facts = dict(checkpoint.facts)
    preprocessing: nn.Module = nn.Identity()
    if is_array_data(config.data):
        facts = spec.to_dict()
        first_layer = config.data.preprocessing
        own = checkpoint.has_own_data
        check_targets({"preprocessing": first_layer}, ALLOWED["data"], "data", str(checkpoint.path), own=own)
        preprocessing = untrained_preprocessing(config.data, spec)
        facts["input_shape"] = list(preprocessing.output_shape)
    network = build_network(_without_pretrained(config.model), facts)
    return wrap(checkpoint, preprocessing, network)


def wrap(checkpoint: Checkpoint, preprocessing: nn.Module, network: nn.Module) -> L.LightningModule:
    """Return the module around a network that a checkpoint's configuration names, ready to predict and be measured."""
    config, spec = checkpoint.config, checkpoint.data_spec
    wrapper = config.module or Part(MODULE)
    for name, plain in (("module", wrapper.plain), ("loss", config.loss.plain), ("metrics", config.metrics.plain)):
        check_targets(plain, ALLOWED[name], name, str(checkpoint.path))
    module: L.LightningModule = create(
        wrapper,
        "module",
        spec=spec,
        preprocessing=preprocessing,
        network=network,
        loss=build_loss(config.loss, spec, checkpoint.facts),
        **chosen_metrics(wrapper, config.metrics, spec),
    )
    return module


def _without_pretrained(model: Part) -> Part:
    """Weights that a constructor would fetch are those of the checkpoint in a moment; one within the model's too."""
    inner = {name: _within(value) for name, value in model.plain.items()}
    by_place = len(model.plain.get("_args_") or ())
    takes_it = "pretrained" in list(parameters_of(located(model, "model")))[by_place:]
    return Part({**inner, "pretrained": False} if takes_it else inner)


def _within(node: Any) -> Any:
    if isinstance(node, dict):
        return _without_pretrained(Part(node)).plain if "_target_" in node else {k: _within(v) for k, v in node.items()}
    return [_within(item) for item in node] if isinstance(node, list) else node


def rebuild_module(checkpoint: Checkpoint) -> L.LightningModule:
    """Return the trained module of a checkpoint, ready to predict."""
    check_weights(checkpoint.state_dict, str(checkpoint.path))
    return restore(rebuild_untrained(checkpoint), checkpoint).eval()


def restore(module: L.LightningModule, checkpoint: Checkpoint) -> L.LightningModule:
    """Return the module with the checkpoint's weights, restored in the order in which Lightning does it."""
    module.configure_model()
    if is_overridden("on_load_checkpoint", module):
        module.on_load_checkpoint(read(checkpoint.path))
    check_kinds(module, checkpoint.state_dict, str(checkpoint.path))
    try:
        module.load_state_dict(checkpoint.state_dict, strict=module.strict_loading)
    except RuntimeError as error:
        first = " ".join(str(error).split())[:300]
        raise UserError(
            f"{checkpoint.path}: its weights don't fit the network that its config describes ({first})"
        ) from error
    std = getattr(module, "target_std", None)
    is_wrapper = not is_lightning_module(checkpoint.config.model)  # of which the name is
    if is_wrapper and isinstance(std, torch.Tensor) and not (std > 0).all():
        raise UserError(f"{checkpoint.path}: target_std holds a deviation that is not above 0")
    return module
