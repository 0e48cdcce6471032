"""``python train.py explain=optimizer.lr``: one key's value, where it was set, what it means and takes."""

import sys
from collections.abc import Sequence
from pathlib import Path

from trainhouse.configuration.environment import decoded_for
from trainhouse.configuration.errors import UserError, did_you_mean
from trainhouse.configuration.hints import hint as hint_of
from trainhouse.configuration.kept_on_resume import may_change
from trainhouse.configuration.references import from_environment
from trainhouse.configuration.schema import config_file, is_group
from trainhouse.configuration.source import signature
from trainhouse.configuration.takes import annotation_of, choices, in_words
from trainhouse.configuration.values import fits
from trainhouse.launching.composed import Composed
from trainhouse.launching.layout import WIDTH, as_typed, paragraph, shortened, table
from trainhouse.launching.nearest import names_in
from trainhouse.runs.typed import shown_path

# Of train.py: keys of one command line, which no run keeps.
_OF_THE_COMMAND = ("hydra", "sweep", "resume", "init_", "outputs")


def explanation(key: str, asked: Composed, varied: Sequence[str] = ()) -> str:
    """Return what is known of a key, or of a group. Raises `UserError` for one that isn't there.

    The overrides `varied` differ from job to job of a sweep.
    """
    script = f"python {Path(sys.argv[0]).name}"
    if key in asked.choices and is_group(key):
        return _of_group(key, asked, script)
    if not key:
        raise UserError("explain=: name a key, as explain=seed")
    if not asked.has(key):
        raise UserError(f"'{key}' is not a key of this configuration{_did_you_mean(key, asked)}")
    hint = annotation_of(key, asked.plain, asked.command)
    written, value = asked.written(key), asked.value(key)
    value = decoded_for(hint, written, value) if from_environment({key: written}) else value
    meaning = asked.meaning(key)
    is_open = value == "???"
    lines = [shortened(f"{key}={'...' if is_open else as_typed(value)}", WIDTH)]
    lines += ["", *paragraph(meaning)] if meaning else []
    rows = [("takes", words)] if (words := in_words(hint)) else []
    rows += [("refused", "a run with this value")] if not is_open and not fits(value, hint) else []
    rows += [("swept by", one) for one in varied if one.lstrip("+").partition("=")[0] == key]
    rows += [("is", f"a mapping of {', '.join(map(str, written))}")] if isinstance(written, dict) and written else []
    if is_open:
        rows.append(("missing", "the data may know it" if key.startswith("model.") else "has to be given"))
    rows += [("as written", as_typed(written))] if written != value and not is_open else []
    rows += _places(key, asked)
    others = [choice for choice in choices(hint) if choice != as_typed(value)]
    rows += [("others", ", ".join(f"{key}={choice}" for choice in others))] if others else []
    if asked.command == "train" and not key.startswith(_OF_THE_COMMAND):
        rows.append(("on resume", "may change" if may_change(key, ...) else "a resumed run keeps its own"))
    return "\n".join(line.rstrip() for line in [*lines, "", *table(rows)])


def _did_you_mean(key: str, asked: Composed) -> str:
    """Say what is meant by a key that isn't there, or how it is given."""
    if asked.command != "train" and key.startswith("data."):
        return "; it comes with the checkpoint"
    above, _, name = key.rpartition(".")
    target = str(asked.written(f"{above}._target_")) if asked.has(f"{above}._target_") else ""
    if (found := signature(target)) and name in found.arguments:
        return f"; {target} takes it: add it as +{key}=..."
    names = [*names_in(asked.plain, key), *asked.choices]
    return hint_of(key, asked.command, names) or did_you_mean(key, names)


def _places(key: str, asked: Composed) -> list[tuple[str, str]]:
    """Return where a value was set, the place that counts first, then those that it goes before."""
    places = [f"the command line, as {typed}" for typed in [asked.typed(key)] if typed]
    for path, said in asked.said(key)[::-1]:
        value = f", as {' '.join(said.written.split())}" if said.written and places else ""
        places.append(f"{shown_path(path)}, line {said.line}{value}")
    return [*zip(["set in", "instead of", *[""] * len(places)], places, strict=False)]


def _of_group(group: str, asked: Composed, script: str) -> str:
    chosen = asked.choices[group]
    path = config_file(f"{group}/{chosen}")
    others = [f"{group}={name}" for name in asked.options(group) if name != chosen]
    rows = [("chosen by", f"the command line, as {typed}" if (typed := asked.typed(group)) else _chooser(group, asked))]
    rows += [("reads", shown_path(path))] if path.is_file() else []
    rows += [("others", ", ".join(others))] if others else []
    rows += [("its keys", f"{script} --help {group}={chosen}")] if chosen else []
    meaning = asked.meaning(f"defaults.{group}")
    return "\n".join([f"{group}={chosen or 'null'}", *(["", meaning] if meaning else []), "", *table(rows)])


def _chooser(group: str, asked: Composed) -> str:
    """Return the file whose ``defaults:`` have chosen the option of a group."""
    chosen = asked.choices[group]
    for name, package in asked.files[::-1]:
        path = config_file(name)
        text = path.read_text(encoding="utf-8") if not package and path.is_file() else ""
        if f"override /{group}: {chosen}" in text or f"- {group}: {chosen or 'null'}" in text:
            return shown_path(path)
    return shown_path(config_file(asked.main))
