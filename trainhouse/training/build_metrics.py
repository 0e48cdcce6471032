"""From the `metrics` group to the metrics of each split, with sizes that come from the data."""

import inspect
import warnings
from collections.abc import Mapping
from typing import Any

from torchmetrics import Metric, MetricCollection, classification

from trainhouse.arrays.spec import DataSpec
from trainhouse.configuration.check_arguments import check_arguments, parameters_of
from trainhouse.configuration.create import create, located
from trainhouse.configuration.errors import UserError, did_you_mean
from trainhouse.configuration.views import Part, Parts
from trainhouse.training.build_loss import asked_for, refuse_other_task, required
from trainhouse.training.metric_inputs import fed

SPLITS = ("train", "val", "test")
_DEFAULT = ["val", "test"]
_OWN_KEYS = ("splits", "mode")  # of the file of a metric; the others are arguments
# The packages whose metrics are of one task.
_OF_TORCHMETRICS = {"torchmetrics.classification": "classification", "torchmetrics.regression": "regression"}
_SIZES = {
    "classification": ["num_classes"],
    "regression": ["num_outputs"],
    "multilabel": ["num_labels", "num_outputs"],
}

Chosen = dict[str, dict[str, Metric]]


def build_metrics(metrics: Parts, spec: DataSpec) -> Chosen:
    """Return the metrics of train, val and test, each under its name; one that has a key of its own goes first.

    Raises `UserError` for one of another task, and for what its constructor refuses.
    """
    if not isinstance(metrics.plain, dict):
        raise UserError(f"metrics: expected a mapping of names, got {metrics.plain!r}")
    chosen: Chosen = {}
    for split in SPLITS:
        single: dict[str, Metric] = {}
        several: dict[str, Metric] = {}
        for name, part in metrics.items():
            if split in _splits_of(name, part):
                built = _build(name, part, split, spec)
                (single if [*built] == [name] else several).update(built)
        _refuse_twice(single, several)
        chosen[split] = {**several, **single}
    return chosen


def _refuse_twice(single: Mapping[str, Metric], several: Mapping[str, Metric]) -> None:
    """Raise `UserError` for a metric whose name another has for one of its values."""
    for name, other in several.items():
        for twice in single.keys() & set(getattr(other, "names", ())) - {name}:
            raise UserError(f"metrics.{twice}: {name} measures that already; leave it out, or choose another name")


def _splits_of(name: str, part: Part) -> list[str]:
    splits = part.get("splits") if "splits" in part else _DEFAULT
    if not isinstance(splits, list) or not all(split in SPLITS for split in splits):
        wrong = next((split for split in splits if split not in SPLITS), "") if isinstance(splits, list) else ""
        hint = did_you_mean(str(wrong), SPLITS) if wrong else ""
        raise UserError(f"metrics.{name}.splits: expected a list of train, val and test, got {splits!r}{hint}")
    return splits


def _build(name: str, part: Part, split: str, spec: DataSpec) -> Mapping[str, Metric]:
    key = f"metrics.{name}"
    part = _of_labels(part) if spec.task == "multilabel" else part
    found = located(part, key)
    part = Part(_with_sizes_inside(part.plain, key, spec))
    refuse_other_task(key, found, spec, _task_of(found, spec))
    if name == "loss":
        raise UserError(f"{key}: the loss has that name; choose another")
    mode = part.get("mode")
    if mode not in (None, "min", "max"):
        raise UserError(f"{key}.mode: expected min or max, got {mode!r}")
    part = Part({argument: value for argument, value in part.plain.items() if argument not in _OWN_KEYS})
    known = _facts(found, name, split, spec)
    if inspect.isfunction(found) and (missing := required(found) - known.keys() - part.plain.keys()):
        raise UserError(
            f"{key}._target_: {part.target} asks for {', '.join(sorted(missing))}; a function here gets what the data "
            "says and returns a torchmetrics.Metric, which is then updated batch by batch"
        )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".* will save all targets and predictions")  # its file says it
        built = create(part, key, **asked_for(found, part, known))
    if isinstance(built, Metric):
        return {name: fed(built, key, spec, mode)}
    if isinstance(built, MetricCollection):
        return {inner: fed(one, f"{key}.{inner}", spec, mode) for inner, one in built.items(copy_state=False)}
    if not isinstance(built, Mapping) or not all(isinstance(one, Metric) for one in built.values()):
        raise UserError(f"{key}._target_: {part.target} gives no torchmetrics.Metric, but a {type(built).__name__}")
    return {str(inner): metric for inner, metric in built.items()}


def _with_sizes_inside(value: Any, key: str, spec: DataSpec) -> Any:
    """Return an argument, or all of them, with the sizes that the metrics of torchmetrics in it are left to ask for."""
    if isinstance(value, list):
        return [_with_sizes(one, key, spec) for one in value]
    if not isinstance(value, dict) or "MultioutputWrapper" in str(value.get("_target_")):  # whose parts see one target
        return value
    return {name: _with_sizes(one, f"{key}.{name}", spec) for name, one in value.items()}


def _with_sizes(value: Any, key: str, spec: DataSpec) -> Any:
    value = _with_sizes_inside(value, key, spec)
    if not isinstance(value, dict) or "_target_" not in value:
        return value
    part = _of_labels(Part(value)) if spec.task == "multilabel" else Part(value)
    found = located(part, key)
    if not found.__module__.startswith("torchmetrics."):
        return part.plain
    refuse_other_task(key, found, spec, _task_of(found, spec))
    given = asked_for(found, part, _facts(found, "", "", spec))
    check_arguments(found, part, key, [*given], complete=True)
    return {**part.plain, **given}


def _of_labels(part: Part) -> Part:
    """Return the part with the metric of several labels in place of that of classes, where torchmetrics has both."""
    package, _, name = str(part.get("_target_")).rpartition(".")
    sibling = getattr(classification, name.replace("Multiclass", "Multilabel", 1), None)
    if package != "torchmetrics.classification" or not name.startswith("Multiclass") or sibling is None:
        return part
    lost = parameters_of(getattr(classification, name)).keys() - parameters_of(sibling).keys()
    if not lost & part.plain.keys():
        return Part({**part.plain, "_target_": f"{package}.{sibling.__name__}"})
    return part


def _task_of(found: Any, spec: DataSpec) -> str | None:
    """Return the task that a metric of torchmetrics is for; None for one of any."""
    task = _OF_TORCHMETRICS.get(".".join(found.__module__.split(".")[:2]))
    if task == "classification" and "num_labels" in parameters_of(found):
        is_for_any = "task" in parameters_of(found)  # such as F1Score
        return spec.task if is_for_any and spec.task == "multilabel" else task if is_for_any else "multilabel"
    return task


def _facts(found: Any, name: str, split: str, spec: DataSpec) -> dict[str, Any]:
    """Return what the data says that a metric may ask for, in the words of torchmetrics where it is of there."""
    sizes: dict[str, Any] = dict.fromkeys(_SIZES[spec.task], spec.outputs)
    if found.__module__.startswith("torchmetrics."):
        of_classes = "binary" if spec.outputs == 2 else "multiclass"
        task = {"classification": of_classes, "multilabel": "multilabel"}.get(spec.task)
        return {**sizes, "task": task} if task else sizes
    return {
        **sizes,
        "spec": spec,
        "split": split,
        "task": spec.task,
        "outputs": spec.outputs,
        "classes": spec.classes,
        "targets": spec.targets,
        "name": name,
    }
