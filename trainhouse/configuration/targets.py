"""What a configuration that comes with a file may build: a checkpoint, or a run folder, that somebody else made.

Hydra refuses a list of dangerous names. Here a name is refused unless the user's own ``conf/`` has it at the same
place, or it is a class of the kind that the place asks for, in a listed library or in the user's own package, or a
function that is listed. Nothing is resolved or called before that. The classes get the file's arguments.
"""

import inspect
import logging
import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from hydra.utils import get_object

from trainhouse.configuration.errors import UserError, causes, did_you_mean
from trainhouse.configuration.named_in_conf import (
    MANY,
    Place,
    is_part,
    leads_outside,
    names_in_conf,
    outside_in_conf,
    place_below,
)
from trainhouse.configuration.old_names import current_name
from trainhouse.configuration.users_line import with_line


@dataclass(frozen=True)
class Kind:
    """Classes below `packages` that are a `base`; functions there whose name matches `functions`."""

    base: str | None
    packages: tuple[str, ...]
    functions: str | None = None


@dataclass(frozen=True)
class Allowed:
    """What a file may name as a part of the configuration itself, and `nested` in its arguments, at any depth."""

    here: tuple[Kind, ...] = ()
    nested: tuple[Kind, ...] = ()


USER = "src"  # the user's own package
LIBRARY = "trainhouse"
_NO_PART_OF_THE_LIBRARY = (f"{LIBRARY}.tests.", f"{LIBRARY}.benchmarks.")
_MODULE = "torch.nn.Module"  # a LightningModule and a torchmetrics.Metric are one too
_NETWORK = Kind(_MODULE, ("torch.nn", USER, LIBRARY))
_OPTIMIZER = Kind("torch.optim.Optimizer", ("torch.optim",))
_SCHEDULER = Kind("torch.optim.lr_scheduler.LRScheduler", ("torch.optim.lr_scheduler", USER, LIBRARY))
_METRICS = tuple(
    Kind(f"torchmetrics.{base}", ("torchmetrics", USER, LIBRARY)) for base in ("Metric", "MetricCollection")
)
_OF_TRAINER = (
    *("accelerators.Accelerator", "strategies.Strategy", "profilers.Profiler", "plugins.Precision"),
    *("plugins.LayerSync", "plugins.CheckpointIO", "plugins.environments.ClusterEnvironment"),
)

NOTHING = Allowed()
# What isn't here needs no entry if a file in conf/ names it.
ALLOWED = {
    "data": Allowed(
        here=(
            Kind("lightning.LightningDataModule", (USER, LIBRARY)),
            Kind(None, (f"{USER}.data", f"{LIBRARY}.arrays"), functions="read_.*"),
        ),
        nested=(*(Kind(f"torch.utils.data.{base}", (USER, LIBRARY)) for base in ("Dataset", "Sampler")), _NETWORK),
    ),
    "model": Allowed(
        here=(_NETWORK,), nested=(Kind(_MODULE, ("torch.nn", USER, LIBRARY, "torchmetrics")), _OPTIMIZER, _SCHEDULER)
    ),
    "module": Allowed(here=(Kind("lightning.LightningModule", (USER, LIBRARY)),)),
    "loss": Allowed(here=(_NETWORK,), nested=(_NETWORK,)),
    "metrics": Allowed(here=_METRICS, nested=_METRICS),
    "optimizer": Allowed(here=(_OPTIMIZER,)),
    "scheduler": Allowed(
        here=(_SCHEDULER, Kind(None, (f"{USER}.training.schedules",), functions="cosine|one_cycle")),
        nested=(_SCHEDULER,),
    ),
    "trainer": Allowed(
        here=(Kind("lightning.Trainer", ("lightning.Trainer", "lightning.pytorch.trainer.trainer")),),
        nested=tuple(Kind(f"lightning.pytorch.{base}", ("lightning", USER, LIBRARY)) for base in _OF_TRAINER),
    ),
    "callbacks": Allowed(here=(Kind("lightning.Callback", ("lightning.pytorch.callbacks", USER, LIBRARY)),)),
    "logger": Allowed(here=(Kind("lightning.pytorch.loggers.Logger", ("lightning.pytorch.loggers", USER, LIBRARY)),)),
}
# What Hydra reads beside the arguments; those of a part itself have names to check, so it has no `_args_`.
_OF_HYDRA = ("_target_", "_partial_", "_args_", "_convert_", "_recursive_")
# The best known of what loads or runs whatever its arguments say: conf/ may name it, but a file would bring arguments.
_NEVER = (
    *("os", "posix", "nt", "sys", "io", "_io", "subprocess", "shutil", "ctypes", "importlib", "runpy", "timeit"),
    *("pickle", "_pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib", "pandas.io.pickle", "numpy.load"),
    *("hydra", "omegaconf", "pydoc", "torch.serialization", "torch.hub", "torch.utils.cpp_extension"),
)


def check_config(config: dict[str, Any], source: str, typed: Collection[str] = (), own: bool = False) -> None:
    """Refuse what the configuration of a run may not hold, key by key, as `check_targets` does."""
    for key, value in config.items():
        check_part(key, value, source, typed, own)


def check_part(group: str, node: Any, source: str, typed: Collection[str] = (), own: bool = False) -> None:
    """Refuse what the part `group` of a configuration may not hold, as `check_targets` does."""
    check_targets(node, ALLOWED.get(group, NOTHING), group, source, typed, own)


def check_targets(
    node: Any, allowed: Allowed, key: str, source: str, typed: Collection[str] = (), own: bool = False
) -> None:
    """Refuse everything in `node`, the part `key`, that is not plain data, and every `_target_` that no file may name.

    `node` has to be exactly what will be instantiated: a string with an interpolation in it is refused. A name is
    checked before anything is imported for it, and what it stands for afterwards, so an alias
    (``trainhouse.arrays.npy.np.load``) is refused too. An address in the data (``s3://...``) or a path out of the
    project is the user's to give: it stands in ``conf/``, or its key is one of those `typed` on the command line, or
    the data is the user's `own`, of a run of this account. Raises `UserError` that names the key and the file `source`.
    """
    *above, last = key.split(".")
    check = _Check(allowed, source, typed, own)
    check.below(node, place_below(tuple(above), last, node), key)
    if check.outside:
        first, text = check.outside[0]
        keys = dict.fromkeys(key.partition("[")[0] for key, _ in check.outside)
        # The command that resumes a run composes other data, which may not have the key.
        added = "++" if source.endswith("config.yaml") else ""
        raise UserError(
            f"{source}: {first} is {text!r}; this file was configured by another user account (or an older version), "
            f"so type its data paths: {' '.join(f'{added}{key}=...' for key in keys)}"
        )


@dataclass(frozen=True)
class _Check:
    allowed: Allowed
    source: str
    typed: Collection[str]
    own: bool
    outside: list[tuple[str, str]] = field(default_factory=list)
    """Addresses, and paths that lead out of the project, each with its key."""

    def below(self, node: Any, place: Place, key: str) -> None:
        """Check a node and all that is in it; `place` and `key` both say where it stands."""
        if type(node) is str:
            self._string(node, place, key)
        elif type(node) is list:
            for index, item in enumerate(node):
                self.below(item, place_below(place, MANY, item), f"{key}[{index}]")
        elif type(node) is dict and all(type(name) in (str, int) for name in node):
            if "_target_" in node:
                self._target(node["_target_"], place, key)
            for name, item in ((str(name), item) for name, item in node.items()):
                if name.startswith("_") and (name not in _OF_HYDRA or (name == "_args_" and is_part(place))):
                    raise UserError(f"{self.source}: {key}.{name} may not stand in a file")
                self._string(name, place, key)
                self.below(item, place_below(place, name, item), f"{key}.{name}")
        elif node is not None and type(node) not in (int, float, bool):
            raise UserError(f"{self.source}: {key} is a {type(node).__name__}; a file may hold plain values only")

    def _string(self, text: str, place: Place, key: str) -> None:
        if "${" in text:
            raise UserError(f"{self.source}: {key} is {text!r}; a file may hold no interpolation")
        if place[0] != "data" or self.own or not leads_outside(text) or text in outside_in_conf():
            return
        if not any(f"{key}.".startswith((f"{given}.", f"{given}[")) for given in self.typed):
            self.outside.append((key, text))

    def _target(self, name: Any, place: Place, key: str) -> None:
        """Import what `name` stands for, if that may be, and refuse what no file may name at `place`."""
        is_here = is_part(place)
        kinds = self.allowed.here if is_here else self.allowed.nested
        listed = "; ".join(
            [*(_listed(kind) for kind in kinds), "what conf/ names there (trainhouse/configuration/targets.py)"]
        )
        found_there = f"{self.source}: {key}._target_ is {name!r}; a file may only name"
        refused = f"{found_there} {listed}"
        if not isinstance(name, str) or re.search(r"(^|\.)_", name):
            raise UserError(refused)
        name = current_name(name)
        is_users_choice = name in names_in_conf(place)
        if not is_users_choice:
            kinds = tuple(kind for kind in kinds if _is_in(name, kind.packages))
            if not kinds:
                raise UserError(refused)
        found = locate(name, f"{self.source}: {key}")
        real = f"{getattr(found, '__module__', '?')}.{getattr(found, '__qualname__', '?')}"
        if is_users_choice:
            is_builtin = _is_in(real, ("builtins",)) and not inspect.isclass(found)
            if is_builtin or _is_in(real, _NEVER) or _is_in(name, _NEVER):
                raise UserError(f"{found_there} what can't load or run whatever its arguments say")
            # In the arguments of a part anything may be useful, and only the user knows what.
            fits = not is_here or not kinds or not inspect.isclass(found) or any(_is_a(found, kind) for kind in kinds)
        else:
            fits = any(_is_in(real, kind.packages) and _is_a(found, kind) for kind in kinds)
        if not fits:
            raise UserError(refused if real == name else f"{refused}, and this is really {real!r}")


def _is_a(found: Any, kind: Kind) -> bool:
    if inspect.isclass(found):
        return kind.base is not None and issubclass(found, get_object(kind.base))
    return inspect.isfunction(found) and re.fullmatch(kind.functions or "", found.__qualname__) is not None


def _is_in(name: str, packages: tuple[str, ...]) -> bool:
    is_below = name.startswith(tuple(f"{package}." for package in packages))
    return name in packages or (is_below and not name.startswith(_NO_PART_OF_THE_LIBRARY))


def _listed(kind: Kind) -> str:
    what = [kind.base, kind.functions and f"functions {kind.functions}"]
    return f"{' or '.join(filter(None, what))} in {', '.join(kind.packages)}"


def locate(name: Any, key: str) -> Any:
    """Import what `name` stands for. Raises `UserError` with the true cause if that fails."""
    if not isinstance(name, str) or "." not in name:
        raise UserError(f"{key}._target_: expected 'package.module.Name', got {name!r}")
    try:
        with _quiet():
            found = get_object(current_name(name))
    except Exception as error:
        *_, cause = causes(error)
        module, _, attribute = name.rpartition(".")
        hint = ""
        with _quiet(), suppress(Exception):  # the hint is a courtesy
            is_not_there = isinstance(cause, (AttributeError, ModuleNotFoundError))
            hint = did_you_mean(attribute, dir(get_object(module))) if is_not_there else ""
        is_no_module = isinstance(cause, ModuleNotFoundError) and cause.name == name  # which Python looked for then
        why = f"{module} has no {attribute}" if is_no_module else with_line(cause)
        raise UserError(f"{key}._target_: cannot load '{name}' ({why}){hint}") from error
    if not callable(found):
        raise UserError(f"{key}._target_: '{name}' can't be called: it is a {type(found).__name__}")
    return found


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Hydra from logging over several lines what is said in one: in a sweep it goes to the terminal."""
    log = logging.getLogger("hydra.utils")
    before, log.disabled = log.disabled, True
    try:
        yield
    finally:
        log.disabled = before
