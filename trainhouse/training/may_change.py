"""What a resumed run may take over from the command line."""

import json
from pathlib import Path
from typing import Any

from hydra.core.override_parser.types import Override
from omegaconf import OmegaConf

from trainhouse.configuration.bounded import read_yaml
from trainhouse.configuration.config import checked
from trainhouse.configuration.errors import UserError
from trainhouse.configuration.settings import MAY_BE_MISSING, MAY_CHANGE, marked
from trainhouse.runs.typed import shown_path
from trainhouse.sweeps.folder import is_of_the_sweep
from trainhouse.training.build_data import Config

# Nothing of these decides what a run has learned so far.
CHANGEABLE = marked(MAY_CHANGE)
MISSING_IN_OLDER = marked(MAY_BE_MISSING)
_MISSING = object()


def with_overrides(saved: Config, config: Config, given: list[Override], folder: Path) -> Config:
    """Return the run's configuration with the overrides that it can follow; the others are refused by name."""
    repeated = _original_overrides(folder)
    new = OmegaConf.create(saved)
    for override in given:
        key = override.key_or_group
        value, value_before = _at(config, key), _at(saved, key)
        is_group = value_before is _MISSING or isinstance(value_before, dict)
        if key == "resume" or is_of_the_sweep(key) or (is_group and override.input_line in repeated):
            continue
        if value is not _MISSING and value_before is not _MISSING and json.dumps(value) == json.dumps(value_before):
            continue  # as text: 1 batch is not 1.0, all of them
        if not _may_change(key, value) or override.is_delete():
            raise UserError(
                f"{key}: a resumed run keeps its own (resume={shown_path(folder)}); what it may change is "
                f"{', '.join(CHANGEABLE)}. For another {key} start a new run, with init_from= from these weights"
            )
        OmegaConf.update(new, key, value, merge=False, force_add=True)
    return checked(new)


def _may_change(key: str, value: Any) -> bool:
    """Whether a resumed run may have this value of a key."""
    turned_off = key == "callbacks.early_stopping" and value is None
    return turned_off or any(key == allowed or key.startswith(f"{allowed}.") for allowed in CHANGEABLE)


def may_have_changed(key: str, value: Any) -> bool:
    """Whether a run may have another value of a key than its checkpoint: typed at a resume, or filled in then."""
    return key in MISSING_IN_OLDER or _may_change(key, value)


def _original_overrides(folder: Path) -> list[str]:
    """The command line of the run's first start: repeating it changes nothing."""
    try:
        return [str(line) for line in read_yaml(folder / ".hydra" / "overrides.yaml") or ()]
    except (OSError, ValueError, TypeError):
        return []


def _at(config: Config, key: str) -> Any:
    node: Any = config
    for part in key.split("."):
        if not isinstance(node, dict) or part not in node:
            return _MISSING
        node = node[part]
    return node
