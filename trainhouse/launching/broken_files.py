"""What is wrong with a configuration file that can't be read, or whose ``defaults:`` can't be followed, in a line."""

import re
from collections.abc import Sequence
from pathlib import Path

from hydra.errors import MissingConfigException
from yaml import MarkedYAMLError, YAMLError

from trainhouse.configuration.errors import did_you_mean
from trainhouse.configuration.hints import option_hint
from trainhouse.configuration.meanings import parts_alone
from trainhouse.configuration.schema import CONF, LIBRARY_CONF, config_file, groups, is_group, options, searched
from trainhouse.runs.typed import shown_path

_AS_WRITTEN = "a line below defaults is written as '- override /model: cnn'"
# By what PyYAML says: what is wrong, as one says it who knows no YAML.
_OF_YAML = (
    (r"character '\\t'", "a tab; indent with spaces"),
    (r"found character '(.)' that cannot start", r"a value that begins with \1 is put in quotes"),
    (r"found duplicate key (.*)", r"the key \1 stands twice"),
    (
        "mapping values are not allowed",
        "a ':' that isn't expected; put a value that has one in quotes, write a space behind the ':' of a key, and "
        "indent the lines of one mapping alike",
    ),
    (r"expected <block end>", "is indented differently from the lines above it"),
    (r"expected '<document start>'", "is indented differently from the lines above it"),
    (r"expected ',' or '(.)'", r"a \1 is missing at the end of a list or mapping"),
    ("found unexpected end of stream", "a quote is not closed"),
    ("could not find expected ':'", "expected 'key: value'"),
    (r"found undefined alias '?(.*?)'?$", r"a value that begins with * is put in quotes"),
    ("found unhashable key", "a value in {{ }} or with ? is no key; a reference is written as ${seed}"),
    ("could not determine a constructor", "a value that begins with ! is put in quotes"),
    ("but found another document", "--- begins a second configuration; a file has one"),
    ("expected a single document", "--- begins a second configuration; a file has one"),
)


def of_yaml(error: YAMLError) -> str:
    """Return file, line and what is wrong there."""
    mark = error.problem_mark or error.context_mark if isinstance(error, MarkedYAMLError) else None
    problem = str(getattr(error, "problem", None) or error).splitlines()[0]
    said = f"{getattr(error, 'context', None) or ''} {problem}".strip()
    words = next((re.sub(f".*?{sign}.*", meant, said) for sign, meant in _OF_YAML if re.search(sign, said)), said)
    if mark is None:
        return words
    line, context = mark.line, getattr(error, "context_mark", None)
    if context is not None and ("a quote is not" in words or "is missing at the end" in words):
        line = context.line
    return f"{shown_path(Path(mark.name))}, line {line + 1}: {words}"


def of_defaults(error: Exception, arguments: Sequence[str]) -> str:
    """Return what is wrong with the ``defaults:`` of a file, "" if the error says nothing of them."""
    text = str(error)
    if "Unsupported item value in defaults : dict" in text or "Cannot merge DictConfig with ListConfig" in text:
        of_body = re.search(r"In '(.*?)'", text)
        place = _file(of_body[1]) if of_body else "a configuration file that is chosen"
        return (
            f"{place}: a list under defaults has the names of files, as '- override /metrics: [acc]'; an object stands "
            "below, under a name, as 'metrics: {top2: {_target_: torchmetrics.classification."
            "MulticlassAccuracy, top_k: 2}}'"
        )
    if match := re.search(r"Invalid defaults list in '(.*?)'", text):
        return f"{_file(match[1])}: {_AS_WRITTEN}, with the '-'"
    if match := re.search(r"In '(.*?)': Could not (?:find|load) '(.*?)'", text):
        name, wanted = match.groups()
        group, _, option = wanted.rpartition("/")
        if "override" in wanted or "optional" in wanted or (":" in option and is_group(group)):
            return f"{_file(name)}: '{wanted.removeprefix(name.rpartition('/')[0] + '/')}': {_AS_WRITTEN}"
        inner = group.rpartition("/")[2]
        is_own = not name.startswith("hydra/") and name != group.partition("/")[0]
        if (
            is_own
            and "/" in group
            and not is_group(group)
            and is_group(inner)
            and name.startswith(group.partition("/")[0])
        ):
            return f"{_file(name)}: '{inner}: {option}': write '- override /{inner}: {option}'"
    if match := re.search(r"In '(.*?)': Could not override '(.*?)'\. No match", text):
        wanted = match[2].partition("@")[0]
        inner = wanted.rpartition("/")[2]
        if "/" in wanted and is_group(inner):
            return f"{_file(match[1])}: 'override {inner}' lacks a /; {_AS_WRITTEN}"
        if not is_group(wanted):
            return f"{_file(match[1])}: '{wanted}' in its defaults is no group{did_you_mean(wanted, groups())}"
    if match := re.search(r"Multiple values for ([\w/]+)\. To override a value use 'override \S+ ([^']*)'", text):
        group, option = match.groups()
        if any(one.startswith((f"+{group}=", f"+{group}@")) for one in arguments):
            return f"+{group}={option}: there is an option of {group} already; leave the + out: {group}={option}"
        place = _chooser(group, option, arguments)
        return f"{place}: {group} has an option already; write '- override /{group}: {option}'"
    if match := re.search(r"Cannot find primary config '(.*?)'", text):
        names = sorted(path.stem for folder in searched() for path in folder.glob("*.yaml"))
        return f"--config-name={match[1]}: there is no such file of configuration{did_you_mean(match[1], names)}"
    return ""


def of_circle(arguments: Sequence[str]) -> str:
    """Return which file goes round in a circle, as far as it can be said: one that chooses or holds itself."""
    for group, equals, option in (argument.lstrip("+").partition("=") for argument in arguments):
        path = config_file(f"{group}/{option}")
        if equals and is_group(group) and path.is_file():
            text = path.read_text(encoding="utf-8", errors="replace")
            if re.search(rf"^\s*-\s*{re.escape(option)}\s*$", text, re.MULTILINE):
                return f"{shown_path(path)}: chooses itself in its defaults; take the line '- {option}' out"
            if anchor := next((name for name in re.findall(r"&(\w+)", text) if f"*{name}" in text), ""):
                return f"{shown_path(path)}: *{anchor} stands for what it is in; write out what is meant"
    return "a configuration file chooses itself in its defaults, or an alias (*name) in it stands for what it is in"


def no_such_option(group: str, option: str, error: Exception | None = None) -> str:
    """Say which options a group has, and in which file one was asked for that it hasn't."""
    if group == "hydra/launcher" and option.partition("_")[0] in ("joblib", "submitit"):
        return f"launcher={option}: its package is not installed; pip install -e '.[parallel]' brings it"
    if group == "hydra/launcher" and option == "ray":
        return (
            "launcher=ray: its package is not installed; pip install -e '.[ray]' brings it, in an environment without "
            "'.[parallel]'"
        )
    found = error.options if isinstance(error, MissingConfigException) and error.options else []
    names = sorted({*options(group), *found} - parts_alone(group))
    asked = re.match("In '(.*?)': ", str(error))
    command = asked and (asked[1] in ("train", "eval", "infer", "select_best_model") or asked[1].startswith("hydra/"))
    place = f"{_file(asked[1])}: " if asked and not command else ""
    there_are = f" (there are: {', '.join(names)})" if names else ""
    base, inner = group.partition("/")[0], re.split(r"[/\\]", option.removesuffix(".yaml"))[-1]
    if base != group and base != "hydra" and is_group(base) and inner in options(base):  # model=conf/model/cnn.yaml
        typed = f"{group.removeprefix(f'{base}/')}/{option}"
        return f"{place}{base}={typed}: no such option; did you mean {base}={inner}?"
    return f"{place}{group}={option}: no such option{option_hint(group, option, names)}{there_are}"


def undecodable() -> str:
    """The first configuration file that is not UTF-8."""
    folders = [folder for folder in {*searched(), CONF, LIBRARY_CONF} if folder.is_dir()]
    for path in (path for folder in folders for path in sorted(folder.rglob("*.yaml"))):
        try:
            path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            return str(path)
    return "a configuration file"


def _chooser(group: str, option: str, arguments: Sequence[str]) -> str:
    chosen = [argument.lstrip("+").replace("=", "/", 1) for argument in arguments if "=" in argument]
    for path in [config_file(name) for name in chosen]:
        if path.is_file() and re.search(rf"{group}: {re.escape(option)}\b", path.read_text("utf-8", errors="replace")):
            return shown_path(path)
    return "defaults"


def _file(name: str) -> str:
    return shown_path(config_file(name))
