"""Turns Hydra's and OmegaConf's errors into one line that names the key, the fix and the nearest valid name."""

import re
from functools import partial
from itertools import takewhile
from pathlib import Path

from hydra.errors import HydraException, OverrideParseException
from omegaconf.errors import (
    GrammarParseError,
    InterpolationResolutionError,
    MissingMandatoryValue,
    OmegaConfBaseException,
)
from yaml import YAMLError

from trainhouse.configuration.bounded import read_yaml
from trainhouse.configuration.dotted import dotted
from trainhouse.configuration.errors import UserError, causes, is_slip
from trainhouse.configuration.kept_on_resume import kept_line, may_change
from trainhouse.configuration.printable import shell_quoted
from trainhouse.configuration.references import unresolved
from trainhouse.configuration.schema import config_file, is_group, not_set_here, options
from trainhouse.launching.broken_files import no_such_option, of_circle, of_defaults, of_yaml, undecodable
from trainhouse.launching.nearest import key_meant, latest_composed, nearest_key
from trainhouse.launching.not_parsed import not_parsed
from trainhouse.runs.find_run import find_run
from trainhouse.runs.layout import CONFIG
from trainhouse.runs.outputs import place_before_composing
from trainhouse.runs.typed import shown_path

# What may be raised while a configuration is composed.
COMPOSING = (HydraException, OmegaConfBaseException, YAMLError, ValueError, RecursionError)

_OVERRIDE = re.compile(
    r"[Cc]ould not (?:override|delete) '([^']+)'|No match in the defaults list for '([^']+)'"
    r"|Could not delete from config\. '([^']+)'"
)
_APPENDED = re.compile(r"An item is already at '([^']+)'|force-add of config groups is not supported: '([^'=]+)")
_SEVERAL = re.compile(r"Ambiguous value for argument '(([^'=]+)=(.*))'")
_OF_A_SWEEP = re.compile(r"Sweep parameters '([^=]+)=(.*)' requires --multirun")
_OPTION = re.compile(r"(?:Could not find|Could not load|In '[^']*': Could not find) '([^']+)'")
_CALLED = re.compile(r"got an unexpected keyword argument '(\w+)'.*full_key: hydra\.", re.DOTALL)

_OF_LISTS = ("callbacks", "logger", "metrics")  # groups of which several options are chosen
_IN_A_LIST = "can only concatenate str"  # of a mapping in a list of files


def is_of_composing(error: Exception) -> bool:
    """Whether `explain` knows an error: an added key of Hydra's own is a `TypeError` from Hydra 1.4 on."""
    return isinstance(error, COMPOSING) or bool(_CALLED.search(_with_notes(error)) or _IN_A_LIST in str(error))


def _with_notes(error: Exception) -> str:
    """Return what an error says, and what Hydra 1.4 has noted at it: the key."""
    return "\n".join([str(error), *getattr(error, "__notes__", ())])


def explain(error: Exception, conf: Path, config_name: str, arguments: list[str]) -> str:
    """Return one line for an error of composing `config_name` in the folder `conf` with `arguments`."""
    text = str(error)
    if isinstance(error, RecursionError):
        return of_circle(arguments)
    if isinstance(error, YAMLError):
        return of_yaml(error)
    if line := of_defaults(error, arguments):
        return line
    if line := _of_reference(error):
        return line
    if match := _APPENDED.search(text):
        return _already_there((match[1] or match[2]).lstrip("+"), arguments)
    if match := _OVERRIDE.search(text):
        return _no_such_key(next(filter(None, match.groups())), conf, config_name, arguments)
    if (match := _OPTION.search(text)) and "/" in match[1]:
        group, _, option = match[1].rpartition("/")
        base = group.partition("/")[0]
        if config_name != "train" and is_group(base) and not _is_in_defaults(base, config_name):  # added by a +
            return _no_such_key(base, conf, config_name, arguments)
        return no_such_option(group, option, error)
    if isinstance(error, OverrideParseException):
        return not_parsed(
            error.override, arguments, config_name, partial(key_meant, conf=conf, config_name=config_name)
        )
    if match := _OF_A_SWEEP.search(text):
        return _of_a_sweep(*match.groups())
    if match := _SEVERAL.search(text):
        return _several(match[2], match[3])
    if isinstance(error, UnicodeDecodeError):
        return f"{undecodable()}: is not UTF-8 text ({error.reason})"
    if match := re.search(r"Override (\S+?)@\S+ looks like a config group override", text):
        return f"'{match[1]}' is no group: @ stands behind a group only"
    if match := _CALLED.search(_with_notes(error)):
        return _not_taken(match[1], conf, config_name, arguments)
    if _IN_A_LIST in text and (line := _of_listed_mapping(arguments)):
        return line
    if ("''" in text or type(error) is ValueError) and (line := _of_argument(arguments)):
        return line
    *_, cause = takewhile(lambda inner: inner is error or str(inner).strip(), causes(error))
    lines = [line.strip() for line in f"{text}\n{cause if cause is not error else ''}".splitlines()]
    unique = dict.fromkeys(
        line for line in lines if line and not line.startswith(("object_type", "full_key", "See https"))
    )
    return " ".join(unique)


def _of_reference(error: Exception) -> str:
    """Return what is wrong with a reference, or a value that is missing, "" of any other error."""
    for cause in causes(error):
        key = str(getattr(cause, "full_key", "") or "")
        if isinstance(cause, InterpolationResolutionError):
            return unresolved(cause, latest_composed())
        if isinstance(cause, MissingMandatoryValue):
            name = key or str(cause).rpartition(": ")[2].splitlines()[0]
            return f"{name}: required; add {name}=... to the command"
        if isinstance(cause, GrammarParseError) and key:
            written = re.search("input '(.*)'", str(cause))
            return f"{key}: {written[1] if written else 'a reference'} is not complete; one is written as ${{seed}}"
    return ""


def _no_such_key(typed_key: str, conf: Path, config_name: str, arguments: list[str]) -> str:
    key = typed_key.lstrip("+~").partition("=")[0]
    deleted = next((one for one in arguments if one.partition("=")[0] == f"~{key}"), "")
    if is_group(key) and config_name != "train":
        is_option = any(one.lstrip("+") == f"{key}={option}" for one in arguments for option in options(key))
        near = next((one for one in _own_keys(config_name) if is_slip(key, one)), "")
        if near and not is_option:
            return f"'{key}' is not a key of this configuration; did you mean '{near}'?"
        return f"'{key}' can't be chosen here: it comes from the checkpoint, or has no part in this command"
    if deleted and is_group(key):
        return f"{deleted}: {key} has no such option chosen; to leave out what is chosen type ~{key}"
    if is_group(key) and not _is_in_defaults(key, config_name):
        given = next((one.partition("=")[2] for one in arguments if one.startswith(f"{key}=")), "<option>")
        return (
            f"{key}: a group that the defaults of {shown_path(config_file(config_name))} don't name; put the line "
            f"'- {key}: {given}' there"
        )
    if is_group(key):
        return f"{key}: choose an option, as {key}={options(key)[0]}, and give keys by their names, as {key}.x=..."
    if kept := _kept_by_the_resumed_run(key, arguments):
        return kept
    near, group = nearest_key(key, conf, config_name, arguments), key.partition(".")[0]
    if config_name != "train" and is_group(group) and near in ("", f"; did you mean '{group}'?"):
        return not_set_here(key)
    return f"'{key}' is not a key of this configuration{near}"


def _own_keys(config_name: str) -> list[str]:
    """Return the keys of the command's own file."""
    try:
        return [str(key) for key in read_yaml(config_file(config_name)) or ()]
    except (OSError, ValueError):
        return []


def _is_in_defaults(group: str, config_name: str) -> bool:
    path = config_file(config_name)
    text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else f"- {group}:"
    return "/" in group or re.search(rf"-\s+(override\s+)?/?{re.escape(group)}\s*:", text) is not None


def _already_there(key: str, arguments: list[str]) -> str:
    given = next((one for one in arguments if one.lstrip("+").startswith(f"{key}=")), key)
    plus = given[: len(given) - len(given.lstrip("+"))] or "+"
    return f"{given}: there is a {'group' if is_group(key) else 'key'} {key} already; leave the {plus} out: " + (
        given.lstrip("+") if "=" in given else f"{key}=..."
    )


def _several(key: str, value: str) -> str:
    other = "" if is_group(key) else f"; a list is written '{key}=[{value}]', a string \"{key}='{value}'\""
    if key in _OF_LISTS:
        other = f"; for all of them in one run type '{key}=[{value}]'"
    if re.fullmatch(r"-?\d+,\d+", value):
        other += f", a number with a point: {key}={value.replace(',', '.')}"
    return f"{key}: {value} are several values; add -m to run each of them{other}"


def _of_a_sweep(key: str, value: str) -> str:
    if re.match(r"(int\()?(interval|tag)\(", value):
        return f"{key}: {value} is for a search; add -m sweep=optuna"
    return f"{key}: {value} are several values; add -m to run each of them"


def _not_taken(name: str, conf: Path, config_name: str, arguments: list[str]) -> str:
    """Say which key an object takes no argument for, that the command line has added."""
    given = next((one.lstrip("+") for one in arguments if re.match(rf"\+*[\w.]+\.{name}=", one)), name)
    key = given.partition("=")[0]
    near = nearest_key(key, conf, config_name, [one for one in arguments if one.lstrip("+") != given])
    near = "" if f"'{key}'" in near else near
    return f"{key}: there is no such key{near}"


def _of_argument(arguments: list[str]) -> str:
    """Say what is meant by an argument without a key, or an option of a type that no option has, as ``model=null``."""
    for argument in arguments:
        group, _, option = argument.partition("=")
        if is_group(group) and not config_file(f"{group}/{option}").exists():
            return no_such_option(group, option)
        if not group.strip("+~@ "):
            return f"'{argument}': expected key=value, without spaces around ="
        if group.startswith("@"):
            return f"'{argument}': a group stands before the @, as model@model={option}"
    return ""


def _of_listed_mapping(arguments: list[str]) -> str:
    """Say how an object is added that was typed among the files of a group."""
    for argument in arguments:
        group, _, value = argument.partition("=")
        if is_group(group) and value.startswith("[") and (found := re.search(r"{.*}", value)):
            files = re.sub(r"{.*}", "", value).strip("[], ") or ("default" if group == "callbacks" else "auto")
            added = shell_quoted(f"+{group}.name={found[0]}")
            return f"{group}: a list has the names of files; add an object under a name: {group}=[{files}] {added}"
    return ""


def _kept_by_the_resumed_run(key: str, arguments: list[str]) -> str:
    """Say that a key can't change of a run that is resumed: its model has it, if not the one composed by default."""
    resumed = next(
        (argument.partition("=")[2].strip("'\"") for argument in arguments if argument.startswith("resume=")), ""
    )
    if not resumed:
        return ""
    place_before_composing(arguments)
    try:
        folder = find_run(resumed)
        known = key in dotted(read_yaml(folder / CONFIG))
    except (UserError, OSError, ValueError):  # there is none, or nothing that can be read
        return ""
    return kept_line(key, shown_path(folder)) if known and not may_change(key, ...) else ""
