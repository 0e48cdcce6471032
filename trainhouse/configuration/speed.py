"""Where speed is asked for: the folder ``trainhouse/fast`` may be deleted, and only speed goes with it."""

from importlib import import_module
from typing import Any

from trainhouse.configuration.private_names import are_there


def fast(name: str) -> Any:
    """Return a module of ``trainhouse/fast``; None where there is none, or a library lacks a name that it uses."""
    try:
        names = getattr(import_module("trainhouse.fast"), "PRIVATE_NAMES", {})  # a folder may be left without its files
        return import_module(f"trainhouse.fast.{name}") if are_there(names.get(name, ())) else None
    except ModuleNotFoundError as error:
        if error.name is None or not error.name.startswith("trainhouse.fast"):
            raise
        return None
