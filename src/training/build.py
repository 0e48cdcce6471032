"""From configuration to objects: the data, the module to train, the trainer and what goes with it."""

import csv
import inspect
import logging
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from torch import nn
from torch.optim.lr_scheduler import ReduceLROnPlateau

from src.data.augmentation import Augmentation
from src.data.datamodule import DataModule
from src.data.fingerprint import fingerprint
from src.data.preprocessing import Preprocessing, check_rows
from src.data.spec import Dataset, DataSpec
from src.training.callbacks import History, ProgressBar
from src.training.checkpoint import AtomicCheckpointIO, Checkpoint, CheckpointRecord, read
from src.training.exact_resume import ExactResume
from src.training.lean_loop import NoProfiler, skip_unused_hooks
from src.training.lean_step import use_lean_loop
from src.training.losses import build_loss
from src.training.module import Module
from src.training.non_finite import NonFiniteGuard
from src.training.schedules import spans_the_run
from src.utils.create import create, located
from src.utils.errors import UserError, did_you_mean, first_line
from src.utils.run_folder import CHECKPOINTS, HISTORY
from src.utils.targets import ALLOWED, check_targets, locate

# Keys of the `data` group that say how rows are served; all others are arguments of the data source.
SERVING_KEYS = (
    "batch_size",
    "num_workers",
    "worker_timeout",
    "split",
    "split_seed",
    "fold",
    "folds",
    "shuffle",
    "block_rows",
    "window_blocks",
    "in_memory",
    "device_resident",
    "augmentation",
    "embedding_dim",
)
# Those that say how rows are served to training; evaluation reads each row once, in stored order.
_TRAINING_KEYS = ("shuffle", "block_rows", "window_blocks", "in_memory", "device_resident")
# What a `data` group of an older version of the project lacks, and what was done then.
BEFORE_THERE_WERE_FOLDS = {"fold": None, "folds": 5}

Config = dict[str, Any]


def build_data(data: Config, seed: int) -> DataModule:
    """Read and split the data that the `data` group describes."""
    serving = _serving(data) | {name: data[name] for name in _TRAINING_KEYS}  # first: reading may take long
    return DataModule(_read(data), seed=seed, **serving)


def _read(data: Config, **like: Any) -> Dataset:
    return create({name: value for name, value in data.items() if name not in SERVING_KEYS}, "data", **like)


def _serving(data: Config) -> Config:
    fold, folds = data["fold"], data["folds"]
    if fold is not None and fold >= folds:
        raise UserError(f"data.fold: expected one of 0 to {folds - 1}, as data.folds is {folds}, got {fold}")
    served = ("batch_size", "num_workers", "worker_timeout", "split", "split_seed", "fold", "folds")
    return {name: data[name] for name in served}


def build_preprocessing(datamodule: DataModule, data: Config) -> Preprocessing:
    """Return the first layer, fitted on the training split; every row of the data is checked on the way."""
    if data["embedding_dim"] and not datamodule.spec.categories:
        raise UserError(f"data.embedding_dim: {datamodule.source} has no text columns to embed; set it to 0")
    preprocessing = Preprocessing(datamodule.spec, data["embedding_dim"])
    rows, numbers = datamodule.parts["train"]
    preprocessing.fit(rows, numbers, datamodule.source)
    for split in ("val", "test"):
        separate, _ = datamodule.parts[split]
        if separate is not rows:
            check_rows(separate, f"data.{split}_features", datamodule.spec.missing, datamodule.spec.columns)
    return preprocessing


def build_module(config: Config, datamodule: DataModule) -> Module:
    """Return the module to train: preprocessing, network, loss, optimizer and schedule."""
    spec = datamodule.spec
    preprocessing = build_preprocessing(datamodule, config["data"])
    optimizer = create(config["optimizer"], "optimizer", later=("params",))
    given = ("optimizer", "total_steps")
    scheduler = create(config["scheduler"], "scheduler", later=given) if config.get("scheduler") else None
    _try_out(optimizer, scheduler)
    module = Module(
        spec,
        preprocessing,
        build_network(config["model"], spec, preprocessing),
        build_loss(spec.task, **config["loss"]),
        augmentation=_build_augmentation(config["data"], spec),
        optimizer=optimizer,
        scheduler=scheduler,
        monitor=config["monitor"],
        log_every_n_steps=config["trainer"]["log_every_n_steps"],
    )
    rows, numbers = datamodule.parts["train"]
    module.fit_targets(rows.y if numbers is None else rows.y[numbers])
    return module


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


def build_network(model: Config, spec: DataSpec, preprocessing: Preprocessing) -> nn.Module:
    """Return the untrained network for rows of the data's own shape."""
    return create(model, "model", input_shape=preprocessing.output_shape, outputs=spec.outputs)


def _build_augmentation(data: Config, spec: DataSpec) -> Augmentation:
    changes = data["augmentation"] or {}
    if not isinstance(changes, dict):
        raise UserError(f"data.augmentation: expected a group of keys, or null, got {changes!r}")
    for name in ("shift", "rotate", "scale"):
        if changes.get(name) and len(spec.input_shape) < 2:
            raise UserError(f"data.augmentation.{name}: changes images, but rows have shape {spec.input_shape}")
    return create({"_target_": "src.data.augmentation.Augmentation", **changes}, "data.augmentation")


def rebuild_module(checkpoint: Checkpoint) -> Module:
    """Return the trained module of a checkpoint, ready to predict; only networks of this project or of torch."""
    config = checkpoint.config
    check_targets(config["model"], ALLOWED["model"], "model", str(checkpoint.path))
    preprocessing = Preprocessing(checkpoint.spec, config["data"]["embedding_dim"])
    network = build_network(config["model"], checkpoint.spec, preprocessing)
    for name, value in checkpoint.state_dict.items():
        if value.is_floating_point() and not value.isfinite().all():
            raise UserError(f"{checkpoint.path}: {name} holds values that are not finite: it is of a run that diverged")
    module = Module(checkpoint.spec, preprocessing, network, build_loss(checkpoint.spec.task, **config["loss"]))
    try:
        module.load_state_dict(checkpoint.state_dict)
    except RuntimeError as error:
        first = " ".join(str(error).split())[:300]
        raise UserError(
            f"{checkpoint.path}: its weights don't fit the network that its config describes ({first})"
        ) from error
    return module.eval()


def rebuild_data(checkpoint: Checkpoint, overrides: Config) -> DataModule:
    """Return the data that a checkpoint was trained on, with `overrides` of its `data` config.

    ``features`` among them reads numpy files in place of whatever the checkpoint was trained on. Labels and
    categories get the codes of the checkpoint's data. Other data than the checkpoint's is not split: it has
    a part ``all``, and ``test`` if that is a file of its own. Raises `UserError` if the model can't take it.
    """
    data = _overridden({**BEFORE_THERE_WERE_FOLDS, **checkpoint.config["data"]}, overrides)
    check_targets(data, ALLOWED["data"], "data", str(checkpoint.path))
    takes_like = "like" in inspect.signature(locate(data["_target_"], "data")).parameters
    dataset = _read(data, **({"like": checkpoint.spec} if takes_like else {}))
    for name in ("task", "input_shape", "dtype", "outputs", "classes"):
        found, expected = getattr(dataset.spec, name), getattr(checkpoint.spec, name)
        if found != expected:
            raise UserError(f"data: {dataset.name} has {name} {found}, but the model was trained on {expected}")
    serving = _serving(data)
    if fingerprint(dataset) != checkpoint.provenance["data_fingerprint"]:  # rows that nobody has looked at yet
        serving["split"] = None
        for rows, part in ((dataset.rows, ""), (dataset.val, " (val)"), (dataset.test, " (test)")):
            if rows is not None:
                check_rows(rows, f"{dataset.name}{part}", dataset.spec.missing, dataset.spec.columns)
    return DataModule(dataset, seed=checkpoint.config["seed"], **serving)


def _overridden(data: Config, overrides: Config) -> Config:
    npy_keys: tuple[str, ...] = ("features", "labels")
    if "features" in overrides and "features" not in data:
        kept = {name: data[name] for name in SERVING_KEYS if name in data}
        data = {"_target_": "src.data.npy.read_npy", "features": None, "labels": None, **kept}
        npy_keys = ()
    for name in overrides:
        if name in ("split", "split_seed", "fold", "folds"):
            raise UserError(f"data.{name}: decides which rows the model was trained on, and can't change afterwards")
        if name in ("augmentation", "embedding_dim", *_TRAINING_KEYS):
            raise UserError(f"data.{name}: belongs to training, and can't change afterwards")
        if name not in data and name not in npy_keys:
            raise UserError(f"data.{name}: not a key of the data that the checkpoint knows{did_you_mean(name, data)}")
    if "features" in overrides and data.get("labels") and "labels" not in overrides:
        raise UserError("data.labels: give the labels of the new data.features too (null if they are its last column)")
    if "features" in overrides:  # the splits that came as files belong to the data of the checkpoint
        data = {name: None if name.startswith(("val_", "test_")) else value for name, value in data.items()}
    return {**data, **overrides}


def build_trainer(config: Config, folder: Path, callbacks: list[L.Callback], logger: Any) -> L.Trainer:
    """Return a trainer that writes below `folder` only."""
    # It sets its level when it is imported; what it says below a warning is about itself, but for profiles.
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    logging.getLogger("lightning.pytorch.profilers").setLevel(logging.INFO)
    options = dict(config["trainer"])
    if not any(isinstance(callback, ProgressBar) for callback in callbacks):
        options["enable_progress_bar"] = False  # Lightning's default bar writes its frames into log files
    unprofiled: Config = {}
    if not options.get("profiler"):
        options.pop("profiler", None)
        unprofiled["profiler"] = NoProfiler()
    skip_unused_hooks(callbacks)
    trainer = create(
        options,
        "trainer",
        **unprofiled,
        callbacks=callbacks,
        logger=logger or False,
        default_root_dir=str(folder),
        plugins=[AtomicCheckpointIO()],
        enable_model_summary=False,
        enable_autolog_hparams=False,  # the report logs them, with the final metrics
        use_distributed_sampler=False,  # our batches know their rank
    )
    use_lean_loop(trainer)
    return trainer


def build_callbacks(config: Config, folder: Path, datamodule: DataModule, provenance: Config) -> list[L.Callback]:
    """Return the project's own callbacks, then those of the configuration, in the order in which they run."""
    own: list[L.Callback] = [
        CheckpointRecord(config, datamodule.spec, provenance),
        ExactResume(config["seed"], datamodule.cursor),
        NonFiniteGuard(folder, config["seed"]),
        History(folder / HISTORY),
    ]
    configured = (config.get("callbacks") or {}).items()
    return own + [_create_below(folder, node, f"callbacks.{name}") for name, node in configured if node is not None]


def build_logger(config: Config, folder: Path, resume_from: Path | None = None) -> Any:
    """Return the logger of the configuration, or None.

    One that goes on from the checkpoint `resume_from` keeps what was logged up to there.
    """
    node = config.get("logger")
    if not node:
        return None
    if resume_from is None:
        return _create_below(folder, node, "logger")
    step = read(resume_from, lazily=True)["global_step"]
    if locate(node["_target_"], "logger") is TensorBoardLogger:
        return _create_below(folder, {**node, "purge_step": step}, "logger")  # hides what is logged once more
    logged = [path.read_text() for path in folder.glob(f"{node.get('name')}/{node.get('version')}/metrics.csv")]
    logger = _create_below(folder, node, "logger")
    if isinstance(logger, CSVLogger) and logged:  # it begins by deleting what is there
        rows = csv.DictReader(logged[0].splitlines())
        logger.experiment.metrics += [row for row in rows if int(row["step"]) < step]
    return logger


def _create_below(folder: Path, node: Config, key: str) -> Any:
    """Build an object that writes files. The configuration names no folder of this run: it can be run again."""
    parameters = inspect.signature(located(node, key)).parameters
    for name in ("dirpath", "save_dir"):
        if name in node:
            raise UserError(f"{key}.{name}: a run writes into its own folder; leave it out")
    for name in ("name", "version", "filename"):
        if isinstance(node.get(name), str) and (".." in Path(node[name]).parts or Path(node[name]).is_absolute()):
            raise UserError(f"{key}.{name}: '{node[name]}' leads out of the run's folder")
    given: Config = {"dirpath": str(folder / CHECKPOINTS), "save_dir": str(folder)}
    if str(node.get("monitor")).startswith("train/"):  # known only at an epoch's end, however often validation runs
        given |= {"save_on_train_epoch_end": True, "check_on_train_epoch_end": True}
    return create(
        node, key, **{name: value for name, value in given.items() if name in parameters and name not in node}
    )
