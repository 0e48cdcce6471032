"""Objects among the names of files in a list: ``metrics=[acc,{_target_: torchmetrics.AUROC, average: weighted}]``.

Hydra's lists of a group hold names alone; an object is a key that is added, under a name of its own.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException

from trainhouse.configuration.errors import UserError
from trainhouse.launching.mappings import written

_GROUPS = ("metrics",)
_NOT_IN_NAMES = ("_target_", "splits", "mode")


def with_objects_named(overrides: Sequence[str]) -> list[str]:
    """Return overrides with ``metrics=[acc] +metrics.auroc_average_weighted={...}`` in place of such a list.

    The name is that of the class with its arguments, unless a mapping gives one: ``[acc,{weighted: {_target_: ...}}]``.
    Raises `UserError` for a mapping that is no object, and for one whose name is taken or would be too long.
    """
    return [one for override in overrides for one in _apart(override)]


def _apart(override: str) -> Iterator[str]:
    group, _, text = override.partition("=")
    if group not in _GROUPS or not re.match(r"\[.*{.*]$", text, re.DOTALL):
        yield override
        return
    try:
        listed = OverridesParser.create().parse_override(override).value()
    except HydraException:  # which Hydra says, in its place
        listed = None
    if not isinstance(listed, list):
        yield override
        return
    yield f"{group}=[{','.join(written(one) for one in listed if not isinstance(one, dict))}]"
    taken = {one for one in listed if isinstance(one, str)}
    for part in (one for one in listed if isinstance(one, dict)):
        name, arguments = _named(group, part)
        if name in taken:
            raise UserError(f"{group}: {name} stands twice in the list; give one a name: {{my_name: {_short(part)}}}")
        taken.add(name)
        yield f"+{group}.{name}={written(arguments)}"


def _named(group: str, part: dict[Any, Any]) -> tuple[str, dict[Any, Any]]:
    """Return the name of an entry, and its `_target_` with arguments."""
    if "_target_" not in part:
        (name, inner), *others = part.items() or [("", None)]
        if others or not isinstance(inner, dict) or "_target_" not in inner:
            raise UserError(f"{group}: {written(part)} lacks _target_; an object is written as {{_target_: a.Class}}")
        if not re.fullmatch(r"[A-Za-z]\w*", str(name), re.ASCII):
            raise UserError(f"{group}: {name!r} is no name; it begins with a letter and has letters, digits and _")
        return str(name), inner
    kind = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", str(part["_target_"]).rpartition(".")[2])
    arguments = [f"{name}_{value}" for name, value in part.items() if name not in _NOT_IN_NAMES]
    text = re.sub(r"-(?=\d)", "minus_", "_".join([kind, *arguments]).lower())
    name = re.sub(r"\W+", "_", text, flags=re.ASCII).strip("_")
    if any(isinstance(value, dict) for value in part.values()) or len(name) > 60:
        raise UserError(f"{group}: an object with so many arguments needs a name: {{my_name: {_short(part)}}}")
    return name, part


def _short(part: dict[Any, Any]) -> str:
    return f"{{_target_: {part.get('_target_', '...')}, ...}}"
