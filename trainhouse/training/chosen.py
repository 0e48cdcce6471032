"""The hyperparameters that a run was started with on the command line, or that a sweep has given it."""

import re
from pathlib import Path
from typing import Any

from trainhouse.configuration.dotted import at
from trainhouse.configuration.settings import Train
from trainhouse.runs.description import Description, title_of
from trainhouse.runs.saved_config import as_yaml, started_with
from trainhouse.training.build_module import is_lightning_module

# What of the configuration decides what is learned; the other groups don't.
HYPERPARAMETERS = ("seed", "model", "optimizer", "scheduler", "loss", "data")
# What is typed and changes nothing that is learned: groups, and single keys.
_GROUPS_ELSEWHERE = ("hydra", "launcher", "logger", "metrics", "sweep")
_KEYS_ELSEWHERE = (
    *("figures", "log_gradients", "name", "notes", "outputs", "preflight", "resume", "tags", "threads"),
    *("trainer", "trainer.enable_progress_bar", "trainer.log_every_n_steps", "trainer.profiler"),
)

Plain = dict[str, Any]


def about(settings: Train, folder: Path) -> Description:
    """Return what the loggers show of a run."""
    return Description(
        title=title_of(folder),
        config=as_yaml(settings),
        chosen=chosen(settings, started_with(folder)),
        everything=hyperparameters(settings),
        tags=tuple(settings.tags or ()),
        notes=settings.notes,
    )


def hyperparameters(settings: Train) -> Plain:
    """Return what of the configuration decides what is learned."""
    plain = settings.plain
    unread = ("optimizer", "scheduler", "loss") if is_lightning_module(settings.model) else ()
    return {key: plain[key] for key in HYPERPARAMETERS if plain.get(key) and key not in unread}


def chosen(settings: Train, overrides: list[str]) -> Plain:
    """Return the values of the keys that the `overrides` set; the seed if there are none, so that the run has a line.

    Of a group it is the option, ``model: cnn``; numbers stay numbers, and lists are written as strings.
    """
    found: Plain = {}
    for line in overrides:
        key, separator, text = line.lstrip("+").partition("=")
        is_elsewhere = key in _KEYS_ELSEWHERE or re.split("[.@]", key)[0] in _GROUPS_ELSEWHERE
        if separator and not line.startswith("~") and not is_elsewhere:
            value = at(settings.plain, key)
            found[key] = text.strip("'\"") if value is None or isinstance(value, dict) else value
    found = found or {"seed": settings.seed}
    return {key: value if isinstance(value, (bool, int, float, str)) else str(value) for key, value in found.items()}
