"""``python train.py --help model=cnn``: the keys of one option, with their values, meanings and what they take."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from trainhouse.configuration.errors import UserError
from trainhouse.configuration.meanings import meanings
from trainhouse.configuration.schema import config_file, is_global, options
from trainhouse.configuration.takes import annotation_of, described, in_words
from trainhouse.launching.composed import Composed
from trainhouse.launching.layout import as_typed, comment, first_sentence, paragraph, shortened, table
from trainhouse.runs.typed import shown_path

_CHANGE = "Keys: type key=value to change one"


def option_page(group: str, asked: Composed) -> str:
    """Return the page of the option that is chosen of a group."""
    chosen = asked.choices.get(group)
    path = config_file(f"{group}/{chosen}")
    others = [name for name in asked.options(group) if name != chosen]
    if chosen in options(group):
        lines = [f"{group}={chosen}", f"  from {shown_path(path)}"]
        lines += ["", *comment(meanings(path).header)] if meanings(path).header else []
    else:  # null, or a list of options
        lines = [asked.typed(group).lstrip("+")]
    if chosen in options(group) and is_global(path):
        rows = list(_set_by(path, asked))
        lines += ["", "It chooses and sets", *table(rows)] if rows else []
    else:
        key = group.replace("/", ".")
        keys = list(_keys_of(key, asked)) if asked.has(key) else []
        lines += ["", _CHANGE, *keys] if keys else ["", "It has no keys."]
        if asked.has(f"{key}._target_"):
            lines += ["", f"Built by {asked.written(f'{key}._target_')}"]
    if others:
        lines += ["", *paragraph(f"Other options: {', '.join(others)}")]
    if "=" in "".join(lines[1:]):
        script = f"python {Path(sys.argv[0]).name}"
        lines += ["", *paragraph(f"{script} {group}={chosen} explain=<key> says more of one key.")]
    return "\n".join(line.rstrip() for line in lines)


def group_page(group: str, asked: Composed) -> str:
    """Return the page of a group: its options, a sentence each. Raises `UserError` for one that the command lacks."""
    if group not in asked.choices:
        there_are = ", ".join(one for one in asked.choices if options(one) and not one.startswith("hydra"))
        what = f"only the groups {there_are}" if there_are else "no groups"
        raise UserError(f"--help {group}: {asked.command}.py has {what}")
    names, chosen = asked.options(group), asked.choices.get(group)
    rows = [(f"{group}={name}{'*' if name == chosen else ''}", _first_of_header(group, name)) for name in names]
    meaning = asked.meaning(f"defaults.{group}")
    script = f"python {Path(sys.argv[0]).name}"
    lines = [
        f"{group}=<option>{f': {meaning}' if meaning else ''}",
        "",
        "Options; * is what you get without typing one",
    ]
    lines += [*table(rows), "", *paragraph(f"{script} --help {group}={names[0]} shows the keys of an option.")]
    return "\n".join(line.rstrip() for line in lines)


def _first_of_header(group: str, option: str) -> str:
    try:
        said = meanings(config_file(f"{group}/{option}"))
    except (UserError, UnicodeDecodeError):  # whoever chooses it hears of that
        return ""
    return first_sentence(" ".join(said.header) or said.meaning).partition(": python ")[0]


def _keys_of(key: str, asked: Composed) -> Iterator[str]:
    """Yield the lines of all keys below `key`: its own first, then those of what has keys of its own, part by part."""
    node = asked.written(key)
    own = [name for name, value in _items(node) if not _has_keys(value)]
    yield from table([_row(f"{key}.{name}", asked) for name in own])
    for name, value in _items(node):
        if _has_keys(value):
            yield from ["", f"{key}.{name}", *paragraph(asked.meaning(f"{key}.{name}"), indent=2)]
            yield from _keys_of(f"{key}.{name}", asked)


def _items(node: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(node, dict):
        yield from ((str(name), value) for name, value in node.items() if not str(name).startswith("_"))


def _has_keys(value: Any) -> bool:
    """Whether it is a mapping of keys that can be typed: of a mapping of numbers the whole is typed."""
    if not isinstance(value, dict) or not all(isinstance(name, str) for name in value):
        return False
    return any(not name.startswith("_") for name in value)


def _row(key: str, asked: Composed) -> tuple[str, str]:
    """Return a key with its value as it is written, and what it means and takes."""
    value = asked.written(key)
    if isinstance(value, dict) and "_target_" in value:
        return key, described(asked.meaning(key), str(value["_target_"]))
    words = in_words(annotation_of(key, asked.plain, asked.command))
    required = "the data may know it" if key.startswith("model.") else "required"
    words = "; ".join(filter(None, [words, required if value == "???" else ""]))
    shown = "..." if value == "???" else as_typed(value)
    return shortened(f"{key}={shown}", 76), described(asked.meaning(key), words)


def _set_by(path: Path, asked: Composed) -> Iterator[tuple[str, str]]:
    """Yield what a file sets that chooses for other groups: choices, then keys, each with the reason or meaning."""
    content: Any = OmegaConf.to_container(OmegaConf.load(path), resolve=False)
    for entry in content.get("defaults", []) if isinstance(content, dict) else ():
        for name, option in entry.items() if isinstance(entry, dict) else ():
            group = str(name).removeprefix("override ").lstrip("/")
            file = config_file(f"{group}/{option}")
            yield f"{group}={option}", meanings(file).meaning if file.is_file() else ""
    for key, said in meanings(path).keys.items():
        if said.written and not key.startswith("defaults"):
            yield shortened(f"{key}={said.written}", 76), first_sentence(said.meaning or asked.meaning(key))
