"""What Hydra would take and nobody would read: an option given as a value, keys of a sweep for a single run."""

import re
import sys
from collections.abc import Iterator

from trainhouse.configuration.errors import UserError
from trainhouse.configuration.printable import printable
from trainhouse.configuration.schema import is_group, options
from trainhouse.launching.command_line import CommandLine
from trainhouse.machine.terminal import fold
from trainhouse.runs.layout import MARK
from trainhouse.runs.this_job import is_worker_rank

# Commands that make none, and what says where their files go.
_WITHOUT_FOLDER = {"infer": "output= is the file", "select_best_model": "final_model= is the file"}
_GROUPS = {"hydra.sweeper": "sweep", "hydra.launcher": "launcher"}
_OF_SWEEPS = re.compile(r"(sweep|launcher|hydra[./]sweeper|hydra[./]launcher)([./].*)?")


def check_effect(line: CommandLine, command: str) -> None:
    """Raise `UserError` for an override that would replace a group by a string, or do nothing in a `command`.

    Of a key that is typed twice the last value holds, as in Hydra: a line on stderr says so.
    """
    _say_repeated(line)
    for override, key, value in _given(line):
        if command in _WITHOUT_FOLDER and re.fullmatch(r"hydra\.(run|sweep)\.(dir|subdir)", key):
            raise UserError(f"{override}: {command}.py makes no folder; leave it out: {_WITHOUT_FOLDER[command]}")
        if key == "hydra.output_subdir" and not is_worker_rank():  # to which Lightning gives it
            raise UserError(f"{override}: a run has Hydra's record in {MARK}, where it is looked for; leave it out")
        if key in _GROUPS and not value.startswith("{"):
            group = _GROUPS[key]
            there_are = "" if value in options(group) else f" (there are: {', '.join(options(group))})"
            raise UserError(f"{override}: choose an option as {group}={value or '<option>'}{there_are}")
        slashed = key.replace(".", "/")
        is_name = re.fullmatch(r"(?!null$)[\w-]+", value)
        if slashed != key and key.startswith("hydra.") and is_group(slashed) and is_name:
            raise UserError(f"{override}: a group of Hydra's has slashes: {slashed}={value}")
    asks = {"cfg", "info", "help", "shell-completion", "hydra-help"} & {*line.options}
    has_mode = {"hydra.mode", "explain"} & {key for _, key, _ in _given(line)}
    if command != "train" or "multirun" in line.options or asks or has_mode or is_worker_rank():
        return
    for override, key, value in _given(line):
        if _OF_SWEEPS.fullmatch(key):
            what = "a search" if (key, value) == ("sweep", "optuna") else "a sweep"
            raise UserError(f"{override}: is for {what}; add -m, or leave it out")


def _say_repeated(line: CommandLine) -> None:
    if is_worker_rank():
        return
    last: dict[str, str] = {}
    for override, key, value in _given(line):
        if key in last and last[key] != override and key != "explain" and not value.startswith("extend_list("):
            said = printable(f"warning: {key} is given more than once; {override} holds")
            print(fold(said, sys.stderr), file=sys.stderr)
        last[key] = override


def _given(line: CommandLine) -> Iterator[tuple[str, str, str]]:
    for override in line.overrides:
        key, equals, value = override.lstrip("+").partition("=")
        if equals:
            yield override, key, value
