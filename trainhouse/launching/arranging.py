"""Puts a command line into the order that Hydra takes, and refuses what Hydra would end with words of its own."""

import sys
from collections.abc import Sequence
from pathlib import Path

from trainhouse.configuration.errors import UserError
from trainhouse.configuration.schema import also_search, config_file, is_group
from trainhouse.launching.below_swept import varies
from trainhouse.launching.command_line import CommandLine, check_together, folders, read, without_sweep
from trainhouse.launching.listed_objects import with_objects_named
from trainhouse.launching.nearest import key_meant
from trainhouse.launching.without_effect import check_effect
from trainhouse.runs.outputs import KEY


def arrange(conf: Path, config_name: str, open_groups: Sequence[str]) -> None:
    """Put the options in ``sys.argv`` before the overrides.

    Keys of `open_groups` get Hydra's ``++``, objects in a list of files a key of their own. Raises `UserError` for an
    option that there isn't, and for what would have no effect.
    """
    line = read(sys.argv[1:], lambda name: key_meant(name, conf, config_name))
    also_search(folders(line, conf))
    line = _of_one_run(line) if "multirun" in line.options and {"cfg", "info"} & {*line.options} else line
    check_together(line)
    check_effect(line, config_name)
    overrides = [_without_ending(_opened(one, _open_names(line, open_groups))) for one in line.overrides]
    sys.argv[1:] = [*line.typed, *with_objects_named(overrides)]


def _of_one_run(line: CommandLine) -> CommandLine:
    """Return what is asked of a sweep's configuration for one of its runs. Raises `UserError` where runs differ."""
    if several := next((one for one in line.overrides if varies(one)), None):
        raise UserError(f"--cfg and --info show the configuration of one run; {several} are several values: give one")
    return without_sweep(line)


def _open_names(line: CommandLine, open_groups: Sequence[str]) -> tuple[str, ...]:
    """Return how arguments begin that need no ``+``, though the main configuration may lack the key.

    That is a key of the `open_groups`, and of a configuration that lies elsewhere, as a run's, where runs go.
    """
    is_elsewhere = {"config-path", "config-name"} & line.options.keys()
    return (*(f"{group}." for group in open_groups), *([f"{KEY}="] if is_elsewhere else []))


def _opened(argument: str, names: tuple[str, ...]) -> str:
    return f"++{argument}" if argument.startswith(names) else argument


def _without_ending(argument: str) -> str:
    """Return ``model=cnn`` for ``model=cnn.yaml``, which Hydra takes, and then calls the option by that name."""
    group, _, option = argument.partition("=")
    name = option.removesuffix(".yaml")
    is_file = name != option and is_group(group.lstrip("+")) and config_file(f"{group.lstrip('+')}/{name}").is_file()
    return f"{group}={name}" if is_file else argument
