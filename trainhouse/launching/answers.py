"""Answers what is asked instead of run: ``--help``, ``--help model=cnn``, ``explain=optimizer.lr``."""

from pathlib import Path

from trainhouse.configuration.errors import UserError, did_you_mean
from trainhouse.launching.command_line import CommandLine, read


def answer(arguments: list[str], conf: Path, command: str) -> str | None:
    """Return what is to be printed for a command line, None if it asks for nothing, or for what Hydra answers itself.

    Hydra answers where conf/ has chosen a page of its own (hydra/help). The page is the same beside --config-path.
    Raises what composing raises, and `UserError` for a key that isn't there, or that is asked for of other files.
    """
    line = read(arguments)
    keys = [one.partition("=")[2] for one in line.overrides if one.startswith("explain=")]
    if keys and "config-path" in line.options:
        raise UserError("explain=: only for the project's own conf/, without --config-path")
    package = line.options.get("package") if "cfg" in line.options else None
    if not ("help" in line.options or keys or (package and "config-path" not in line.options)):
        return None
    overrides = [one for one in line.overrides if not one.startswith("explain=")]
    if package and not keys:
        _check_package(package, line, conf, command)
        return None
    return _answered(keys, overrides, line, conf, command)


def _check_package(package: str, line: CommandLine, conf: Path, command: str) -> None:
    """Raise `UserError` for a part of the configuration to show that it doesn't have."""
    from trainhouse.launching.composed import composed
    from trainhouse.launching.nearest import names_in

    asked = composed(command, conf, line.overrides, _main(line))
    if package != "_global_" and not asked.has(package):
        raise UserError(f"--package {package}: no such key{did_you_mean(package, names_in(asked.plain, package))}")


def _main(line: CommandLine) -> str:
    return line.options.get("config-name", "").removesuffix(".yaml")


def _answered(keys: list[str], overrides: list[str], line: CommandLine, conf: Path, command: str) -> str | None:
    from trainhouse.configuration.printable import printable
    from trainhouse.configuration.schema import is_group
    from trainhouse.configuration.settings import OF_COMMAND
    from trainhouse.launching.below_swept import varies
    from trainhouse.launching.composed import composed
    from trainhouse.launching.explanation import explanation
    from trainhouse.launching.help_page import help_page
    from trainhouse.launching.option_page import group_page, option_page

    # What varies from job to job has no value here.
    varied = [one for one in overrides if "multirun" in line.options and varies(one)]
    groups = [one for one in overrides if "help" in line.options and is_group(one)]
    varied += groups
    main = "" if "config-path" in line.options else _main(line)
    asked = composed(
        main if main in OF_COMMAND else command, conf, [one for one in overrides if one not in varied], main
    )
    if keys:
        pages = [explanation(key, asked, varied) for key in keys]
    elif asked.choices.get("hydra/help") != "default":
        return None
    else:
        chosen = [group for one in asked.overrides if is_group(group := one.partition("=")[0])]
        pages = [group_page(group, asked) for group in groups] + [option_page(group, asked) for group in chosen]
        pages = pages or [help_page(asked)]
    return printable("\n\n\n".join(pages), lines=True)
