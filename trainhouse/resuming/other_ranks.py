"""A run that is resumed with another number of ranks than it was stopped with.

Ranks take the rows of an epoch in turns, whatever their number: as long as a step has as many rows, it has the same
ones, at the same place of the epoch. That holds for array data, and for loaders whose samplers torch or Lightning has
made. Of others nobody knows which rows the rest of the epoch would be, so their run continues with the next epoch.
"""

from typing import Any, NamedTuple

import lightning as L

from trainhouse.arrays.datamodule import DataModule
from trainhouse.resuming.trainer_parts import datamodule_of

Saved = dict[str, Any]


class Change(NamedTuple):
    """What was saved, as the ranks that there are now take it up."""

    saved: Saved
    reason: str
    """Why the run isn't the one that it would have been."""


def processes(number: int) -> str:
    """Return so many processes in words."""
    return "1 process" if number == 1 else f"{number} processes"


def change_of_ranks(saved: Saved, trainer: L.Trainer) -> Change | None:
    """Return what a run of another number of ranks has saved as those of `trainer` take it up; None if it is the same.

    Its key ``keeps_order`` says whether they know which rows the rest of the epoch is.
    """
    before, now = saved.get("ranks"), trainer.world_size
    if not isinstance(before, int) or before == now:
        return None
    data, keeps_order, keeps_step = _of_ranks(saved.get("data", {}), now)
    datamodule, rows_left_out, more = datamodule_of(trainer), 0, ", rows repeated to make shares equal"
    if isinstance(datamodule, DataModule):
        keeps_order, keeps_step, more = datamodule.blocks is None, True, ""
        if keeps_order and saved.get("rows"):
            rows_left_out = saved["rows"] - datamodule.train_batches().trained_rows
    reason = (
        f"it had {processes(before)} and goes on with {now} from epoch {saved['epoch'] + 1}, batch {saved['batch']} on"
    )
    if rows_left_out:
        reason += f"; {rows_left_out} of the {saved['rows']} rows of an epoch are left out, other ones each time"
    elif keeps_order:
        reason += ", equal up to rounding but for what each does by itself (dropout, augmentation, batch normalisation"
        reason += f"{more})"
    else:
        is_left_out = saved["batch"] and not saved.get("is_last")
        reason += f"; {'the rest of that epoch is left out, and ' if is_left_out else ''}rows come in another order"
    if not keeps_step:
        reason += "; its loaders keep their batch size, so a step has another number of rows"
    return Change({**saved, "data": data, "first_batch": [], "keeps_order": keeps_order}, reason)


def ends_epoch(saved: Saved, trainer: L.Trainer) -> bool:
    """Whether what is left of the epoch is to be left out, as it is not known or, of other ranks, no whole batch."""
    if "keeps_order" not in saved or not saved["batch"] or saved.get("is_last"):
        return False
    return not saved["keeps_order"] or saved["batch"] >= trainer.num_training_batches


def _of_ranks(data: Saved, ranks: int) -> tuple[Saved, bool, bool]:
    """Return where loaders are, for other ranks; whether rows keep their order, and steps their number of rows."""
    train = data.get("train", {})
    loaders = train.get("loaders", [])
    steps = [one.get("step", (None, "")) for one in loaders]
    keeps_step = bool(steps) and all(rows and rows % ranks == 0 for rows, _ in steps)
    keeps_order = keeps_step and all(order for _, order in steps)
    places = [{**one, "digest": None} for one in loaders] if keeps_order else []
    return {**data, "train": {**train, "loaders": places, "steps": steps}} if train else data, keeps_order, keeps_step
