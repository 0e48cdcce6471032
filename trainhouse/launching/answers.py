"""Answers what is asked instead of run: ``--help``, ``--help model=cnn``, ``explain=optimizer.lr``."""

from pathlib import Path

from trainhouse.configuration.errors import UserError
from trainhouse.launching.foreign_config import parser


def answer(arguments: list[str], conf: Path, command: str) -> str | None:
    """Return what is to be printed for a command line, None if it asks for nothing, or for what Hydra answers itself.

    Hydra answers for configuration that lies elsewhere, and where conf/ has chosen a page of its own (hydra/help).
    Raises what composing raises, and `UserError` for a key that isn't there, or that is asked for of other files.
    """
    parsed, _ = parser().parse_known_args(arguments)
    keys = [one.partition("=")[2] for one in parsed.overrides if one.startswith("explain=")]
    elsewhere = parsed.config_path or parsed.config_name or parsed.config_dir
    if keys and elsewhere:
        raise UserError(
            "explain=: only for the project's own conf/, without --config-path, --config-name, --config-dir"
        )
    if elsewhere or not (parsed.help or keys):
        return None
    overrides = [one for one in parsed.overrides if not one.startswith("explain=")]
    return _answered(keys, overrides, conf, command, parsed.multirun)


def _answered(keys: list[str], overrides: list[str], conf: Path, command: str, is_sweep: bool) -> str | None:
    from trainhouse.configuration.printable import printable
    from trainhouse.configuration.schema import is_group
    from trainhouse.launching.below_swept import varies
    from trainhouse.launching.composed import composed
    from trainhouse.launching.explanation import explanation
    from trainhouse.launching.help_page import help_page
    from trainhouse.launching.option_page import option_page

    # What varies from job to job has no value here.
    varied = [one for one in overrides if is_sweep and varies(one)]
    asked = composed(command, conf, [one for one in overrides if one not in varied])
    if keys:
        pages = [explanation(key, asked, varied) for key in keys]
    elif asked.choices.get("hydra/help") != "default":
        return None
    else:
        chosen = [group for one in asked.overrides if is_group(group := one.partition("=")[0])]
        pages = [option_page(group, asked) for group in chosen] or [help_page(asked)]
    return printable("\n\n\n".join(pages), lines=True)
