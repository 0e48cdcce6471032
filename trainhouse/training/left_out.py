"""Which callbacks of the configuration a run goes without: other bars than the chosen one, those of what is off."""

import inspect

from lightning.pytorch.callbacks import Callback, Checkpoint, RichProgressBar, TQDMProgressBar
from lightning.pytorch.callbacks import ProgressBar as AnyProgressBar

from trainhouse.configuration.create import located
from trainhouse.configuration.errors import UserError
from trainhouse.configuration.settings import Train, Trainer
from trainhouse.machine.terminal import draws_bars
from trainhouse.training.progress_bar import BarsOff, ProgressBar

_DRAWN_OVER_AND_OVER = (TQDMProgressBar, RichProgressBar)


def left_out(settings: Train) -> set[str]:
    """Return the names of the callbacks that are not built. Raises `UserError` for two progress bars.

    Without a `monitor` there is no best and no early stopping: those that ask for it are left out.
    """
    kinds: dict[str, type] = {}
    for name, part in settings.callbacks.items():
        found = located(part, f"callbacks.{name}") if "_target_" in part else None
        if inspect.isclass(found) and issubclass(found, Callback):
            kinds[name] = found
    is_bare = bool(settings.trainer.get("barebones"))
    without = _bars(kinds, settings.trainer.get("enable_progress_bar") is not False and not is_bare)
    if is_bare or settings.trainer.get("enable_checkpointing") is False:
        without |= {name for name, kind in kinds.items() if issubclass(kind, Checkpoint)}
    if settings.monitor is None:
        parts = settings.callbacks.items()
        without |= {name for name, part in parts if "monitor" in part and part.get("monitor") is None}
    return without


def bars_off(trainer: Trainer) -> list[Callback]:
    """Return what turns off bars that no configuration names, where none is to be drawn."""
    if trainer.get("enable_progress_bar") is False:
        return [BarsOff(AnyProgressBar)]
    return [] if draws_bars() else [BarsOff(*_DRAWN_OVER_AND_OVER)]


def _bars(kinds: dict[str, type], is_on: bool) -> set[str]:
    """Return the names of bars that are not drawn: all but one, and that one too where nothing can be drawn again."""
    bars = [name for name, kind in kinds.items() if issubclass(kind, AnyProgressBar)]
    others = [name for name in bars if kinds[name] is not ProgressBar]
    wanted = others or bars
    if len(wanted) > 1:
        named = " and ".join(f"callbacks.{name}" for name in wanted)
        raise UserError(f"callbacks: {named} are progress bars, and a terminal shows one; leave one out")
    if not is_on or (any(issubclass(kinds[name], _DRAWN_OVER_AND_OVER) for name in wanted) and not draws_bars()):
        return {*bars}
    return {*bars} - {*wanted}
