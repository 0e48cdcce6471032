"""What a resumed run may take over from the command line."""

import json
from pathlib import Path

from hydra.core.override_parser.types import Override
from omegaconf import OmegaConf

from trainhouse.configuration.config import checked
from trainhouse.configuration.dotted import at
from trainhouse.configuration.errors import UserError
from trainhouse.configuration.kept_on_resume import kept_line, may_change
from trainhouse.configuration.settings import Train
from trainhouse.runs.saved_config import started_with
from trainhouse.runs.typed import shown_path
from trainhouse.sweeps.folder import is_of_the_sweep

_MISSING = object()


def with_overrides(saved: Train, settings: Train, given: list[Override], folder: Path) -> Train:
    """Return the run's configuration with the overrides that it can follow; the others are refused by name."""
    repeated = started_with(folder)
    new = OmegaConf.create(saved.plain)
    for override in given:
        key = override.key_or_group
        value, value_before = at(settings.plain, key, _MISSING), at(saved.plain, key, _MISSING)
        is_group = value_before is _MISSING or isinstance(value_before, dict)
        if key == "resume" or is_of_the_sweep(key) or (is_group and override.input_line in repeated):
            continue
        if key == "data.batch_size" and override.input_line in repeated:
            continue  # that of a process, of which there may be another number since
        if value is not _MISSING and value_before is not _MISSING and json.dumps(value) == json.dumps(value_before):
            continue  # as text: 1 batch is not 1.0, all of them
        if not may_change(key, value) or override.is_delete():
            raise UserError(kept_line(key, shown_path(folder)))
        OmegaConf.update(new, key, value, merge=False, force_add=True)
    return checked(new)
