"""Answers what is asked instead of run: ``--help``, ``--help model=cnn``, ``explain=optimizer.lr``."""

from pathlib import Path

from trainhouse.configuration.printable import printable
from trainhouse.configuration.schema import is_group
from trainhouse.launching.below_swept import varies
from trainhouse.launching.composed import composed
from trainhouse.launching.explanation import explanation
from trainhouse.launching.foreign_config import parser
from trainhouse.launching.help_page import help_page
from trainhouse.launching.option_page import option_page


def answer(arguments: list[str], conf: Path, command: str) -> str | None:
    """Return what is to be printed for a command line, None if it asks for nothing, or for what Hydra answers itself.

    Hydra answers for configuration that lies elsewhere, and where conf/ has chosen a page of its own (hydra/help).
    Raises what composing raises, and `UserError` for a key that isn't there.
    """
    parsed, _ = parser().parse_known_args(arguments)
    keys = [one.partition("=")[2] for one in parsed.overrides if one.startswith("explain=")]
    elsewhere = parsed.config_path or parsed.config_name or parsed.config_dir
    if elsewhere or not (parsed.help or keys):
        return None
    # What varies from job to job has no value here.
    overrides = [
        one for one in parsed.overrides if not one.startswith("explain=") and not (parsed.multirun and varies(one))
    ]
    asked = composed(command, conf, overrides)
    if keys:
        pages = [explanation(key, asked) for key in keys]
    elif asked.choices.get("hydra/help") != "default":
        return None
    else:
        chosen = [one.partition("=")[0] for one in overrides if is_group(one.partition("=")[0])]
        pages = [option_page(group, asked) for group in chosen] or [help_page(asked)]
    return printable("\n\n\n".join(pages), lines=True)
