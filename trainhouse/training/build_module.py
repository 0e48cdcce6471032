"""From the `model` group to a LightningModule: the user's own as it is, or ours around a plain network."""

import copy
import inspect
import logging
from pathlib import Path
from typing import Any

import lightning as L
import torch
from torch import nn
from torch.optim.lr_scheduler import ReduceLROnPlateau

from trainhouse.arrays.datamodule import DataModule, PreprocessingDataModule
from trainhouse.arrays.row_preprocessing import RowPreprocessing, check_rows
from trainhouse.arrays.spec import DataSpec
from trainhouse.configuration.config import OPEN
from trainhouse.configuration.create import create, located
from trainhouse.configuration.errors import UserError, first_line
from trainhouse.configuration.older_versions import MODULE
from trainhouse.runs.run_folder import shown_path
from trainhouse.training.build_data import untrained_preprocessing
from trainhouse.training.data_card import DataCard
from trainhouse.training.files_read import files_read
from trainhouse.training.schedule_span import spans_the_run

_log = logging.getLogger(__name__)

Config = dict[str, Any]

AUGMENTATION = "src.data.augmentation.Augmentation"


def is_lightning_module(model: Config) -> bool:
    """Whether the `model` group names a LightningModule: then its optimizer, loss and metrics are its own."""
    found = located(model, "model")
    return inspect.isclass(found) and issubclass(found, L.LightningModule)


def build_module(config: Config, datamodule: L.LightningDataModule, card: DataCard) -> L.LightningModule:
    """Return the module to train. What its configuration leaves open (``???``) is filled from the data's facts, there.

    Raises `UserError` for a size that nobody knows, and for what the model's own constructor refuses.
    """
    preprocessing = None
    facts = dict(card.facts)
    if isinstance(datamodule, DataModule):
        preprocessing = build_preprocessing(datamodule, config["data"])
        facts["input_shape"] = list(preprocessing.output_shape)
    fill_from_facts(config["model"], facts, card.name)
    if is_lightning_module(config["model"]):
        if isinstance(datamodule, PreprocessingDataModule):
            assert preprocessing is not None
            if config["data"]["embedding_dim"]:
                raise UserError("data.embedding_dim: is learned by the module around a plain network; set it to 0")
            datamodule.serve_preprocessed(preprocessing, _build_augmentation(config["data"], datamodule.spec))
        with files_read() as read:
            module = create(config["model"], "model")
        if others := sorted(read):
            shown = ", ".join(shown_path(Path(name)) for name in others[:3])
            _log.info("note: the model's constructor reads %s; evaluation and inference will need it too", shown)
        return module
    if card.spec is None:
        missing = [name for name in ("task", "input_shape", "outputs") if name not in card.facts]
        raise UserError(
            f"model: {config['model']['_target_']} is a plain network, so {card.name} has to say what it is built for: "
            f"facts() lacks {', '.join(missing) or 'a task that is classification or regression'}"
        )
    network = build_network(config["model"], facts)
    return _around(network, config, datamodule, card.spec, preprocessing)


def fill_from_facts(model: Config, facts: Config, source: str) -> None:
    """Replace each ``???`` below `model` by the fact of that name; `model` is changed, as it is what is saved."""
    for name, value in model.items():
        if isinstance(value, dict):
            fill_from_facts(value, facts, source)
        elif value == OPEN:
            if name not in facts:
                known = f"it says {', '.join(sorted(facts))}" if facts else "it has no facts()"
                raise UserError(f"model.{name}: required; {source} does not say it ({known}); add model.{name}=...")
            model[name] = copy.deepcopy(facts[name])


def build_network(model: Config, facts: Config) -> nn.Module:
    """Return the untrained network; those of its arguments that are facts of the data come from there."""
    found = located(model, "model")
    try:
        parameters = inspect.signature(found).parameters
    except (ValueError, TypeError):  # written in C
        parameters = {}  # type: ignore[assignment]
    given = {
        name: facts[name]
        for name, parameter in parameters.items()
        if name in facts
        and name not in model
        and (name in ("input_shape", "outputs") or parameter.default is parameter.empty)
    }
    if "input_shape" in given:
        given["input_shape"] = tuple(given["input_shape"])
    for name in ("input_shape", "outputs"):
        if name in model and name in parameters and name in facts and model[name] != facts[name]:
            raise UserError(f"model.{name}: is set by the program; leave it out")
    network = create(model, "model", **given)
    if not isinstance(network, nn.Module):
        raise UserError(f"model._target_: {model['_target_']} is neither a LightningModule nor a torch.nn.Module")
    return network


def _around(
    network: nn.Module,
    config: Config,
    datamodule: L.LightningDataModule,
    spec: DataSpec,
    preprocessing: RowPreprocessing | None,
) -> L.LightningModule:
    """Return the module that the key `module` names, around a network and what the other groups say."""
    optimizer = create(config["optimizer"], "optimizer", later=("params",))
    given = ("optimizer", "total_steps")
    scheduler = create(config["scheduler"], "scheduler", later=given) if config.get("scheduler") else None
    _try_out(optimizer, scheduler)
    augmentation = None
    learns_by_heart = bool(config["trainer"]["overfit_batches"])
    if isinstance(datamodule, DataModule) and not learns_by_heart:
        augmentation = _build_augmentation(config["data"], spec)
    module = create(
        config.get("module") or MODULE,
        "module",
        spec=spec,
        preprocessing=preprocessing or nn.Identity(),
        network=network,
        loss=config["loss"],
        augmentation=augmentation,
        optimizer=optimizer,
        scheduler=scheduler,
        monitor=config["monitor"] or "train/loss",
        log_every_n_steps=config["trainer"]["log_every_n_steps"],
    )
    if isinstance(datamodule, DataModule):
        rows, numbers = datamodule.parts["train"]
        module.fit_targets(rows.y if numbers is None else rows.y[numbers])
    return module


def build_preprocessing(datamodule: DataModule, data: Config) -> RowPreprocessing:
    """Return the first layer, fitted on the training split; every row of the data is checked on the way."""
    if data["embedding_dim"] and not datamodule.spec.categories:
        raise UserError(f"data.embedding_dim: {datamodule.source} has no text columns to embed; set it to 0")
    preprocessing = untrained_preprocessing(data, datamodule.spec)
    rows, numbers = datamodule.parts["train"]
    if line := preprocessing.how_it_reads:
        _log.info("note: %s (data.channel_axis)", line)
    preprocessing.fit(rows, numbers, datamodule.source)
    for split in ("val", "test"):
        separate, _ = datamodule.parts[split]
        if separate is not rows:
            check_rows(separate, f"data.{split}_features", datamodule.spec.missing, datamodule.spec.columns)
    return preprocessing


def _try_out(optimizer: Any, scheduler: Any) -> None:
    """Build both for a single weight, so that values which they refuse are found now, not when training starts."""
    key = "optimizer"
    try:
        tried = optimizer([nn.Parameter(torch.zeros(1))])
        key = "scheduler"
        if scheduler:
            whole_run = {"total_steps": 100} if spans_the_run(scheduler) else {}
            made = scheduler(tried, **whole_run)
            tried.step()
            made.step(*([1.0] if isinstance(made, ReduceLROnPlateau) else []))
    except (ValueError, TypeError, RuntimeError, IndexError, ZeroDivisionError) as error:
        raise UserError(f"{key}: {first_line(error)}") from error


def _build_augmentation(data: Config, spec: DataSpec) -> nn.Module:
    changes = data["augmentation"] or {}
    if not isinstance(changes, dict):
        raise UserError(f"data.augmentation: expected a mapping, or null, got {changes!r}")
    for name in ("shift", "rotate", "scale"):
        if changes.get(name) and len(spec.input_shape) < 2:
            raise UserError(f"data.augmentation.{name}: changes images, but rows have shape {spec.input_shape}")
    return create({"_target_": AUGMENTATION, **changes}, "data.augmentation")
