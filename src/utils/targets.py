"""Which `_target_`s a configuration from a file may name.

Hydra refuses a list of dangerous names; a file that somebody else made gets a list of allowed ones.
"""

from typing import Any

from hydra.utils import get_object

from src.utils.errors import UserError, did_you_mean

# What each part of a configuration that comes with a file (a checkpoint, a run folder) may name: packages, or
# single names with the place where they are really defined. A project that builds on another library adds it here.
ALLOWED = {
    "data": ("src.data",),
    "model": ("src.models", "torch.nn"),
    "optimizer": ("torch.optim",),
    "scheduler": ("torch.optim.lr_scheduler", "src.training.schedules"),
    "trainer": (
        "lightning.Trainer",
        "lightning.pytorch.trainer.trainer.Trainer",
        "lightning.pytorch.profilers",
        "lightning.pytorch.strategies",
        "lightning.pytorch.plugins",
    ),
    "callbacks": ("lightning.pytorch.callbacks", "src.training.callbacks"),
    "logger": ("lightning.pytorch.loggers",),
}


def check_targets(node: Any, allowed: tuple[str, ...], key: str, source: str) -> None:
    """Refuse every `_target_` below `node` that is not inside one of the packages `allowed` (as ``src.models``).

    `node` is a plain, resolved container: exactly what will be instantiated. A name is checked before
    anything is imported for it, and what it stands for afterwards, so an alias (``src.data.npy.np.load``)
    is refused too. Raises `UserError` that names the key and the file `source`.
    """
    if isinstance(node, list):
        for index, item in enumerate(node):
            check_targets(item, allowed, f"{key}[{index}]", source)
    if not isinstance(node, dict):
        return
    if "_target_" in node:
        name = node["_target_"]
        if not isinstance(name, str) or not _inside(name, allowed):
            raise UserError(f"{source}: {key}._target_ is {name!r}; a file may only name {_listed(allowed)}")
        found = locate(name, key)
        real = f"{getattr(found, '__module__', '?')}.{getattr(found, '__qualname__', '?')}"
        if not _inside(real, allowed):
            raise UserError(
                f"{source}: {key}._target_ {name!r} is really {real!r}; a file may only name {_listed(allowed)}"
            )
    for name, item in node.items():
        check_targets(item, allowed, f"{key}.{name}", source)


def check_config(config: dict[str, Any], source: str) -> None:
    """Refuse what the configuration of a run may not name, key by key, as `check_targets` does."""
    for key, value in config.items():
        check_targets(value, ALLOWED.get(key, ()), key, source)


def locate(name: Any, key: str) -> Any:
    """Import what `name` stands for. Raises `UserError` with the true cause if that fails."""
    if not isinstance(name, str) or "." not in name:
        raise UserError(f"{key}._target_: expected 'package.module.Name', got {name!r}")
    try:
        found = get_object(name)
    except Exception as error:
        cause: BaseException = error
        while cause.__cause__ is not None:
            cause = cause.__cause__
        module, _, attribute = name.rpartition(".")
        hint = ""
        if isinstance(cause, (AttributeError, ModuleNotFoundError)):
            try:
                hint = did_you_mean(attribute, dir(get_object(module)))
            except Exception:  # the hint is a courtesy
                hint = ""
        raise UserError(f"{key}._target_: cannot load '{name}' ({type(cause).__name__}: {cause}){hint}") from error
    if not callable(found):
        raise UserError(f"{key}._target_: '{name}' can't be called: it is a {type(found).__name__}")
    return found


def _inside(name: str, allowed: tuple[str, ...]) -> bool:
    return name in allowed or name.startswith(tuple(f"{package}." for package in allowed))


def _listed(allowed: tuple[str, ...]) -> str:
    return " and ".join(f"{package}.*" for package in allowed) or "nothing here"
