"""``~/`` at the beginning of a path: shells expand it in some places only, and Hydra's grammar does not know it."""

import re
from collections.abc import Sequence
from pathlib import Path

from trainhouse.configuration.errors import UserError


def expanded(text: str, key: str) -> str:
    """Return a path with the home folder in place of its ``~``. Raises `UserError` naming `key` if nobody knows it."""
    if text != "~" and not text.startswith("~/"):
        return text
    try:
        return str(Path(text).expanduser())
    except RuntimeError as error:
        raise UserError(f"{key}: {text} can't be expanded: the home folder is not known; write it out") from error


def with_home(arguments: Sequence[str]) -> list[str]:
    """Return a command's arguments with the home folder in ``data.file=~/x.csv``, unless something there is in quotes.

    A home folder that would need quotes itself is left to whoever reads the argument. A `name` is no path.
    """
    home = expanded("~", "HOME") if any("~/" in one for one in arguments) else ""
    if not re.fullmatch(r"[\w./-]+", home, re.ASCII):
        return list(arguments)
    left = [bool(set(one) & set("'\"")) or one.startswith("name=") for one in arguments]
    changed = [re.sub(r"(?<=[=,\[])~(?=/)", home, one) for one in arguments]
    return [one if is_left else new for one, new, is_left in zip(arguments, changed, left, strict=True)]
