"""Turns Hydra's and OmegaConf's errors into one line that names the key, the fix and the nearest valid name."""

import inspect
import re
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import OverrideParseException
from hydra.utils import get_class
from omegaconf import DictConfig, OmegaConf

from trainhouse.configuration.bounded import read_yaml
from trainhouse.configuration.errors import UserError, causes, did_you_mean
from trainhouse.configuration.hydra_versions import VERSION_BASE
from trainhouse.configuration.kept_on_resume import kept_line, may_change
from trainhouse.configuration.schema import CONF, LIBRARY_CONF, config_file, groups, is_group, options
from trainhouse.configuration.slips import is_slip
from trainhouse.configuration.speed import fast
from trainhouse.runs.find_run import find_run
from trainhouse.runs.layout import CONFIG
from trainhouse.runs.outputs import place_before_composing
from trainhouse.runs.typed import shown_path

_OVERRIDE = re.compile(r"[Cc]ould not (?:override|delete) '([^']+)'|No match in the defaults list for '([^']+)'")
_SEVERAL = re.compile(r"Ambiguous value for argument '(([^'=]+)=([^']*))'")
_ASKED = ("lightning.", "torch.", "src.", "trainhouse.")  # packages whose classes are asked what they take
_OPTION = re.compile(r"(?:Could not find|Could not load|In '[^']*': Could not find) '([^']+)'")


def explain(error: Exception, conf: Path, config_name: str, arguments: list[str]) -> str:
    """Return one line for an error of composing `config_name` in the folder `conf` with `arguments`."""
    text = str(error)
    if match := _OVERRIDE.search(text):
        key = (match[1] or match[2]).lstrip("+~")
        if is_group(key) and config_name != "train":
            return f"'{key}' can't be chosen here: it comes from the checkpoint, or has no part in this command"
        if is_group(key):
            return f"{key}: choose an option, as {key}={options(key)[0]}, and give keys by their names, as {key}.x=..."
        if kept := _kept_by_the_resumed_run(key, arguments):
            return kept
        hint = _group_of_option(key, arguments) or _nearest_key(key, conf, config_name, arguments)
        return f"'{key}' is not a key of this configuration{hint}"
    if (match := _OPTION.search(text)) and "/" in match[1]:
        group, _, option = match[1].rpartition("/")
        return _no_such_option(group, option)
    if isinstance(error, OverrideParseException):
        return _not_parsed(error.override, text)
    if match := _SEVERAL.search(text):
        _, key, value = match.groups()
        other = "" if is_group(key) else f"; a list is written '{key}=[{value}]', a string \"{key}='{value}'\""
        return f"{key}: {value} are several values; add -m to run each of them{other}"
    if isinstance(error, UnicodeDecodeError):
        return f"{_undecodable(arguments)}: is not UTF-8 text ({error.reason})"
    if type(error) is ValueError:  # an option of a type that no option has, as `model=null`
        for argument in arguments:
            group, _, option = argument.partition("=")
            if is_group(group) and not config_file(f"{group}/{option}").exists():
                return _no_such_option(group, option)
    *_, cause = takewhile(lambda inner: inner is error or str(inner).strip(), causes(error))
    lines = [line.strip() for line in f"{text}\n{cause if cause is not error else ''}".splitlines()]
    unique = dict.fromkeys(line for line in lines if line and not line.startswith(("object_type", "See https")))
    return " ".join(unique)


def _not_parsed(override: str, text: str) -> str:
    key, equals, value = override.partition("=")
    if not equals:
        near = next((f"; did you mean {group}={override}?" for group in groups() if override in options(group)), "")
        return f"'{override}': expected key=value, without spaces around ={near}"
    if any(value.count(quote) % 2 for quote in "'\""):
        return f"'{override}': a quote is not closed; one that is meant is written \\' within quotes"
    if "Lexer" in text:  # of ANTLR, about a letter that Hydra has no use for
        return f"'{override}' is no valid override: put the value in quotes of its own: \"{key}='{value}'\""
    return f"'{override}' is no valid override: {text.splitlines()[0].strip()}"


def _kept_by_the_resumed_run(key: str, arguments: list[str]) -> str:
    """Say that a key can't change of a run that is resumed: its model has it, if not the one composed by default."""
    resumed = next(
        (argument.partition("=")[2].strip("'\"") for argument in arguments if argument.startswith("resume=")), ""
    )
    if not resumed:
        return ""
    place_before_composing(arguments, "train")
    try:
        folder = find_run(resumed)
        known = key in keys(read_yaml(folder / CONFIG))
    except (UserError, OSError, ValueError):  # there is none, or nothing that can be read
        return ""
    return kept_line(key, shown_path(folder)) if known and not may_change(key, ...) else ""


def _no_such_option(group: str, option: str) -> str:
    if group == "hydra/launcher" and option.partition("_")[0] in ("joblib", "submitit"):
        return f"launcher={option}: its package is not installed; pip install -e '.[parallel]' brings it"
    names = options(group)
    there_are = f" (there are: {', '.join(names)})" if names else ""
    return f"{group}={option}: no such option{did_you_mean(option, names)}{there_are}"


def _undecodable(arguments: list[str]) -> str:
    """The first configuration file that is not UTF-8."""
    given = [Path(argument.partition("=")[2]) for argument in arguments if argument.startswith(("--config-", "-c"))]
    for path in (
        path for folder in [*given, CONF, LIBRARY_CONF] if folder.is_dir() for path in sorted(folder.rglob("*.yaml"))
    ):
        try:
            path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            return str(path)
    return "a configuration file"


def _group_of_option(key: str, arguments: list[str]) -> str:
    """The group that has the option which was given to `key`: for `modle=cnn`, model."""
    given = [argument.partition("=")[2] for argument in arguments if argument.startswith(f"{key}=")]
    return did_you_mean(key, [group for group in groups() if {*given} & {*options(group)}])


def _nearest_key(key: str, conf: Path, config_name: str, arguments: list[str]) -> str:
    """The key most like `key` in the configuration that the other arguments make."""
    quick = fast("quick_hydra")
    if quick and (config := quick.latest_composed()) is not None:
        return _hint(key, config, arguments)
    choices = [argument for argument in arguments if re.fullmatch(r"[\w/@]+=[\w.-]+", argument)]
    for overrides in ([choice for choice in choices if not choice.startswith(key)], []):
        try:
            GlobalHydra.instance().clear()
            with initialize_config_dir(str(conf), **VERSION_BASE):
                return _hint(key, compose(config_name, overrides, return_hydra_config=True), arguments)
        except Exception:  # the hint is a courtesy: the error that it goes with is already known
            continue
    return ""


def _hint(key: str, config: DictConfig, arguments: list[str]) -> str:
    found: Any = OmegaConf.to_container(config)
    if not key.startswith("hydra"):
        found.pop("hydra", None)
    names = [*keys(found), *groups()]
    if any(is_slip(key, name) for name in names):  # says it without the seconds that importing the class takes
        return did_you_mean(key, names)
    return _as_argument(key, found, arguments) or did_you_mean(key, names)


def _as_argument(key: str, config: Any, arguments: list[str]) -> str:
    """Say how a key is given that no file lists, but the class that the node above it builds takes."""
    above, _, name = key.rpartition(".")
    for part in above.split("."):
        config = config.get(part) if isinstance(config, dict) else None
    target = str(config.get("_target_")) if isinstance(config, dict) else ""
    if not target.startswith(_ASKED):
        return ""
    try:
        takes = inspect.signature(get_class(target)).parameters
    except Exception:  # the hint is a courtesy
        return ""
    typed = next((one for one in arguments if one.lstrip("+").startswith(f"{key}=")), f"{key}=...")
    return f"; {target} takes it: add it as +{typed.lstrip('+')}" if name in takes else ""


def keys(node: Any, prefix: str = "") -> Iterator[str]:
    """Yield the dotted name of every node below a plain container."""
    if isinstance(node, dict):
        for name, child in node.items():
            yield f"{prefix}{name}"
            yield from keys(child, f"{prefix}{name}.")
