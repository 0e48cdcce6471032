"""The hyperparameters that a run was started with on the command line, or that a sweep has given it."""

from pathlib import Path
from typing import Any

from trainhouse.configuration.dotted import at
from trainhouse.configuration.not_learned import is_learned_from
from trainhouse.configuration.settings import Train
from trainhouse.runs.description import Description, title_of
from trainhouse.runs.saved_config import as_yaml, started_with
from trainhouse.training.build_module import is_lightning_module

# What of the configuration decides what is learned; the other groups don't.
_HYPERPARAMETERS = ("seed", "model", "module", "freeze", "init_from", "optimizer", "scheduler", "loss", "data")
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
    unread = ("module", "optimizer", "scheduler", "loss") if is_lightning_module(settings.model) else ()
    return {key: plain[key] for key in _HYPERPARAMETERS if plain.get(key) and key not in unread}


def chosen(settings: Train, overrides: list[str]) -> Plain:
    """Return the values of the keys that the `overrides` set; the seed if there are none, so that the run has a line.

    Of a group it is the option, ``model: cnn``; numbers stay numbers, and lists are written as strings.
    """
    found: Plain = {}
    for line in overrides:
        key, separator, text = line.lstrip("+").partition("=")
        # Of the trainer's options most say where it trains.
        if separator and not line.startswith("~") and is_learned_from(key) and key != "trainer":
            value = at(settings.plain, key)
            found[key] = text.strip("'\"") if value is None or isinstance(value, dict) else value
    found = found or {"seed": settings.seed}
    return {key: value if isinstance(value, (bool, int, float, str)) else str(value) for key, value in found.items()}
