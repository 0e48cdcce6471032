"""Which rows are measured, and which of them a model knows: those say nothing of how it does on new ones."""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from trainhouse.arrays.datamodule import DataModule
from trainhouse.checkpoints.checkpoint import Checkpoint
from trainhouse.configuration.errors import UserError
from trainhouse.configuration.settings import Eval, Trainer
from trainhouse.training.build import build_trainer
from trainhouse.training.progress_bar import ProgressBar

_log = logging.getLogger(__name__)

_FEW = 0.01  # of many rows that are identical to others by chance


def check_trainer(trainer: Trainer, folder: Path, validates: bool = False) -> None:
    """Raise `UserError`, before any data is read, if the trainer can't measure each row once.

    It `validates` where a module's own validation is run, on which the limit of the test has no influence.
    """
    if trainer.get("barebones"):
        raise UserError("trainer.barebones: nothing is measured then; leave it out")
    if build_trainer(trainer, folder, [ProgressBar()], []).world_size > 1:
        raise UserError("trainer.devices: evaluation runs on one device, so that every row counts once")
    if trainer.limit_test_batches == 0 and not validates:
        raise UserError("trainer.limit_test_batches: leaves nothing to evaluate")


def measured_split(datamodule: DataModule, checkpoint: Checkpoint, settings: Eval) -> str:
    """Return the split to measure. Of data that the checkpoint was not trained on, only what has no split to leak."""
    trained_on = checkpoint.provenance["data_fingerprint"]
    asked: str = settings.split
    if datamodule.is_named(trained_on):
        return "test" if asked == "auto" else asked
    if not set(settings.data) - {"batch_size", "num_workers"}:
        key = "file" if "file" in checkpoint.config.data else "features"
        new = " (the same file too: rows that were trained on are left out)" if checkpoint.seen else ""
        raise UserError(
            f"{datamodule.source}: has changed since {checkpoint.path} was trained (fingerprint "
            f"{datamodule.fingerprint}, then {trained_on}), so its test rows may be ones that were trained on; "
            f"restore it, or give new data, as data.{key}=...{new}"
        )
    possible = "test" if datamodule.row_count("test") else "all"
    if asked not in ("auto", possible):
        raise UserError(f"split: of data other than the checkpoint's only '{possible}' can be measured, not '{asked}'")
    return possible


def say_and_leave_out_seen(datamodule: DataModule, members: Sequence[Checkpoint], split: str, settings: Eval) -> int:
    """Say what is measured, and leave out of other data what the models were trained or validated on; return how many.

    The test split of the data that they are of stays as it is: it is what training has measured.
    """
    which = "all of them" if split == "all" else f"its {split} split"
    if datamodule.beside[split].weights is not None:
        which += f", weighted by {datamodule.beside[split].key('weights')}"
    _log.info("data    %s (%d rows, %s)", datamodule.source, datamodule.row_count(split), which)
    is_other = not datamodule.is_named(members[0].provenance["data_fingerprint"])
    left_out = 0
    if is_other or split == "test":
        left_out = _leave_out_what_was_seen(datamodule, members, split, is_other and settings.split == "auto")
    datamodule.say_far_numbers(split)
    _log.info("")
    return left_out


def _leave_out_what_was_seen(datamodule: DataModule, members: Sequence[Checkpoint], split: str, may: bool) -> int:
    """Leave out rows that the model was trained or validated on: a file that has grown holds the old ones too.

    Returns how many.

    Unless the user asks for all of them by name, so that it may not, or nobody can tell such rows from new ones.
    """
    known = [member.seen for member in members if member.seen]
    if not known:
        return 0
    which = np.any(
        [one.seen.known(datamodule.names_of_all(split, one.data_spec)) for one in members if one.seen], axis=0
    )
    count, total, source = int(which.sum()), len(which), datamodule.source
    if not count:
        return 0
    repeat = any(seen.repeats for seen in known)
    share = min(1.0, count / total * max(seen.total / len(seen.names) for seen in known))  # where only some are named
    is_exact = all(seen.is_complete for seen in known)
    if not may or repeat or count == total or (share < _FEW and not is_exact):
        number = str(count) if is_exact else f"about {share:.1%}"
        _log.warning("warning: %s", _identical_line(number, repeat))
        return 0
    if not is_exact:
        raise UserError(
            f"split: the model was trained or validated on about {share:.0%} of the rows of {source}; give new ones "
            f"only, or measure all of them with split={split}"
        )
    datamodule.leave_out(split, which)
    _log.info("        %d of them left out: the model was trained or validated on them", count)
    _log.info("        split=%s measures all of them", split)
    return count


def _identical_line(number: str, repeat: bool) -> str:
    are, they = ("is identical to a row", "it") if number == "1" else ("are identical to rows", "they")
    why = f"; rows of its data repeat, so {they} may be new all the same" if repeat else ""
    return f"{number} of these rows {are} that it was trained or validated on{why}"
