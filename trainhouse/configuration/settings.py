"""The keys that the library itself reads, or knows the ranges of: each with its type, range and marks, once.

What a key means, and its default, stands in conf/. Arguments of a user's classes are checked against their annotations
(`check_arguments.py`). A class of torch or Lightning has its ranges here where it would fail late, or not at all.
"""

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Literal

from annotated_types import Ge, Gt, Predicate, doc

from trainhouse.configuration.annotations import (
    Accelerator,
    Auto,
    BatchLimit,
    Compile,
    Count,
    Devices,
    Epochs,
    Figures,
    File,
    FolderName,
    Node,
    Number,
    Outputs,
    Positive,
    Seed,
    Split,
    Text,
    Time,
    Whole,
)
from trainhouse.configuration.errors import UserError
from trainhouse.configuration.values import expected, fits
from trainhouse.configuration.views import Part, Parts, Settings, annotations, inner_of

MAY_CHANGE = "may change when a run is resumed"
MAY_BE_MISSING = "may be missing in a run of an older version"
DECIDES_ROWS = "decides which rows the model was trained on"
OF_TRAINING = "says how training rows are served; evaluation reads each row once, in stored order"
OF_NETWORK = "says what the network is trained with"


class Serving(Part):
    """How rows of arrays are served, whatever function reads them."""

    batch_size: Count
    num_workers: Annotated[Whole, MAY_CHANGE]
    worker_timeout: Annotated[Number, doc("seconds from 0 up"), MAY_CHANGE, MAY_BE_MISSING]
    split: Annotated[Split, DECIDES_ROWS]
    split_seed: Annotated[Seed, DECIDES_ROWS]
    fold: Annotated[Whole | None, DECIDES_ROWS]
    folds: Annotated[int, Ge(2), DECIDES_ROWS]
    shuffle: Annotated[Literal["rows", "blocks"], OF_TRAINING]
    block_rows: Annotated[Count, OF_TRAINING]
    window_blocks: Annotated[Count, OF_TRAINING]
    in_memory: Annotated[Auto, OF_TRAINING, MAY_CHANGE, MAY_BE_MISSING]
    device_resident: Annotated[Auto, OF_TRAINING, MAY_CHANGE, MAY_BE_MISSING]
    augmentation: Annotated[Node | None, OF_NETWORK]
    embedding_dim: Annotated[Whole, OF_NETWORK]
    preprocessing: Annotated[Node | None, OF_NETWORK]


class Trainer(Part):
    """What of Lightning's Trainer is plain; it checks some of it late, and some not at all."""

    accelerator: Annotated[Accelerator, MAY_CHANGE]
    strategy: Any
    devices: Annotated[Devices, MAY_CHANGE]
    precision: Any
    inference_mode: Any
    max_epochs: Annotated[Epochs, MAY_CHANGE]
    min_epochs: Count | None
    max_steps: Annotated[int, Ge(-1)]
    min_steps: Count | None
    max_time: Annotated[Time | None, MAY_CHANGE]
    num_nodes: Annotated[Count, MAY_CHANGE]
    limit_train_batches: BatchLimit
    limit_val_batches: BatchLimit
    limit_test_batches: BatchLimit
    overfit_batches: BatchLimit
    fast_dev_run: Any
    val_check_interval: (
        Annotated[BatchLimit, Gt(0), doc("a whole number of batches above 0, a fraction of an epoch up to 1.0")] | Time
    )
    check_val_every_n_epoch: Count | None
    num_sanity_val_steps: Annotated[int, Ge(-1)]
    accumulate_grad_batches: Count
    gradient_clip_val: Number | None
    log_every_n_steps: Annotated[Count, MAY_CHANGE]
    profiler: Annotated[Literal["simple", "advanced", "pytorch"] | Node | None, MAY_CHANGE]
    enable_progress_bar: Annotated[bool, MAY_CHANGE]

    @property
    def epochs(self) -> int | None:
        """The `max_epochs`; None where they are not limited, or not known yet."""
        return None if self.max_epochs == "auto" else self.max_epochs


class EpochCheckpoint(Part):
    """`lightning.pytorch.callbacks.ModelCheckpoint`."""

    every_n_epochs: Count


class BestCheckpoint(Part):
    """`lightning.pytorch.callbacks.ModelCheckpoint`."""

    save_top_k: Annotated[int, Predicate(bool), doc("a whole number, not 0")]


class EarlyStopping(Part):
    """`lightning.pytorch.callbacks.EarlyStopping`."""

    patience: Annotated[Whole | Literal["auto"], doc("a whole number from 0 up, or auto"), MAY_CHANGE]
    min_delta: Annotated[Number, MAY_CHANGE]


class Callbacks(Parts):
    """Those of conf/callbacks/; others are checked by their signature alone."""

    epoch_checkpoint: Annotated[EpochCheckpoint, MAY_CHANGE]
    last_checkpoint: Annotated[Node | None, MAY_CHANGE]
    early_stopping: EarlyStopping
    best_checkpoint: BestCheckpoint
    progress_bar: Annotated[Node | None, MAY_CHANGE]


class TorchOptimizer(Part):
    """An optimizer of torch, which trains nothing with a rate of 0. One of the user's own checks itself."""

    OF: ClassVar = "torch.optim."
    lr: Positive
    weight_decay: Annotated[Number | Literal["auto"], doc("a number from 0 up, or auto")]


class TorchScheduler(Part):
    """A scheduler of torch."""

    OF: ClassVar = "torch.optim.lr_scheduler."
    patience: Whole
    min_lr: Number


class Train(Settings):
    """conf/train.yaml."""

    outputs: Outputs
    name: FolderName
    seed: Seed
    monitor: Text | None
    mode: Literal["min", "max"] | None
    sweep: Annotated[Node | None, MAY_BE_MISSING]
    resume: Annotated[Text | None, MAY_BE_MISSING]
    init_from: Annotated[Text | None, MAY_BE_MISSING]
    init_prefix: Text | None
    threads: Annotated[Count | None, MAY_CHANGE, MAY_BE_MISSING]
    rank_timeout: Annotated[Positive | None, MAY_CHANGE, MAY_BE_MISSING]
    compile: Compile
    freeze: Annotated[list[str] | None, doc("a list of names, as [layers.1.*]")]
    preflight: Annotated[bool, MAY_CHANGE, MAY_BE_MISSING]
    figures: Annotated[Figures, MAY_CHANGE, MAY_BE_MISSING]
    tags: Annotated[list[Text] | None, MAY_CHANGE, MAY_BE_MISSING]
    notes: Annotated[Text | None, MAY_CHANGE, MAY_BE_MISSING]
    log_gradients: Annotated[bool | None, MAY_CHANGE, MAY_BE_MISSING]
    module: Part
    loss: Part
    metrics: Parts
    data: Serving
    model: Part
    optimizer: TorchOptimizer
    scheduler: TorchScheduler
    trainer: Trainer
    callbacks: Callbacks
    logger: Parts


class Eval(Settings):
    """conf/eval.yaml."""

    ckpt_path: Text
    split: Literal["auto", "train", "val", "test", "all"]
    data: Node
    predictions: bool
    overwrite: Annotated[bool, MAY_BE_MISSING]
    figures: Annotated[Figures, MAY_BE_MISSING]
    threads: Count | None
    outputs: Outputs
    name: FolderName
    trainer: Trainer
    logger: Parts


class Infer(Settings):
    """conf/infer.yaml."""

    input: File | None
    output: File
    overwrite: Annotated[bool, MAY_BE_MISSING]
    data: Node
    ckpt_path: Text
    batch_size: Count
    accelerator: Literal["auto", "cpu", "gpu"]
    threads: Count | None
    outputs: Outputs


class SelectBestModel(Settings):
    """conf/select_best_model.yaml."""

    runs: Text
    outputs: Outputs
    metric: Text | None
    mode: Literal["min", "max"] | None
    final_model: Text
    dry_run: bool
    force: bool
    trained_on: Text | None


Kind = Train | Eval | Infer | SelectBestModel
OF_COMMAND: dict[str, type[Kind]] = {"train": Train, "eval": Eval, "infer": Infer, "select_best_model": SelectBestModel}


def keys(kind: type = Train, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each key below a class of settings, ``trainer.max_epochs``, with its annotation, if that says anything."""
    for name, hint in annotations(kind).items():
        if hint in (Any, Part, Parts):  # of whatever class the configuration names: its signature says what it takes
            continue
        yield f"{prefix}{name}", hint
        if (inner := inner_of(hint)) is not None:
            yield from keys(inner, f"{prefix}{name}.")


def marked(mark: str, kind: type = Train) -> tuple[str, ...]:
    """Return the keys that are annotated with `mark`."""
    return tuple(key for key, hint in keys(kind) if mark in getattr(hint, "__metadata__", ()))


def check_values(node: Node, kind: type, prefix: str = "") -> None:
    """Raise `UserError` for a value of `node` that doesn't fit its annotation; missing keys are passed over."""
    if not str(node.get("_target_")).startswith(getattr(kind, "OF", "")):
        return
    for name, hint in ((name, hint) for name, hint in annotations(kind).items() if name in node):
        inner = inner_of(hint)
        if inner is None and not fits(node[name], hint):
            raise UserError(f"{prefix}{name}: expected {expected(hint)}, got {node[name]!r}")
        if inner is not None and isinstance(node[name], dict):
            check_values(node[name], inner, f"{prefix}{name}.")
