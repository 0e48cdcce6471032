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

from trainhouse.arrays.datamodule import DataModule
from trainhouse.arrays.finite_rows import check_rows
from trainhouse.arrays.preprocessing_datamodule import PreprocessingDataModule
from trainhouse.arrays.row_preprocessing import RowPreprocessing
from trainhouse.arrays.spec import DataSpec
from trainhouse.configuration.check_arguments import parameters_of
from trainhouse.configuration.config import OPEN
from trainhouse.configuration.create import create, located
from trainhouse.configuration.errors import UserError, first_line
from trainhouse.configuration.older_versions import MODULE
from trainhouse.configuration.settings import Serving, Train
from trainhouse.configuration.views import Part, Parts
from trainhouse.runs.typed import shown_path
from trainhouse.training.build_data import untrained_preprocessing
from trainhouse.training.build_loss import build_loss
from trainhouse.training.build_metrics import build_metrics
from trainhouse.training.data_card import DataCard
from trainhouse.training.default_decay import with_decay
from trainhouse.training.files_read import files_read
from trainhouse.training.row_weights import class_counts
from trainhouse.training.schedule_span import spans_the_run
from trainhouse.training.weights_by_name import GROUPS, checked_groups, freeze, refuse_unmatched_groups, without_groups

_log = logging.getLogger(__name__)

Facts = dict[str, Any]  # of the data, and what a model takes of them
AUGMENTATION = "src.data.augmentation.Augmentation"


def is_lightning_module(model: Part) -> bool:
    """Whether the `model` group names a LightningModule: then its optimizer, loss and metrics are its own."""
    found = located(model, "model")
    return inspect.isclass(found) and issubclass(found, L.LightningModule)


def build_module(settings: Train, datamodule: L.LightningDataModule, card: DataCard) -> tuple[L.LightningModule, Train]:
    """Return the module to train, and the settings in which the data's facts are filled in where they are open (`???`).

    Raises `UserError` for a size that nobody knows, and for what the model's own constructor refuses.
    """
    preprocessing = None
    facts = dict(card.facts)
    if isinstance(datamodule, DataModule):
        preprocessing = build_preprocessing(datamodule, settings.data)
        facts["input_shape"] = list(preprocessing.output_shape)
    settings = settings.with_values({"model": filled_from_facts(settings.model.plain, facts, card.name)})
    model = settings.model
    settings = with_decay(settings, datamodule, is_lightning_module(model))
    if is_lightning_module(model):
        if isinstance(datamodule, PreprocessingDataModule):
            assert preprocessing is not None
            if settings.data.embedding_dim:
                raise UserError("data.embedding_dim: is learned by the module around a plain network; set it to 0")
            datamodule.serve_preprocessed(preprocessing, _build_augmentation(settings.data, datamodule.spec))
        with files_read() as read:
            module: L.LightningModule = create(model, "model")
        if others := sorted(read):
            shown = ", ".join(shown_path(Path(name)) for name in others[:3])
            _log.info("note: the model's constructor reads %s; evaluation and inference will need it too", shown)
        freeze(module, settings.freeze or [], is_own=True)
        return module, settings
    if card.spec is None:
        missing = [name for name in ("task", "input_shape", "outputs") if name not in card.facts]
        taken = "" if isinstance(located(model, "model"), type) else "a function, which is taken for "
        raise UserError(
            f"model: {model.target} is {taken}a plain network, so {card.name} has to say what it is built for: "
            f"facts() lacks {', '.join(missing) or 'a task that is classification, regression or multilabel'}"
        )
    network = build_network(model, facts)
    around = _around(network, settings, datamodule, card.spec, preprocessing, facts)
    freeze(around, settings.freeze or [], is_own=False)
    refuse_unmatched_groups(around, settings.optimizer.get(GROUPS) or ())
    return around, settings


def filled_from_facts(model: Facts, facts: Facts, source: str) -> Facts:
    """Return the arguments `model` with the fact of its name in place of each ``???``, at any depth."""
    filled = {}
    for name, value in model.items():
        if isinstance(value, dict):
            value = filled_from_facts(value, facts, source)
        elif value == OPEN:
            if name not in facts:
                known = f"it says {', '.join(sorted(facts))}" if facts else "it has no facts()"
                raise UserError(f"model.{name}: required; {source} does not say it ({known}); add model.{name}=...")
            value = copy.deepcopy(facts[name])
        filled[name] = value
    return filled


def build_network(model: Part, facts: Facts) -> nn.Module:
    """Return the untrained network; those of its arguments that are facts of the data come from there."""
    found = located(model, "model")
    parameters = parameters_of(found)
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
        if name in model and name in parameters and name in facts and model.get(name) != facts[name]:
            raise UserError(f"model.{name}: is set by the program; leave it out")
    network = create(model, "model", **given)
    if not isinstance(network, nn.Module):
        raise UserError(f"model._target_: {model.target} is neither a LightningModule nor a torch.nn.Module")
    return network


def _around(
    network: nn.Module,
    settings: Train,
    datamodule: L.LightningDataModule,
    spec: DataSpec,
    preprocessing: RowPreprocessing | None,
    facts: Facts,
) -> L.LightningModule:
    """Return the module that the key `module` names, around a network and what the other groups say."""
    groups = checked_groups(settings.optimizer)
    chosen_groups: dict[str, Any] = {"parameter_groups": groups} if groups else {}
    _refuse_whole(settings)
    optimizer = create(without_groups(settings.optimizer), "optimizer", later=("params",))
    given = ("optimizer", "total_steps")
    scheduler = create(settings.scheduler, "scheduler", later=given) if settings.scheduler else None
    _refuse_wrong_options(optimizer, scheduler)
    augmentation = None
    learns_by_heart = bool(settings.trainer.overfit_batches)
    if isinstance(datamodule, DataModule) and not learns_by_heart:
        augmentation = _build_augmentation(settings.data, spec)
    wrapper = settings.module or Part(MODULE)
    parts = {
        "preprocessing": preprocessing or nn.Identity(),
        "network": network,
        "loss": build_loss(settings.loss, spec, class_counts(facts, datamodule)),
        "augmentation": augmentation,
        "optimizer": optimizer,
        "scheduler": scheduler,
        "monitor": settings.monitor or "train/loss",
        "log_every_n_steps": settings.trainer.log_every_n_steps,
    }
    try:
        module: Any = create(
            wrapper, "module", spec=spec, **parts, **chosen_metrics(wrapper, settings.metrics, spec), **chosen_groups
        )
    except KeyError as error:
        if error.args != (spec.task,):
            raise
        raise UserError(
            f"data.task: {wrapper.name} knows no task '{spec.task}'; add it in src/evaluation/tasks.py, as a new "
            "project has it"
        ) from error
    if isinstance(datamodule, DataModule):
        rows, numbers = datamodule.parts["train"]
        module.fit_targets(rows.y if numbers is None else rows.y[numbers])
    around: L.LightningModule = module
    return around


def chosen_metrics(wrapper: Part, metrics: Parts, spec: DataSpec) -> dict[str, Any]:
    """Return the argument `metrics` of the module around a network; none for one older than the group."""
    takes_them = "metrics" in parameters_of(located(wrapper, "module"))
    return {"metrics": build_metrics(metrics, spec)} if takes_them and metrics.is_there else {}


def build_preprocessing(datamodule: DataModule, data: Serving) -> RowPreprocessing:
    """Return the first layer, fitted on the training split; every row of the data is checked on the way."""
    if data.embedding_dim and not datamodule.spec.categories:
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


def _refuse_whole(settings: Train) -> None:
    """Raise `UserError` for an optimizer, or a schedule, that would be built before there is what it is built for."""
    for key, part, argument in (
        ("optimizer", settings.optimizer, "params"),
        ("scheduler", settings.scheduler, "optimizer"),
    ):
        if part and not part.get("_partial_") and argument in parameters_of(located(part, key)):
            raise UserError(
                f"{key}._partial_: expected true, as {part.target} gets its {argument} later; add it to its file"
            )


def _refuse_wrong_options(optimizer: Any, scheduler: Any) -> None:
    """Build both for one weight matrix, so that values which they refuse are found now, not when training starts."""
    key = "optimizer"
    try:
        tried = optimizer([nn.Parameter(torch.zeros(1, 1))])
        if not isinstance(tried, torch.optim.Optimizer):
            raise TypeError(f"{type(tried).__name__} is no optimizer of torch's or a subclass")
        key = "scheduler"
        if scheduler:
            whole_run = {"total_steps": 100} if spans_the_run(scheduler) else {}
            made = scheduler(tried, **whole_run)
            tried.step(lambda: 0.0)  # as Lightning does; LBFGS asks for it
            made.step(*([1.0] if isinstance(made, ReduceLROnPlateau) else []))
    except (ValueError, TypeError, RuntimeError, IndexError, ZeroDivisionError, AttributeError) as error:
        raise UserError(f"{key}: {first_line(error)}") from error


def _build_augmentation(data: Serving, spec: DataSpec) -> nn.Module:
    changes = data.augmentation or {}
    if not isinstance(changes, dict):
        raise UserError(f"data.augmentation: expected a mapping, or null, got {changes!r}")
    for name in ("shift", "rotate", "scale"):
        if changes.get(name) and len(spec.input_shape) < 2:
            raise UserError(f"data.augmentation.{name}: changes images, but rows have shape {spec.input_shape}")
    augmentation: nn.Module = create(Part({"_target_": AUGMENTATION, **changes}), "data.augmentation")
    return augmentation
