"""Which keys a command's configuration has: those of its file in ``conf/`` and of the groups that it composes.

Hydra refuses a mistyped key on the command line; one in a configuration file, or behind a ``+``, would be taken
and used by nobody.
"""

from collections.abc import Container, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from trainhouse.configuration.dotted import dotted
from trainhouse.configuration.errors import UserError, did_you_mean
from trainhouse.configuration.hints import hint

CONF = Path(__file__).resolve().parents[2] / "conf"
# Searched behind the user's own; hydra_plugins/project_conf.py tells Hydra.
LIBRARY_CONF = Path(__file__).resolve().parents[1] / "conf"

Node = dict[str, Any]

# Keys that the configuration of an older run has not, and does without.
_MAY_LACK = ("figures",)


_also: list[Path] = []  # what the command line names besides: --config-dir, --config-path, hydra.searchpath

_asked_for: list[Path] = []


def also_search(folders: Iterable[Path]) -> None:
    """Look through `folders` too, behind the user's and the library's own, as Hydra does."""
    _also[:] = dict.fromkeys(folders)


@contextmanager
def as_hydra_searches() -> Iterator[None]:
    """Let a configuration that is composed without Hydra's command line be found in those folders too."""
    _asked_for[:] = _also
    try:
        yield
    finally:
        _asked_for.clear()


def asked_for() -> list[Path]:
    """Return the folders that Hydra does not know yet: it knows them when it has read the command line itself."""
    return _asked_for


def searched() -> list[Path]:
    """Return the folders in which files are looked for, the first one that has a file wins."""
    return [CONF, LIBRARY_CONF, *_also]


def config_file(name: str) -> Path:
    """Return the file of a command or an option, as ``model/cnn``: the user's if there is one, else the library's."""
    files = [folder / f"{name}.yaml" for folder in searched()]
    return next((file for file in files if file.is_file()), files[0])


def is_group(name: str) -> bool:
    """Whether there is a config group of that name, as ``model`` or ``hydra/sweeper``."""
    return bool(name) and any((folder / name).is_dir() for folder in searched())


def options(group: str) -> list[str]:
    """Return the names of the files of a group, ``*`` for those of all groups, in alphabetical order."""
    return sorted({path.stem for folder in searched() for path in folder.glob(f"{group}/*.yaml")})


def groups() -> list[str]:
    """Return the names of all groups, in alphabetical order."""
    folders = (folder for folder in searched() if folder.is_dir())
    return sorted({path.name for folder in folders for path in folder.iterdir() if path.is_dir()})


def check_keys(config: Node, command: str, besides: Container[str] = ()) -> None:
    """Raise `UserError` for a key of `config` that ``conf/<command>.yaml`` doesn't know, or one that it lacks.

    `besides` are keys that a project whose conf/ is older was given in silence.
    """
    own, groups = _of_command(command)
    known = [*own, *groups]
    names = [*known, *dotted(config)]
    for key, value in config.items():
        if key in known or key in besides:
            continue
        if isinstance(value, dict) and is_group(key):
            inner = ".".join([key, *list(value)[:1]])
            if command != "train":
                raise UserError(not_set_here(inner))
            raise UserError(f"{inner}: the file of {key}= needs the line '# @package _global_' at its top")
        raise UserError(
            f"'{key}' is not a key of this configuration{hint(key, command, names) or did_you_mean(key, known)}; "
            f"a new one has to be in conf/{command}.yaml"
        )
    needed = {key: value for key, value in own.items() if key not in _MAY_LACK}
    for key, value in _lacking(config, needed, "", open_keys={*groups}):
        raise UserError(f"{key}: {value}")
    callbacks = config.get("callbacks")
    if isinstance(callbacks, dict) and isinstance(target := callbacks.get("_target_"), str):
        name = target.rpartition(".")[2].lower()
        raise UserError(
            f"callbacks: {target} needs a name: in its file in conf/callbacks/ put the line '{name}:' above _target_, "
            "and indent what follows"
        )
    for group, required in groups.items():
        node = config.get(group)
        if node is None and required is None:
            continue
        if not isinstance(node, dict):
            raise UserError(f"{group}: expected a mapping, got {node!r}; choose one with {group}=<option>")
        for key, value in _lacking(node, required or {}, f"{group}.", open_keys={*(required or {})}):
            raise UserError(f"{key}: {value}")


def not_set_here(key: str) -> str:
    """Return the line on a key of a group that a command doesn't compose."""
    return f"'{key}' can't be set here: it comes from the checkpoint, or has no part in this command"


def has_key(command: str, key: str) -> bool:
    """Whether ``conf/<command>.yaml`` itself has a key."""
    return key in _of_command(command)[0]


def _lacking(node: Node, expected: Node, prefix: str, open_keys: set[str]) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with `node`: keys that are missing, and unknown ones but for those below `open_keys`."""
    for key, value in expected.items():
        if key not in node:
            nearest = did_you_mean(key, node.keys() - expected.keys())
            yield f"{prefix}{key}", f"is missing, but needed{nearest.replace('did you mean', 'is it')}"
        elif isinstance(value, dict) and value:
            inner = node[key]
            if not isinstance(inner, dict):
                first = f"{prefix}{key}.{next(iter(value))}"
                yield f"{prefix}{key}", f"expected a mapping, got {inner!r}; give its keys by name, as {first}=..."
            else:
                yield from _lacking(inner, value, f"{prefix}{key}.", set())
                for name in () if key in open_keys else inner.keys() - value.keys():
                    yield f"{prefix}{key}.{name}", f"is not a key of this configuration{did_you_mean(name, value)}"


@cache
def _of_command(command: str) -> tuple[Node, dict[str, Node | None]]:
    """The keys of the command's own file, and its groups with the keys that they need; None: the group may be empty."""
    own = OmegaConf.to_container(OmegaConf.load(config_file(command)), resolve=False)
    assert isinstance(own, dict)
    groups: dict[str, Node | None] = {}
    for entry in own.pop("defaults", []):
        for group, option in entry.items() if isinstance(entry, dict) else ():
            if group != "hydra" and option is not None and not is_global(config_file(f"{group}/{option}")):
                groups[group] = None if config_file(f"{group}/none").exists() else _needed(group)
    return {str(key): value for key, value in own.items()}, groups


def is_global(path: Path) -> bool:
    """Whether an option of a group sets keys of the whole configuration, and none of its own."""
    return path.read_text(encoding="utf-8").startswith("# @package _global_")


def _needed(group: str) -> Node:
    """All keys of the Trainer are listed in one file; what the other groups need depends on what they build."""
    if group != "trainer":
        return {}
    keys = OmegaConf.to_container(OmegaConf.load(config_file(f"{group}/default")), resolve=False)
    assert isinstance(keys, dict)
    return {str(key): value for key, value in keys.items()}
