"""What to type in place of an argument that is no ``key=value`` that Hydra's grammar takes."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException

from trainhouse.configuration.errors import did_you_mean
from trainhouse.configuration.meanings import parts_alone
from trainhouse.configuration.printable import shell_quoted
from trainhouse.configuration.schema import groups, is_group, options
from trainhouse.launching.mappings import as_mapping
from trainhouse.launching.nearest import as_a_key
from trainhouse.runs.typed import quoted

# Hydra's functions, each as it is written.
_FUNCTIONS = {
    "choice": "choice(1,2,3)",
    "range": "range(0,5)",
    "interval": "interval(0,1)",
    "tag": "tag(log,interval(1e-4,1e-1))",
    "glob": "glob(*)",
    "sort": "sort(3,1,2)",
    "shuffle": "shuffle(1,2,3)",
    "int": "int(interval(8,64))",
    "float": "float(1)",
    "str": "str(1)",
    "bool": "bool(true)",
}
# What other searches call them.
_OTHERS = {
    **dict.fromkeys(("log", "loguniform", "log_uniform", "uniform_log", "reciprocal", "loginterval"), "tag"),
    **dict.fromkeys(("uniform", "quniform", "float_uniform"), "interval"),
    **dict.fromkeys(("randint", "int_uniform", "uniform_int", "integer"), "int"),
    **dict.fromkeys(("choose", "choices", "categorical", "grid", "options", "values", "list"), "choice"),
}
# What a file or folder is given to that was typed alone.
_TABLES = (*[".csv", ".tsv", ".txt", ".gz", ".zst", ".parquet", ".feather", ".arrow", ".jsonl", ".ndjson", ".xlsx"],)
_PATHS = {"eval": "ckpt_path", "infer": "input", "select_best_model": "runs"}
_EXPECTED = "expected key=value, without spaces around ="


def not_parsed(override: str, arguments: Sequence[str], command: str, key_meant: Callable[[str], str]) -> str:
    """Return one line for an argument of the command line `arguments`; `key_meant(name)` is the key of that name."""
    key, equals, value = override.partition("=")
    if not key.strip().lstrip("+~"):
        return f"'{override}': {_EXPECTED}"
    if not equals:
        return _bare(override, arguments, command, key_meant)
    if key != key.strip() or value != value.strip():
        return f"'{override}': no space stands around =: {typed(key.strip(), value.strip())}"
    if value.startswith("=") and _is_fine(f"{key}{value}"):
        return f"'{override}': one = is enough: {typed(key, value[1:])}"
    if not _is_fine(f"{key}=1"):
        meant = as_a_key(key)
        found = meant and key_meant(meant)
        hint = f"did you mean '{found}'?" if found else "keys have letters, digits, _ and points between them"
        return f"'{key}' is not a key of this configuration; {hint}"
    return f"'{override}' is no valid override: {_of_value(key, value, arguments, override)}"


def typed(key: str, value: str) -> str:
    """Return ``key=value`` as it can be typed into a shell, the value in quotes of Hydra's where it needs them."""
    plain = f"{key}={value}"
    override = plain if _is_fine(plain) and "\\" not in value else f"{key}={quoted(value)}"
    if re.fullmatch(r"[\w./+=,:@%-]+", override):
        return override
    return f'"{override}"' if not re.search(r"""["$`!]|\\(?!')""", override) else shell_quoted(override)


def _is_fine(override: str) -> bool:
    try:
        OverridesParser.create().parse_override(override)
    except HydraException:
        return False
    return True


def _bare(word: str, arguments: Sequence[str], command: str, key_meant: Callable[[str], str]) -> str:
    """Say what to type for an argument without ``=``."""
    place = arguments.index(word) if word in arguments else len(arguments)
    before = arguments[place - 1] if place else ""
    after, *further = [*arguments[place + 1 :], ""]
    spaced = f"'{word}': {_EXPECTED}: "
    if after == "=" and further[0]:
        return spaced + typed(word, further[0])
    if after.startswith("=") and after[1:]:
        return spaced + typed(word, after[1:])
    if before.endswith("=") and not before.startswith("-"):
        return spaced + typed(before[:-1], word)
    if match := re.fullmatch(r"([\w./]+):\s*(.*)", word):
        value = match[2] or (after if "=" not in after else "")
        key = match[1] if is_group(match[1]) else key_meant(match[1])
        if key and value:
            return spaced + typed(key, value)
    if found := _option(word):
        return f"'{word}': {_EXPECTED}; did you mean {found}?"
    if word.lstrip("-/") in ("help", "h", "?", "version", "explain"):
        what = "explain=<key>, as explain=seed" if word == "explain" else "--help"
        return f"'{word}': {_EXPECTED}; type {what}"
    follows = after and "=" not in after and not after.startswith("-")
    if is_group(word):
        first = next(name for name in options(word) if name not in parts_alone(word))
        return f"'{word}': {_EXPECTED}, as {typed(word, after if follows else first)}"
    if key := _known(word, key_meant, only_exact=not follows):
        if {"--help", "-h"} & {*arguments}:
            return f"'{word}': {_EXPECTED}; explain={key} says what it is"
        return f"'{word}': {_EXPECTED}, as {typed(key, after) if follows else f'{key}=<value>'}"
    key, equals, value = before.partition("=")
    if equals and not before.startswith("-") and _is_plain(word):
        belonging = [value, word, *_plain_ones(arguments[place + 1 :])]
        return f"{spaced}if it belongs to {key}, quote the whole: {_in_one(key, ' '.join(belonging))}"
    if command == "train" and Path(word).suffix.lower() in (*_TABLES, ".npy", ".npz"):
        file = "data=table data.file={} data.target=<column>" if Path(word).suffix.lower() in _TABLES else ""
        return f"{spaced}{(file or 'data=npy data.features={} data.labels=y.npy').format(word)}"
    if command in _PATHS and (re.search(r"[./\\]", word) or Path(word).exists()):
        and_output = f" {typed('output', after)}" if command == "infer" and follows else ""
        return spaced + typed(_PATHS[command], word) + and_output
    return f"'{word}': {_EXPECTED}"


def _known(word: str, key_meant: Callable[[str], str], only_exact: bool) -> str:
    key = key_meant(word) if re.fullmatch(r"[\w.]+", word, re.ASCII) else ""
    return key if key == word or not only_exact else ""


def _is_plain(word: str) -> bool:
    return bool(word) and "=" not in word and not word.startswith("-")


def _plain_ones(arguments: Sequence[str]) -> list[str]:
    """Return the arguments before the first one that may be meant for itself."""
    end = next((index for index, one in enumerate(arguments) if not _is_plain(one)), len(arguments))
    return list(arguments[:end])


def _in_one(key: str, value: str) -> str:
    return f"'{key}={value}'" if _is_fine(f"{key}={value}") and "'" not in value else typed(key, value)


def _option(word: str) -> str:
    """Return ``model=cnn`` for an option that was typed as a file, behind its group or alone; "" for anything else."""
    parts = [part for part in re.split(r"[/\\.:]", word.removesuffix(".yaml").removesuffix(".yml")) if part]
    if len(parts) > 1 and is_group(parts[-2]):
        return f"{parts[-2]}={parts[-1]}" if parts[-1] in options(parts[-2]) else ""
    return next((f"{group}={word}" for group in groups() if word in options(group)), "")


def _of_value(key: str, value: str, arguments: Sequence[str], override: str) -> str:
    """Return what to type in place of a value that can't be read."""
    whole = f"put the value in quotes of its own: {typed(key, value)}"
    if mapping := as_mapping(key, value, _is_fine):
        return mapping
    if any(value.count(quote) % 2 for quote in "'\""):
        ends = value[:1] in "'\"" and value[:1]
        return f"a quote is not closed; {_meant(key, value[1:] if ends else value)}"
    if call := re.fullmatch(r"(\w+)\((.*)\)", value):
        return _of_function(key, call[1], call[2]) or whole
    if re.fullmatch(r"\(.*\)", value):
        return f"a list stands in square brackets: {typed(key, f'[{value[1:-1]}]')}"
    for opened, closed in ("[]", "{}"):
        if value.count(opened) > value.count(closed):
            place = arguments.index(override) if override in arguments else len(arguments)
            rest = _plain_ones(arguments[place + 1 :])
            if any(closed in one for one in rest):
                return f"an argument ends at a space; quote the whole: {_in_one(key, ' '.join([value, *rest]))}"
            whole = f": {typed(key, value + closed)}" if _is_fine(f"{key}={value}{closed}") else ""
            return f"a {opened} is not closed{whole}; {_meant(key, value)}"
    if "${" in value:
        return f"a reference is written as ${{seed}}; {_meant(key, value)}"
    if (braced := re.fullmatch(r"\{([^:{}]+)\}", value)) and "," in value:
        return f"{{}} stand around names with values; a list is {typed(key, f'[{braced[1]}]')}"
    if "=" not in value and re.search(r"(^|,)\s*(,|$)", value):
        place = arguments.index(override) if override in arguments else len(arguments)
        full = [one for one in (f"{value}{''.join(_plain_ones(arguments[place + 1 :]))}").split(",") if one.strip()]
        return f"a value is missing beside a comma; values stand without spaces: {typed(key, ','.join(full))}"
    if listed := re.fullmatch(r"\[(.*)\]", value):
        parts = [one.strip() for one in re.split("[,;]", listed[1])]
        shown = ",".join(one if _is_fine(f"x=[{one}]") else quoted(one) for one in parts)
        if _is_fine(f"{key}=[{shown}]"):
            what = "values stand between commas" if ";" in value else "put what has other signs in quotes of its own"
            return f"{what}: {typed(key, f'[{shown}]')}"
    return whole


def _meant(key: str, value: str) -> str:
    return f"one that is meant is in quotes: {typed(key, value)}"


def _of_function(key: str, name: str, inner: str) -> str:
    """Say how a function is written; "" for what looks like one, and may be any text."""
    ends = re.fullmatch(r"[\d.eE+-]+,\s*[\d.eE+-]+", inner) and inner.replace(" ", "")
    if name in _FUNCTIONS:
        return f"{name} is written as {typed(key, _FUNCTIONS[name])}"
    meant = _OTHERS.get(name.casefold())
    if meant is None:
        found = re.search("'(.*)'", did_you_mean(name, _FUNCTIONS))
        meant = found[1] if found else None
    if meant is None:
        return ""
    written = re.sub(r"interval\(.*?\)", f"interval({ends})", _FUNCTIONS[meant]) if ends else _FUNCTIONS[meant]
    return f"there is no function {name}; {meant} is written as {typed(key, written)}"
