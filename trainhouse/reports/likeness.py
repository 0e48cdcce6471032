"""Whether two runs can be ranked: on the same rows, cut alike, by a value that means the same in both.

A metric such as accuracy is the same whatever was learned by; a loss is what the configuration says it is.
"""

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from trainhouse.configuration.bounded import read_yaml
from trainhouse.configuration.errors import UserError
from trainhouse.configuration.older_versions import MODULE, loss_record, with_loss_as_part, with_loss_record_as_part
from trainhouse.configuration.settings import Train
from trainhouse.configuration.views import Part
from trainhouse.reports.names import measure_of, split_of
from trainhouse.runs.layout import CONFIG

REPEATS = ("seed", "data.split_seed", "data.fold")
"""What says which rows or which luck a run had, and nothing of how well its configuration learns."""

# What beside chance says which rows are where, and what they count: each with its short name.
_SPLIT_BY = {
    "split_column": "split",
    "splits": "split",
    "group_column": "group",
    "groups": "group",
    "time_column": "time",
    "times": "time",
    "weight_column": "weight",
    "weights": "weight",
    "val_file": "val",
    "test_file": "test",
}
SPLIT_BY = tuple(_SPLIT_BY)
_BY = "-by-"

Plain = Mapping[str, Any]
_OWN = "own module"


def data_key(fingerprint: str, split: Plain | None) -> str:
    """Name the rows and their split. A DataModule of the user's own splits by itself."""
    key = cut_key(fingerprint, split)
    return key if split is None else f"{key}/{split['split_seed']}"


def cut_key(fingerprint: str, split: Plain | None) -> str:
    """Name the rows and how many are in which split: runs that share it are repeats, if they have different rows there.

    The folds of one cut have the same test rows, and validate on all others between them.
    """
    if split is None:
        return str(fingerprint)[:16]
    train, val, test = split["split"]
    named = [f"{short}.{_plain(split[key])}" for key, short in _SPLIT_BY.items() if split.get(key) is not None]
    by = f"{_BY}{'-'.join(named)}" if named else ""
    if split.get("fold") is None:  # runs from before there were folds say nothing of them
        return f"{fingerprint[:8]}/{train:g}-{val:g}-{test:g}{by}"
    return f"{fingerprint[:8]}/{1 - test:g}-{test:g}{by}/{split['folds']:d}-fold"


def _plain(name: object) -> str:
    """Return the name of a column or a file as it can be typed anywhere."""
    return re.sub(r"[^\w.]+", "_", Path(str(name)).name)[:40]


def split_by(cut: str) -> str:
    """Return what of a cut is not chance: ``group.user``."""
    return cut.partition(_BY)[2]


def split_of_data(data: Part) -> dict[str, Any]:
    """Return, as plain data, what says which rows of arrays are where."""
    chance = {key: data.plain[key] for key in ("split", "split_seed", "fold", "folds")}
    return chance | {key: data.plain[key] for key in SPLIT_BY if data.get(key) is not None}


def loss_of(settings: Train, is_own: bool) -> dict[str, Any]:
    """Return, as plain data, what decides the meaning of a run's losses.

    It is the module around a plain network and the `loss` group; or a LightningModule that `is_own`, with those of its
    arguments whose names speak of a loss.
    """
    if is_own:
        options = {name: value for name, value in settings.model.plain.items() if "loss" in name or "smoothing" in name}
        return {_OWN: settings.model.target, **options}
    module = settings.module or Part(MODULE)
    return {"module": module.target, **loss_record(settings.loss.plain)}


def loss_in(folder: Path) -> dict[str, Any] | None:
    """Return what decides the losses of a run whose `metrics.json` is too old to say it; None if unknown."""
    try:
        settings = Train(with_loss_as_part(read_yaml(folder / CONFIG)))
        return {key: _flat(value) for key, value in loss_of(settings, is_own=False).items()}
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None


def _flat(value: Any) -> Any:
    """Of a value in YAML, where a few references can stand for billions of values, what is no deeper than a list."""
    values = value if isinstance(value, list) else [value]
    return value if all(one is None or isinstance(one, (str, int, float)) for one in values) else type(value).__name__


def is_loss(metric: str) -> bool:
    """Whether a metric is a loss by its name, as ``val/loss`` or ``val_loss_generator``."""
    return "loss" in measure_of(metric).lower()


def difference(losses: Iterable[Plain | None]) -> str | None:
    """Say in what the `losses` differ, as ``loss=huber, mse``; None if they are the same, as far as is known."""
    current = [with_loss_record_as_part({**loss}) for loss in losses if loss is not None]
    known = {json.dumps(loss, sort_keys=True): loss for loss in current}
    if len(known) < 2:
        return None
    found = []
    for key in sorted({key for loss in known.values() for key in loss}):
        values = sorted({_shown(key, loss[key]) if key in loss else "none" for loss in known.values()})
        if len(values) > 1:
            found.append(f"{key}={', '.join(values)}")
    return "; ".join(found)


def are_own(losses: Iterable[Plain | None]) -> bool:
    """Whether all are losses of modules of the user's own: only the user knows whether they measure the same."""
    return all(loss is None or _OWN in loss for loss in losses)


def refuse_unlike(key: str, metric: str, losses: Iterable[Plain | None], better: Mapping[str, str]) -> None:
    """Raise `UserError` naming `key` if `metric` is a loss and the `losses` of what is compared differ.

    `better` has the metrics that all of them share, each with its better end.
    """
    losses = list(losses)
    differs = difference(losses) if is_loss(metric) else None
    if differs is None:
        return
    mode = key.replace("metric", "mode")
    shared = [name for name in better if not is_loss(name) and split_of(name) != "train"]
    shared.sort(key=lambda name: split_of(name) != split_of(metric))  # what is of the same split first
    names = f"as {key}={shared[0]} {mode}={better[shared[0]]} (there are: {', '.join(shared)})" if shared else ""
    unless = f"; if it is the same to you, {key}={metric} says so" if are_own(losses) else ""
    raise UserError(
        f"{key}: {metric} is not the same measure everywhere ({differs}), so its values can't be ranked; name a metric "
        f"that is{', ' if names else ''}{names or f' with {key}=... {mode}=...'}{unless}"
    )


def _shown(key: str, value: Any) -> str:
    if not isinstance(value, str):
        return json.dumps(value)
    return value.rpartition(".")[2] if key == "loss" else value
