"""JSON schemas of the files in conf/, for editors: ``python -m trainhouse.configuration.json_schema`` makes them again.

What a key takes is said by the library's own annotations, what it means by the comments in conf/. A file of the user's
is never marked for what the library doesn't know: what a class of the user's takes, a command says when it checks it.
"""

import json
import types
import typing
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from annotated_types import Ge, Gt, Le, Lt, MaxLen, MinLen, MultipleOf

from trainhouse.configuration.meanings import meanings
from trainhouse.configuration.schema import config_file, options
from trainhouse.configuration.settings import OF_COMMAND, keys
from trainhouse.configuration.source import signature
from trainhouse.configuration.takes import described, in_words, is_mapping, prefix_of
from trainhouse.configuration.values import flat

FOLDER = Path(__file__).resolve().parents[1] / "schema"
# What any value may be besides: a reference, or open.
_OPEN = {"type": "string", "pattern": r"\$\{|^\?\?\?$"}
_OR_OPEN = {"$ref": "#/$defs/open"}
_PART = {"_target_": {"type": "string"}, "_partial_": {"type": "boolean"}, "defaults": {"type": "array"}}
_GROUPS = ("data", "model", "loss", "metrics", "optimizer", "scheduler", "trainer", "callbacks", "logger")
# The library's own functions and classes that a file may name: their arguments are known. Some the program gives.
_READERS = ("trainhouse.tables.read_table.read_table", "trainhouse.arrays.npy.read_npy")
_CALLBACKS = ("trainhouse.training.callbacks.LastCheckpoint", "trainhouse.training.progress_bar.ProgressBar")
_WIDTH = 120
_GIVEN = ("like", "dirpath")
_NAMES: dict[type, str] = {int: "integer", float: "number", str: "string", bool: "boolean", types.NoneType: "null"}
_BOUNDS = {
    Ge: ("ge", "minimum"),
    Gt: ("gt", "exclusiveMinimum"),
    Le: ("le", "maximum"),
    Lt: ("lt", "exclusiveMaximum"),
    MultipleOf: ("multiple_of", "multipleOf"),
}

Schema = dict[str, Any]


def schemas() -> dict[str, Schema]:
    """Return the schema of each command's file and of each group's files, by name."""
    commands = {command: (f"conf/{command}.yaml", _command(command)) for command in OF_COMMAND}
    groups = {group: (f"conf/{group}/*.yaml", _group(group)) for group in _GROUPS}
    draft = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return {
        name: {**draft, "$comment": file, **schema, "$defs": {"open": _OPEN, **schema.get("$defs", {})}}
        for name, (file, schema) in {**commands, **groups}.items()
    }


def write(folder: Path = FOLDER) -> None:
    """Write the schemas into a folder."""
    folder.mkdir(exist_ok=True)
    for name, schema in schemas().items():
        (folder / f"{name}.json").write_text(f"{as_json(schema)}\n", encoding="utf-8")


def as_json(value: Any, indent: str = "") -> str:
    """Return a schema as it stands in its file: what fits into a line is in one."""
    line = json.dumps(value, ensure_ascii=False)
    if len(indent) + len(line) <= _WIDTH or not isinstance(value, (dict, list)):
        return line
    inner = f"{indent} "
    if isinstance(value, list):
        return f"[\n{inner}" + f",\n{inner}".join(as_json(one, inner) for one in value) + f"\n{indent}]"
    items = [f"{json.dumps(name, ensure_ascii=False)}: {as_json(one, inner)}" for name, one in value.items()]
    return f"{{\n{inner}" + f",\n{inner}".join(items) + f"\n{indent}}}"


def of_hint(hint: Any) -> Schema:
    """Return what an annotation asks of a value that a file holds; nothing where YAML has no values for it."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        return _bounded(of_hint(arguments[0]), arguments[1:])
    if origin in (typing.Union, types.UnionType):
        several = [of_hint(one) for one in arguments]
        flat = [inner for one in several for inner in (one["anyOf"] if [*one] == ["anyOf"] else [one])]
        return {"anyOf": flat} if all(several) else {}
    if origin is typing.Literal:
        return {"enum": list(arguments)}
    if origin in (list, tuple, Sequence) or hint is list:
        return _list([one for one in arguments if one is not ...], is_fixed=origin is tuple and ... not in arguments)
    if origin is dict or hint is dict:
        return {"type": "object"}
    return {"type": _NAMES[hint]} if hint in _NAMES else {}


def _list(inner: list[Any], is_fixed: bool) -> Schema:
    items = _or_open(of_hint(inner[0])) if inner else {}
    length = {"minItems": len(inner), "maxItems": len(inner)} if is_fixed else {}
    return {"type": "array", **({"items": items} if items else {}), **length}


def _bounded(schema: Schema, marks: Iterable[Any]) -> Schema:
    marks = flat(marks)
    bounds = {_BOUNDS[type(mark)][1]: getattr(mark, _BOUNDS[type(mark)][0]) for mark in marks if type(mark) in _BOUNDS}
    what = "Items" if schema.get("type") == "array" else "Length"
    bounds |= {f"min{what}": mark.min_length for mark in marks if isinstance(mark, MinLen)}
    bounds |= {f"max{what}": mark.max_length for mark in marks if isinstance(mark, MaxLen)}
    return {**schema, **bounds}


def _or_open(schema: Schema, words: str = "") -> Schema:
    """Let a value be a reference or open too: in one schema where that can be said, of which editors say more."""
    if not schema:
        return {}
    options = schema.get("anyOf", [schema])
    if not all(isinstance(one.get("type"), str) for one in options):
        return {**schema, "anyOf": [*options, _OR_OPEN]} if "anyOf" in schema else {"anyOf": [schema, _OR_OPEN]}
    kinds = [one["type"] for one in options]
    bounds = {name: bound for one in [*options, schema] for name, bound in one.items() if name not in ("type", "anyOf")}
    if "string" in kinds:  # any string will do
        return {"type": kinds if len(kinds) > 1 else "string", **bounds}
    said = {"patternErrorMessage": f"expected {words}"} if words else {}
    return {"type": [*kinds, "string"], **bounds, "pattern": _OPEN["pattern"], **said}


def _key(hint: Any, meaning: str) -> Schema:
    """Return the schema of one key: what it means and takes, for people, and what its value has to be."""
    words = in_words(hint)
    return {**({"description": said} if (said := described(meaning, words)) else {}), **_or_open(of_hint(hint), words)}


def _command(command: str) -> Schema:
    """Return the schema of a command's file, or of one that sets keys of the whole configuration."""
    hints = {key: hint for key, hint in keys(OF_COMMAND[command]) if "." not in key}
    typed = {key: _key(hint, _meaning(key, command)) for key, hint in hints.items() if not is_mapping(hint)}
    groups = _GROUPS if command == "train" else [key for key in hints if is_mapping(hints[key])]
    return _object({"defaults": {"type": "array"}, **typed, **{group: {"$ref": f"{group}.json"} for group in groups}})


def _object(properties: Schema) -> Schema:
    return {"type": ["object", "null", "string"], "properties": properties}  # a string is a reference


def _group(group: str) -> Schema:
    """Return the schema of the files of a group."""
    settings = {key: hint for key, hint in keys(OF_COMMAND["train"]) if not is_mapping(hint)}
    known = {key.removeprefix(f"{group}."): hint for key, hint in settings.items() if key.startswith(f"{group}.")}
    if group == "callbacks":
        return _named_parts(known)
    typed = {name: _key(hint, _meaning(f"{group}.{name}")) for name, hint in known.items()}
    prefix = prefix_of(dict(keys(OF_COMMAND["train"])).get(group))
    if not prefix and group != "data":
        return _object({**_PART, **typed})
    # Of whatever else is built there, a key of the same name may be anything.
    found = _object({**_PART, **{name: {"description": _meaning(f"{group}.{name}")} for name in typed}})
    if prefix:
        return {**found, **_when("_target_", {"pattern": f"^{prefix.replace('.', '[.]')}"}, {"properties": typed})}
    served = {"allOf": [{"$ref": "#/$defs/served"}]}
    conditions = [_when("defaults", {"contains": {"const": "array_defaults"}}, served)]
    conditions += [_when("_target_", {"const": one}, {**served, **_arguments("data", one, known)}) for one in _READERS]
    return {**found, "allOf": conditions, "$defs": {"served": {"properties": typed}}}


def _named_parts(known: dict[str, Any]) -> Schema:
    """Return the schema of a group that has several parts in a file, each under its name."""
    own = [_when("_target_", {"const": one}, _arguments("callbacks", one)) for one in _CALLBACKS]
    part = {"$ref": "#/$defs/part"}
    properties: Schema = {"defaults": {"type": "array"}}
    for key, hint in known.items():
        name, _, argument = key.partition(".")
        place = properties.setdefault(name, {"allOf": [part]})
        if argument:
            place.setdefault("properties", {})[argument] = _key(hint, _meaning(f"callbacks.{key}"))
    return {
        **_object(properties),
        "additionalProperties": part,
        "$defs": {"part": {**_object({**_PART}), "allOf": own}},
    }


def _when(key: str, condition: Schema, then: Schema) -> Schema:
    return {"if": {"properties": {key: condition}, "required": [key]}, "then": then}


def _arguments(group: str, target: str, besides: Iterable[str] = ()) -> Schema:
    """Return the schema of what has a `_target_` of the library: its arguments, and no others but those `besides`."""
    found = signature(target)
    assert found is not None, target
    hints = {name: hint for name, hint in found.arguments.items() if name not in _GIVEN}
    properties = {name: _key(hint, _meaning_of_argument(group, target, name)) for name, hint in hints.items()}
    # Names such as _target_ are Hydra's own.
    names = "|".join(["_.*_", "defaults", *besides, *properties])
    only = {"pattern": f"^({names})$", "patternErrorMessage": f"{target} takes no such argument"}
    return {"properties": properties, "propertyNames": only}


def _meaning(key: str, command: str = "train") -> str:
    """Return what conf/ says of a key: the command's own file, or any file of its group."""
    group, _, inner = key.partition(".")
    files = [(f"{group}/{option}", inner) for option in _default_first(group)] if inner else []
    said = [
        meanings(path).keys.get(below)
        for name, below in [(command, key), *files]
        if (path := config_file(name)).is_file()
    ]
    return next((one.meaning for one in said if one and one.meaning), "")


def _default_first(group: str) -> list[str]:
    return sorted(options(group), key=lambda option: option != "default")


def _meaning_of_argument(group: str, target: str, name: str) -> str:
    """Return what conf/ says of an argument of `target`, in whatever file of the group builds it."""
    for option in _default_first(group):
        said = meanings(config_file(f"{group}/{option}")).keys
        above = next((key.removesuffix("_target_") for key, one in said.items() if one.written == target), None)
        if above is not None and f"{above}{name}" in said and said[f"{above}{name}"].meaning:
            return said[f"{above}{name}"].meaning
    return ""


if __name__ == "__main__":
    write()
