"""Checks what a configuration says of each class or function against its annotations, before any data is read."""

from collections.abc import Iterator
from typing import Any

from trainhouse.configuration.config import OPEN
from trainhouse.configuration.create import located
from trainhouse.configuration.settings import Serving, keys
from trainhouse.configuration.signature import check_arguments
from trainhouse.training.build_data import is_datamodule
from trainhouse.training.build_module import AUGMENTATION

Node = dict[str, Any]


def check_parts(config: Node) -> None:
    """Raise `UserError` that names the key of an argument which a class or function of `config` doesn't take."""
    for key, node in _parts(config):
        known = {name: value for name, value in node.items() if OPEN not in _leaves(value)}  # the data fills it in
        check_arguments(located(node, key), known, key, (), complete=False)


def _parts(config: Node) -> Iterator[tuple[str, Node]]:
    data = config["data"]
    if is_datamodule(data):
        yield "data", data
    else:
        serving = [name for name, _ in keys(Serving)]
        yield "data", {name: value for name, value in data.items() if name not in serving}
        if isinstance(data.get("augmentation"), dict):
            yield "data.augmentation", {"_target_": AUGMENTATION, **data["augmentation"]}
        if data.get("preprocessing"):
            yield "data.preprocessing", data["preprocessing"]
    for group in ("model", "module", "optimizer", "scheduler"):
        if config.get(group):
            yield group, config[group]
    unset = [key for key in ("monitor", "mode") if config[key] is None]
    for group in ("callbacks", "logger"):
        for name, node in (config.get(group) or {}).items():
            if isinstance(node, dict) and "_target_" in node:
                # Of a run without a monitor, or a mode, it is said in one place what that means.
                yield f"{group}.{name}", {key: value for key, value in node.items() if key not in unset or value}


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, (dict, list)):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _leaves(inner)
    else:
        yield value
