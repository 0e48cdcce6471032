"""From the `data` group to a LightningDataModule: the user's own as it is, or rows of arrays served by ours."""

import inspect
from dataclasses import replace
from typing import Any

import lightning as L
from torch import nn

from trainhouse.arrays.datamodule import DataModule
from trainhouse.arrays.fingerprint import is_named
from trainhouse.arrays.finite_rows import check_rows
from trainhouse.arrays.precision import as_wide_as_needed
from trainhouse.arrays.preprocessing_datamodule import PreprocessingDataModule
from trainhouse.arrays.row_preprocessing import RowPreprocessing
from trainhouse.arrays.spec import Dataset, DataSpec
from trainhouse.checkpoints.checkpoint import Checkpoint
from trainhouse.configuration.create import create, located
from trainhouse.configuration.dotted import leaves, merged
from trainhouse.configuration.errors import UserError, did_you_mean
from trainhouse.configuration.older_versions import PREPROCESSING, with_what_it_lacks
from trainhouse.configuration.places import found_in_project
from trainhouse.configuration.settings import DECIDES_ROWS, OF_NETWORK, OF_TRAINING, Serving, check_values, keys, marked
from trainhouse.configuration.targets import ALLOWED, check_targets, locate
from trainhouse.configuration.views import Part

# Keys of array data that say how rows are served; all others are arguments of the data source.
SERVING_KEYS = tuple(key for key, _ in keys(Serving))
_OF_TRAINING, _OF_NETWORK, _OF_SPLIT = (marked(mark, Serving) for mark in (OF_TRAINING, OF_NETWORK, DECIDES_ROWS))
_OF_ASSIGNING = ("split_column", "group_column", "time_column", "keep_columns", "splits", "groups", "times")

Arguments = dict[str, Any]  # of a class or a function, whatever it takes


def is_datamodule(data: Part) -> bool:
    """Whether the `data` group names a LightningDataModule. Raises `UserError` for what is no data at all."""
    found = located(data, "data")
    if inspect.isclass(found) and issubclass(found, L.LightningDataModule):
        return True
    if inspect.isclass(found) and (issubclass(found, nn.Module) or not callable(found)):
        raise UserError(
            f"data._target_: {data.target} is neither a LightningDataModule nor a function that returns a Dataset"
        )
    return False


def build_data(
    data: Serving, seed: int, preprocessed: bool = False, like: DataSpec | None = None
) -> L.LightningDataModule:
    """Build the user's DataModule; or read and split the arrays that the `data` group describes.

    The batches of arrays are `preprocessed` for a module that has no preprocessing of its own. `like` is the spec of a
    run that is resumed: its task, columns and categories are not decided again.
    """
    if is_datamodule(data):
        own: L.LightningDataModule = create(Part(found_in_project(data.plain)), "data")
        return own
    if missing := [key for key in SERVING_KEYS if key not in data]:
        raise UserError(
            f"data.{missing[0]}: is missing; the file in conf/data/ of a function that reads arrays begins with "
            "'defaults: [array_defaults, _self_]'"
        )
    serving = _serving(data) | {name: data.plain[name] for name in _OF_TRAINING}  # first: reading may take long
    parameters = inspect.signature(located(data, "data")).parameters
    decides = like is not None and {"like", "task"} <= parameters.keys()
    given: dict[str, Any] = {"like": like} if decides else {}
    dataset = create(source_of(data), "data", **given)
    if not isinstance(dataset, Dataset):
        raise UserError(
            f"data._target_: {data.target} returned a {type(dataset).__name__}, expected a Dataset; or name a "
            "LightningDataModule"
        )
    dataset = as_wide_as_needed(dataset)
    return (PreprocessingDataModule if preprocessed else DataModule)(dataset, seed=seed, like=like, **serving)


def source_of(data: Serving) -> Part:
    """Return what reads the arrays: all but how they are served."""
    return Part(found_in_project({name: value for name, value in data.plain.items() if name not in SERVING_KEYS}))


def _serving(data: Serving) -> dict[str, Any]:
    fold, folds = data.fold, data.folds
    if fold is not None and fold >= folds:
        raise UserError(f"data.fold: expected one of 0 to {folds - 1}, as data.folds is {folds}, got {fold}")
    return {name: data.plain[name] for name in SERVING_KEYS if name not in (*_OF_TRAINING, *_OF_NETWORK)}


def rebuild_datamodule(checkpoint: Checkpoint, overrides: Arguments) -> L.LightningDataModule:
    """Return the user's DataModule that a checkpoint was trained on, with `overrides` of its arguments."""
    data = checkpoint.config.data
    known = data.plain
    typed = [key for key, _ in leaves(overrides, "data.")]
    check_targets(known, ALLOWED["data"], "data", str(checkpoint.path), typed, checkpoint.has_own_data)
    parameters = inspect.signature(locate(data.target, "data")).parameters
    takes_any = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
    for name in overrides:
        if name not in known and name not in parameters and not takes_any:
            options = [*known, *parameters]
            raise UserError(f"data.{name}: {data.target} takes no such argument{did_you_mean(name, options)}")
    datamodule: L.LightningDataModule = create(Part(merged(found_in_project(known), overrides)), "data")
    return datamodule


def rebuild_data(
    checkpoint: Checkpoint, overrides: Arguments, preprocessed: bool = False, spec: DataSpec | None = None
) -> DataModule:
    """Return the array data that a checkpoint was trained on, with `overrides` of its `data` config.

    ``features`` among them reads numpy files in place of whatever the checkpoint was trained on. Labels and
    categories get the codes of the checkpoint's data. Other data than the checkpoint's is not split: it has
    a part ``all``, and ``test`` if that is a file of its own. `spec` is that of the rows, where several models share
    them. Raises `UserError` if the model can't take it.
    """
    spec = spec or checkpoint.data_spec
    known = with_what_it_lacks(checkpoint.config.plain)["data"]
    typed = tuple(f"data.{name}" for name in overrides)
    # What is typed as it was is no other data; a file that comes from somebody else asks for it.
    changed = {name: value for name, value in overrides.items() if known.get(name, ...) != value}
    data = Serving(_overridden(known, changed))
    check_values(data.plain, Serving, "data.")
    check_targets(data.plain, ALLOWED["data"], "data", str(checkpoint.path), typed, checkpoint.has_own_data)
    takes_like = "like" in inspect.signature(locate(data.target, "data")).parameters
    given: dict[str, Any] = {"like": spec} if takes_like else {}
    dataset = create(source_of(data), "data", **given)
    if (dataset.spec.dtype, spec.dtype) == ("float32", "float64"):  # as those of the training split had to be
        dataset = replace(dataset, spec=replace(dataset.spec, dtype=spec.dtype))
    for name in ("task", "input_shape", "dtype", "outputs", "classes"):
        found, expected = getattr(dataset.spec, name), getattr(spec, name)
        if found != expected:
            raise UserError(f"data: {dataset.name} has {name} {found}, but the model was trained on {expected}")
    serving = _serving(data)
    if not is_named(dataset, checkpoint.provenance["data_fingerprint"]):  # rows that nobody has looked at yet
        serving["split"] = None
        for rows, part in ((dataset.rows, ""), (dataset.val, " (val)"), (dataset.test, " (test)")):
            if rows is not None:
                check_rows(rows, f"{dataset.name}{part}", dataset.spec.missing, dataset.spec.columns)
    kind = PreprocessingDataModule if preprocessed else DataModule
    datamodule = kind(dataset, seed=checkpoint.config.seed, like=spec, **serving)
    if isinstance(datamodule, PreprocessingDataModule):  # whose state is in the checkpoint
        datamodule.serve_preprocessed(untrained_preprocessing(data, spec))
    return datamodule


def untrained_preprocessing(data: Serving, spec: DataSpec) -> RowPreprocessing:
    """Return the first layer that the `data` group names, not fitted yet."""
    part = Part(data.preprocessing or PREPROCESSING)
    made = create(part, "data.preprocessing", spec=spec, embedding_dim=data.embedding_dim)
    if not isinstance(made, RowPreprocessing):
        raise UserError(f"data.preprocessing._target_: {part.target} is no RowPreprocessing")
    return made


def _overridden(data: Arguments, overrides: Arguments) -> Arguments:
    npy_keys: tuple[str, ...] = ("features", "labels")
    if "features" in overrides and "features" not in data:
        kept = {name: data[name] for name in SERVING_KEYS if name in data}
        data = {"_target_": "trainhouse.arrays.npy.read_npy", "features": None, "labels": None, **kept}
        npy_keys = ()
    for name in overrides:
        if name in (*_OF_SPLIT, *_OF_ASSIGNING):
            raise UserError(f"data.{name}: decides which rows the model was trained on, and can't change afterwards")
        if name in (*_OF_TRAINING, *_OF_NETWORK):
            raise UserError(f"data.{name}: belongs to training, and can't change afterwards")
        if name not in data and name not in npy_keys:
            raise UserError(f"data.{name}: not a key of the data that the checkpoint knows{did_you_mean(name, data)}")
    if "features" in overrides and data.get("labels") and "labels" not in overrides:
        raise UserError("data.labels: give the labels of the new data.features too (null if they are its last column)")
    if {"features", "file"} & overrides.keys():  # the splits that came as files belong to the data of the checkpoint
        others = ("splits", "groups", "times", "weights") if "features" in overrides else ()
        data = {
            name: None if name.startswith(("val_", "test_")) or name in others else value
            for name, value in data.items()
        }
    return {**data, **overrides}
