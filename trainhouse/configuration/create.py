"""Builds what a configuration names: the only module that calls Hydra's `instantiate`.

The names and types of the arguments are checked first, so that a mistake is reported with its config key and
before anything expensive.
"""

import re
from collections.abc import Container
from typing import Any

from hydra.errors import InstantiationException
from hydra.utils import instantiate

from trainhouse.configuration.check_arguments import check_arguments
from trainhouse.configuration.errors import OF_LIGHTNING, UserError
from trainhouse.configuration.hydra_versions import allowed
from trainhouse.configuration.old_names import with_current_names
from trainhouse.configuration.targets import locate
from trainhouse.configuration.views import Part, targets_in


def create(part: Part, key: str, *, later: tuple[str, ...] = (), **arguments: Any) -> Any:
    """Build what `part` names; `arguments` come from the program, the rest from the part.

    What is built in part gets its arguments named `later` afterwards. Raises `UserError` naming `key` for an
    unknown, missing or ill-typed argument, and for a `ValueError` of the object itself.
    """
    found = located(part, key)
    partial = bool(part.get("_partial_"))
    check_arguments(found, part, key, {*arguments, *(later if partial else ())}, complete=not partial)
    current = {**with_current_names(part.plain), "_partial_": True}
    with allowed([*targets_in(current)]):  # `locate` has refused what may not be called
        try:
            make = instantiate(current, _convert_="all")
        except InstantiationException as error:  # of an argument that is built itself
            cause, inner = error.__cause__, re.search(r"full_key: (\S+)", str(error))
            if inner is None or not isinstance(cause, Exception) or not _is_refusal(cause):
                raise
            raise UserError(refusal_line(cause, f"{key}.{inner[1]}", ())) from error
    if partial:
        return make
    try:
        return make(**arguments)
    except Exception as error:
        if not _is_refusal(error):
            raise
        raise UserError(refusal_line(error, key, part.plain)) from error


def _is_refusal(error: Exception) -> bool:
    # The last is Lightning's, which is not imported here.
    return isinstance(error, (ValueError, TypeError, ImportError)) or type(error).__name__ == OF_LIGHTNING


def refusal_line(error: Exception, key: str, arguments: Container[str]) -> str:
    """Return what an object of the configuration says is wrong, with the key of the argument that it begins with."""
    text = " ".join(str(error).split())
    return f"{key}.{text}" if text.partition(":")[0] in arguments else f"{key}: {text}"


def located(part: Part, key: str) -> Any:
    """Return what `part` names. Raises `UserError` if it names nothing that there is."""
    if not part.is_mapping:
        raise UserError(f"{key}: expected a mapping with _target_, or null, got {part.plain!r}")
    return locate(part.get("_target_"), key)
