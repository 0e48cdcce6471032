"""What a configuration that comes with a file may build: a checkpoint, or a run folder, that somebody else made.

Hydra refuses a list of dangerous names. Here a name is refused unless it is known to be harmless: a class of the
kind that its place asks for, or a function that is listed. Nothing is resolved or called before that.
"""

import inspect
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from hydra.utils import get_object

from src.utils.errors import UserError, did_you_mean


@dataclass(frozen=True)
class Allowed:
    """Classes below `packages` that are a `base`; functions of these packages whose name matches `functions`."""

    packages: tuple[str, ...] = ()
    base: str | None = None
    functions: str | None = None


NOTHING = Allowed()
# A project that builds on another library adds its package to the part that uses it.
ALLOWED = {
    "data": Allowed(("src.data",), functions="read_.*"),
    "model": Allowed(("src.models", "torch.nn"), "torch.nn.Module"),
    "optimizer": Allowed(("torch.optim",), "torch.optim.Optimizer"),
    "scheduler": Allowed(
        ("torch.optim.lr_scheduler", "src.training.schedules"),
        "torch.optim.lr_scheduler.LRScheduler",
        functions="cosine|one_cycle",
    ),
    "trainer": Allowed(("lightning.Trainer", "lightning.pytorch.trainer.trainer"), "lightning.Trainer"),
    "callbacks": Allowed(
        (
            "lightning.pytorch.callbacks",
            "src.training.callbacks.EpochCheckpoint",
            "src.training.callbacks.LastCheckpoint",
            "src.training.callbacks.ProgressBar",
        ),
        "lightning.Callback",
    ),
    "logger": Allowed(("lightning.pytorch.loggers",), "lightning.pytorch.loggers.Logger"),
}


def check_config(config: dict[str, Any], source: str) -> None:
    """Refuse what the configuration of a run may not hold, key by key, as `check_targets` does."""
    for key, value in config.items():
        check_targets(value, ALLOWED.get(key, NOTHING), key, source)


def check_targets(node: Any, allowed: Allowed, key: str, source: str) -> None:
    """Refuse everything below `node` that is not plain data, and every `_target_` that is not `allowed`.

    `node` has to be exactly what will be instantiated: a text with an interpolation in it is refused, since it would
    become something else. A name is checked before anything is imported for it, and what it stands for
    afterwards, so an alias (``src.data.npy.np.load``) is refused too. Raises `UserError` that names the key
    and the file `source`.
    """
    if isinstance(node, str) and "${" in node:
        raise UserError(f"{source}: {key} is {node!r}; a file may hold no interpolation")
    if node is None or type(node) in (str, int, float, bool):
        return
    if type(node) is list:
        for index, item in enumerate(node):
            check_targets(item, allowed, f"{key}[{index}]", source)
        return
    if type(node) is not dict or not all(type(name) is str for name in node):
        raise UserError(f"{source}: {key} is a {type(node).__name__}; a file may hold plain values only")
    if "_target_" in node:
        _check_target(node["_target_"], allowed, key, source)
    for name, item in node.items():
        if name.startswith("_") and name not in ("_target_", "_partial_"):
            raise UserError(f"{source}: {key}.{name} may not stand in a file")
        check_targets(item, allowed, f"{key}.{name}", source)


def _check_target(name: Any, allowed: Allowed, key: str, source: str) -> None:
    refused = f"{source}: {key}._target_ is {name!r}; a file may only name {_listed(allowed)} (src/utils/targets.py)"
    if not isinstance(name, str) or not _inside(name, allowed.packages) or re.search(r"(^|\.)_", name):
        raise UserError(refused)
    found = locate(name, key)
    real = f"{getattr(found, '__module__', '?')}.{getattr(found, '__qualname__', '?')}"
    if not _inside(real, allowed.packages):
        raise UserError(f"{refused}, and this is really {real!r}")
    if inspect.isclass(found):
        fits = allowed.base is not None and issubclass(found, get_object(allowed.base))
    else:
        fits = inspect.isfunction(found) and re.fullmatch(allowed.functions or "", found.__qualname__) is not None
    if not fits:
        raise UserError(refused)


def locate(name: Any, key: str) -> Any:
    """Import what `name` stands for. Raises `UserError` with the true cause if that fails."""
    if not isinstance(name, str) or "." not in name:
        raise UserError(f"{key}._target_: expected 'package.module.Name', got {name!r}")
    try:
        with _quiet():
            found = get_object(name)
    except Exception as error:
        cause: BaseException = error
        while cause.__cause__ is not None:
            cause = cause.__cause__
        module, _, attribute = name.rpartition(".")
        hint = ""
        if isinstance(cause, (AttributeError, ModuleNotFoundError)):
            try:
                with _quiet():
                    hint = did_you_mean(attribute, dir(get_object(module)))
            except Exception:  # the hint is a courtesy
                hint = ""
        raise UserError(f"{key}._target_: cannot load '{name}' ({type(cause).__name__}: {cause}){hint}") from error
    if not callable(found):
        raise UserError(f"{key}._target_: '{name}' can't be called: it is a {type(found).__name__}")
    return found


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Hydra from logging over several lines what is told in one: in a sweep it goes to the terminal."""
    log = logging.getLogger("hydra.utils")
    before, log.disabled = log.disabled, True
    try:
        yield
    finally:
        log.disabled = before


def _inside(name: str, packages: tuple[str, ...]) -> bool:
    return name in packages or name.startswith(tuple(f"{package}." for package in packages))


def _listed(allowed: Allowed) -> str:
    if not allowed.packages:
        return "nothing here"
    kinds = [allowed.base] if allowed.base else []
    kinds += [f"functions {allowed.functions}"] if allowed.functions else []
    return f"{' or '.join(kinds)} in {', '.join(allowed.packages)}"
