"""Where speed is asked for: the folder ``trainhouse/fast`` may be deleted, and only speed goes with it."""

from importlib import import_module
from typing import Any


def fast(name: str) -> Any:
    """Return a module of ``trainhouse/fast``, or None where there is none."""
    try:
        return import_module(f"trainhouse.fast.{name}")
    except ModuleNotFoundError as error:
        if error.name is None or not error.name.startswith("trainhouse.fast"):
            raise
        return None
