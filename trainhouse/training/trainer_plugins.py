"""The plugins of Lightning's Trainer that the configuration names, and what has to be true of each."""

from collections.abc import Iterator
from typing import Any

from lightning.fabric.plugins import ClusterEnvironment
from lightning.pytorch.plugins import AsyncCheckpointIO, CheckpointIO, LayerSync, Precision

from trainhouse.checkpoints.async_saving import AsyncInOrder
from trainhouse.checkpoints.writing import AtomicCheckpointIO
from trainhouse.configuration.create import create
from trainhouse.configuration.errors import UserError
from trainhouse.configuration.settings import Trainer
from trainhouse.configuration.views import Part

_PLUGINS = (Precision, ClusterEnvironment, CheckpointIO, LayerSync)


def build_plugins(settings: Trainer) -> list[Any]:
    """Build the plugins. Raises `UserError` for one that is none, or that a run would not be safe with."""
    said = settings.get("plugins")
    plugins = [*_each_plugin(said if isinstance(said, list) else [] if said is None else [said])]
    for plugin in plugins:
        name = type(plugin).__name__
        if isinstance(plugin, Precision) and settings.precision is not None:
            raise UserError(f"trainer.plugins: {name} is a precision of its own; set trainer.precision=null beside it")
        if isinstance(plugin, CheckpointIO) and not isinstance(plugin, AtomicCheckpointIO) and not _wraps(plugin):
            raise UserError(
                f"trainer.plugins: a run that is killed while {name} writes may lose its checkpoints; let it inherit "
                "from trainhouse.AtomicCheckpointIO, or leave it out"
            )
    return plugins


def _each_plugin(said: list[Any]) -> Iterator[Any]:
    for number, node in enumerate(said):
        key = f"trainer.plugins[{number}]"
        if not isinstance(node, dict) or "_target_" not in node:
            raise UserError(f"{key}: expected a mapping with _target_, got {node!r}")
        plugin: object = create(Part(node), key)
        if not isinstance(plugin, _PLUGINS):
            kinds = "Precision, ClusterEnvironment, CheckpointIO or LayerSync"
            raise UserError(f"{key}._target_: expected a {kinds} of Lightning's, got {node['_target_']}")
        yield plugin


def _wraps(plugin: Any) -> bool:
    """Whether it leaves the writing to another one, which Lightning fills in if there is none yet."""
    return hasattr(type(plugin), "checkpoint_io") and isinstance(plugin.checkpoint_io, AtomicCheckpointIO | None)


def with_checkpoint_io(plugins: list[Any]) -> list[Any]:
    """Have checkpoints written as a run's are, whoever hands them on, and removed in order by a thread."""
    plugins = [AsyncInOrder(one.checkpoint_io) if type(one) is AsyncCheckpointIO else one for one in plugins]
    ios: list[Any] = [plugin for plugin in plugins if isinstance(plugin, CheckpointIO)]
    for wrapper in ios:
        if not isinstance(wrapper, AtomicCheckpointIO) and wrapper.checkpoint_io is None:
            wrapper.checkpoint_io = AtomicCheckpointIO()
    return plugins if ios else [*plugins, AtomicCheckpointIO()]
