"""A command line as it is typed: Hydra's own options, which may stand anywhere, and overrides.

Hydra 1.3 takes overrides from one place only, and argparse ends a program in its own words; so options are read here,
and Hydra gets them in front.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from trainhouse.configuration.errors import UserError, did_you_mean, is_slip

_CFG = ("job", "hydra", "all")
_INFO = ("all", "config", "defaults", "defaults-tree", "plugins", "searchpath")
# Options with a value, each with what it takes; options without one. All of them have a second, short name.
_VALUES = {
    "config-path": "a folder of configuration files",
    "config-name": "the name of a configuration file",
    "config-dir": "a folder of configuration files",
    "cfg": f"one of {', '.join(_CFG)}",
    "package": "a key, as --cfg job --package model",
    "experimental-rerun": "a file",
}
_FLAGS = ("help", "run", "multirun", "shell-completion", "hydra-help", "version", "resolve")
_SHORT = {
    **{"cp": "config-path", "cn": "config-name", "cd": "config-dir", "c": "cfg", "p": "package", "i": "info"},
    **{"h": "help", "r": "run", "m": "multirun", "sc": "shell-completion"},
}
_ACTS = ("run", "multirun", "cfg", "info", "shell-completion")


@dataclass(frozen=True)
class CommandLine:
    """What was typed: the options as they were and by their long names, "" for one without a value; the overrides."""

    typed: tuple[str, ...]
    options: dict[str, str]
    overrides: tuple[str, ...]


def read(arguments: Sequence[str], key_meant: Callable[[str], str] = lambda name: "") -> CommandLine:
    """Return the command line `arguments`.

    Raises `UserError` for an option that there isn't: `key_meant(name)` is the key that one may have been meant for,
    "" if there is none; and for one whose value is missing or not among those that it takes.
    """
    typed: list[str] = []
    options: dict[str, str] = {}
    overrides: list[str] = []
    rest = list(arguments)
    while rest:
        one = rest.pop(0)
        if not one.startswith("-") or one == "-":
            overrides.append(one)
        elif one != "--":
            name, value, tokens = _option(one, rest, key_meant)
            del rest[: len(tokens) - 1]
            typed += tokens
            options[name] = value
    return CommandLine(tuple(typed), options, tuple(overrides))


def _option(one: str, rest: list[str], key_meant: Callable[[str], str]) -> tuple[str, str, list[str]]:
    """Return the name and the value of the option `one`, and the arguments that it is made of, before `rest`."""
    dashed, equals, value = one.partition("=")
    name = dashed[2:] if dashed.startswith("--") else _SHORT.get(dashed[1:], "")
    if name == "info":
        following = rest[:1] if not equals and rest and "=" not in rest[0] and not rest[0].startswith("-") else []
        value = value or "".join(following) or "all"
        if value not in _INFO:
            raise UserError(f"{' '.join([one, *following])}: expected one of {', '.join(_INFO)}")
        return name, value, [one, *following] if equals or following else [f"{one}=all"]  # else it takes what follows
    if name in _FLAGS:
        if equals:
            more = "; --help model=cnn shows the keys of an option" if name == "help" else ""
            raise UserError(f"{one}: {dashed} takes no value{more}")
        return name, "", [one]
    if name not in _VALUES:
        raise UserError(_no_such_option(one, rest, key_meant))
    following = [] if equals else rest[:1]
    value = value if equals else "".join(following)
    shown = " ".join([one, *following])
    if not value or value.startswith("-"):
        raise UserError(f"{dashed}: expected {_VALUES[name]} behind it")
    if name == "cfg" and value not in _CFG:
        raise UserError(f"{shown}: expected {_VALUES[name]}, as {dashed} job")
    return name, value, [one, *following]


def _no_such_option(one: str, rest: list[str], key_meant: Callable[[str], str]) -> str:
    """Say what to type for ``--lr 0.1``, ``--multirunn``, ``-foo``."""
    dashed, equals, value = one.partition("=")
    name = dashed.lstrip("-")
    names = [*_VALUES, *_FLAGS, "info"]
    if near := next((known for known in names if is_slip(name.casefold(), known) or name.casefold() == known), ""):
        return f"{dashed}: no such option; did you mean '--{near}'?"
    follows = not equals and rest and "=" not in rest[0] and not rest[0].startswith("-")
    shown = f"{one} {rest[0]}" if follows else one
    if name == "explain":
        return f"{shown}: is typed without dashes: explain={value or (rest[0] if follows else 'seed')}"
    if key := key_meant(name.replace("-", "_")):
        return f"{shown}: keys are typed without dashes: {key}={value or (rest[0] if follows else '<value>')}"
    return f"{one}: no such option{did_you_mean(dashed, [f'--{known}' for known in names])}; --help lists them"


def check_together(line: CommandLine) -> None:
    """Raise `UserError` for options that can't be typed together, or not alone."""
    acts = [name for name in _ACTS if name in line.options]
    if len(acts) > 1:
        ending = "; --cfg shows the configuration of one run" if "cfg" in acts else ""
        raise UserError(f"{' and '.join(f'--{name}' for name in acts)}: only one of them{ending}")
    if "cfg" not in line.options and "help" not in line.options:
        for name in {"package", "resolve"} & {*line.options}:
            raise UserError(f"--{name}: only with --cfg, as --cfg job --{name}{' model' if name == 'package' else ''}")


def without_sweep(line: CommandLine) -> CommandLine:
    """Return the command line of one run: a sweep's too has a configuration that it can show."""
    typed = tuple(one for one in line.typed if one not in ("-m", "--multirun"))
    options = {name: value for name, value in line.options.items() if name != "multirun"}
    return CommandLine(typed, options, line.overrides)


def folders(line: CommandLine, conf: Path) -> Iterator[Path]:
    """Yield the folders in which Hydra looks for files besides `conf` and the library's.

    Raises `UserError` for one of ``hydra.searchpath`` that isn't there.
    """
    if (path := line.options.get("config-path")) and any((conf.parent / path).glob("[!.]*/*.yaml")):
        yield conf.parent / path  # Hydra takes a relative folder from where the script lies; a run's has no groups
    if path := line.options.get("config-dir"):
        yield Path(path).absolute()
    for override in line.overrides:
        key, _, value = override.lstrip("+").partition("=")
        if key == "hydra.searchpath":
            yield from (_folder(one) for one in _listed(value))


def _listed(value: str) -> list[str]:
    if not (value.startswith("[") and value.endswith("]")):
        raise UserError(f"hydra.searchpath: expected a list of folders, as 'hydra.searchpath=[{value or 'folder'}]'")
    return [one.strip().strip("'\"") for one in value[1:-1].split(",") if one.strip()]


def _folder(name: str) -> Path:
    if name.startswith("pkg://"):
        found = find_spec(name.removeprefix("pkg://").replace("/", "."))
        places = list(found.submodule_search_locations or []) if found else []
        path = Path(places[0]) if places else Path(name)
    else:
        path = Path(name.removeprefix("file://")).absolute()
    if not path.is_dir() and "${" not in name:
        raise UserError(f"hydra.searchpath: {name}: there is no such folder of configuration files")
    return path
