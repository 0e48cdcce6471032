"""The checkpoint that a run is resumed from."""

import logging
from pathlib import Path

from trainhouse.checkpoints.checkpoint import RECORD, read
from trainhouse.configuration.errors import UserError
from trainhouse.resuming.why_not_exact import IN_STEP

_log = logging.getLogger(__name__)


def _position(path: Path) -> tuple[int, int, bool, bool]:
    """Return the epoch and the batch that a checkpoint stands at, and whether the validation there is done.

    The last says whether it was written between steps, as it should be.
    """
    content = read(path, lazily=True)
    callbacks, origin = content.get("callbacks"), content[RECORD].get("provenance")
    state = callbacks.get("ExactResume") if isinstance(callbacks, dict) else None
    if not isinstance(state, dict) or not isinstance(origin, dict):
        raise UserError(f"{path}: no run can be resumed from it")
    numbers = {"epoch": state.get("epoch"), "batch": state.get("batch"), "global_step": content.get("global_step")}
    for key, value in numbers.items():
        if type(value) is not int or value < 0:
            raise UserError(f"{path}: no run can be resumed from it ({key} is {value!r:.40})")
    if not isinstance(state.get("validation"), str | None) or not isinstance(origin.get("data_fingerprint"), str):
        raise UserError(f"{path}: no run can be resumed from it")
    reasons = state.get("reasons")
    is_between_steps = not isinstance(reasons, list) or IN_STEP not in reasons
    return state["epoch"], state["batch"], state.get("validation") != "due", is_between_steps


def newest_checkpoint(folder: Path) -> Path | None:
    """Return the checkpoint that got furthest and can be read whole; says which are damaged.

    Raises `UserError` if there are some and none can be read, or a folder has the name of one.
    """
    positions = {}
    for path in folder.glob("*.ckpt"):
        if path.is_dir():  # in whose place the run could not write
            raise UserError(f"{path}: is a folder, not a checkpoint file; move it away")
        try:
            positions[path] = (*_position(path), path.stat().st_mtime_ns)
        except (UserError, OSError) as error:
            _log.warning("warning: %s; going on without it", error)
    for path in sorted(positions, key=lambda path: positions[path], reverse=True):
        try:
            read(path)
        except UserError as error:
            _log.warning("warning: %s; going back to the one before", error)
        else:
            return path
    if any(folder.glob("*.ckpt")):
        raise UserError(f"{folder}: none of its checkpoints can be read; start a new run")
    return None
