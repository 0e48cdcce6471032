"""Whether a run's `config.yaml` is what its checkpoint was trained with: it may have been edited in between.

Another split would train on rows that were tested on, another learning rate be written into new checkpoints though the
optimizer keeps its own: so the run is refused, with the keys.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from trainhouse.checkpoints.checkpoint import RECORD, read
from trainhouse.configuration.dotted import at
from trainhouse.configuration.errors import UserError
from trainhouse.configuration.older_versions import with_reader_complete, with_what_it_lacks
from trainhouse.configuration.settings import Train
from trainhouse.machine.signing import is_signed
from trainhouse.runs.typed import as_override, shown_path
from trainhouse.training.same_step import is_same_step, ranks_of

Content = dict[str, Any]  # of a file: it may hold anything

_NOT_LEARNED_FROM = ("resume", "sweep")  # where a run was resumed from, and what jobs are compared by
_MOST_NAMED = 5


def is_still_own(saved: Content, checkpoint: Path, may_change: Callable[[str, Any], bool]) -> bool:
    """Whether this user account has trained `checkpoint`, from which `saved` differs in values that may change only."""
    trained, signed = _record(checkpoint)
    if not is_signed(trained, signed.get("config")):
        return False
    trained = _with_batch_size(trained, saved, checkpoint)
    return all(
        may_change(key, at(saved, key)) and not key.startswith(("callbacks", "logger"))
        for key, _, _ in _differing(saved, trained, "")
    )


def unedited_data(saved: Content, checkpoint: Path) -> list[str]:
    """Return the keys of a run's `data` that are as this user account has trained `checkpoint` with.

    A configuration that was edited is not signed any more; but its paths are still those of the run.
    """
    trained, signed = _record(checkpoint)
    data = trained.get("data")
    if not isinstance(data, dict) or not is_signed(data, signed.get("data")):
        return []
    now = saved.get("data")
    return [f"data.{key}" for key, value in data.items() if isinstance(now, dict) and now.get(key) == value]


def refuse_edited(saved: Train, path: Path, checkpoint: Path, may_change: Callable[[str, Any], bool]) -> None:
    """Raise `UserError` that names the keys of `saved`, read from `path`, that are not those of `checkpoint`.

    Those that `may_change`, given key and value, are as the command line left them when the run was last resumed.
    """
    trained, _ = _record(checkpoint)
    if not trained:
        raise UserError(f"{checkpoint}: does not say which configuration it was trained with")
    trained = with_what_it_lacks(trained)
    if isinstance(trained.get("data"), dict):
        trained["data"] = with_reader_complete(trained["data"])
    trained = _with_batch_size(trained, saved.plain, checkpoint)
    try:
        found = [
            f"{key} is {now}, not {then}"
            for key, now, then in _differing(saved.plain, trained, "")
            if not may_change(key, at(saved.plain, key))
        ]
    except (TypeError, ValueError, RecursionError) as error:
        raise UserError(f"{checkpoint}: its configuration is not plain data ({type(error).__name__})") from error
    if not found:
        return
    more = f", and {len(found) - _MOST_NAMED} more" if len(found) > _MOST_NAMED else ""
    raise UserError(
        f"{shown_path(path)}: was edited after the run had begun: {', '.join(found[:_MOST_NAMED])}{more} as in "
        f"{checkpoint.name}; put it back, or start a new run with {as_override('init_from', checkpoint)}"
    )


def _with_batch_size(trained: Content, saved: Content, checkpoint: Path) -> Content:
    """Return what a checkpoint was trained with, with the batch size of a run that was resumed by other processes."""
    if not is_same_step(saved, trained, ranks_of(checkpoint)):
        return trained
    return {**trained, "data": {**trained["data"], "batch_size": saved["data"]["batch_size"]}}


def _record(checkpoint: Path) -> tuple[Content, Content]:
    """Return the configuration that a checkpoint was trained with, and its signatures."""
    record = read(checkpoint, lazily=True).get(RECORD)
    found = [record.get(key) if isinstance(record, dict) else None for key in ("config", "signatures")]
    trained, signed = (one if isinstance(one, dict) else {} for one in found)
    return trained, signed


def _differing(now: Any, then: Any, key: str) -> Iterator[tuple[str, str, str]]:
    """Yield the keys that differ, with both values as JSON: 1 batch is not 1.0, all of them. Missing is as null."""
    if key in _NOT_LEARNED_FROM:
        return
    if isinstance(now, dict) and isinstance(then, dict):
        for name in [*now, *(name for name in then if name not in now)]:
            below = f"{key}.{name}" if key else str(name)
            yield from _differing(now.get(name), then.get(name), below)
    elif (text := json.dumps(now)) != (other := json.dumps(then)):
        yield key, text, other
