"""Predicts with a LightningModule or a LightningDataModule of the user's own, from the checkpoint alone."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import torch
from lightning.pytorch.utilities.model_helpers import is_overridden
from torch import Tensor

from trainhouse.arrays.precision import on_device, to_numpy
from trainhouse.checkpoints.checkpoint import Checkpoint, read
from trainhouse.checkpoints.writing import AtomicCheckpointIO
from trainhouse.configuration.errors import UserError, first_line
from trainhouse.machine.files import atomic_write
from trainhouse.predicting.own_parts import fitting, own_module, own_parts, say_what_changed
from trainhouse.predicting.row_columns import RowColumns
from trainhouse.reports.writers import class_array, open_writer
from trainhouse.resuming.exact_data import ExactData, flattened, run_in_place_of_prediction
from trainhouse.resuming.exact_loaders import exact
from trainhouse.resuming.loops import was_tried
from trainhouse.resuming.passes import Passes
from trainhouse.resuming.seeding import reseed
from trainhouse.training.build_data import untrained_preprocessing
from trainhouse.training.quiet import NOTHING_LEFT, quiet_lightning
from trainhouse.training.rebuild_module import restore

ANY_KIND = ".pt"
LOADER = "loader"
# Files whose columns have one type each.
_TYPED = (".npy", ".parquet")


def _check_predicts(module: L.LightningModule) -> None:
    if not is_overridden("predict_step", module) and type(module).forward is L.LightningModule.forward:
        raise UserError(
            f"model: {type(module).__name__} has neither predict_step nor forward, so it can't predict; give it one"
        )


def predict_own(checkpoint: Checkpoint, overrides: dict[str, Any], output: Path, device: torch.device) -> int:
    """Run `predict_step` over the DataModule's `predict_dataloader` into a file; return the number of rows or batches.

    The file's columns are what the module's `prediction_columns(output)` names, or those of a mapping or tensor; a file
    that ends in ``.pt`` takes a list of whatever `predict_step` returns. Rows stream into ``.csv`` and ``.jsonl``;
    for the other files all of them are held. Of several loaders a column `loader` says which, from 0 on;
    the ``.pt`` file has a list for each, as Lightning returns them.
    """
    module, datamodule = own_parts(checkpoint, overrides)
    seed, name = checkpoint.config.seed, type(datamodule).__name__
    if not is_overridden("predict_dataloader", datamodule):
        raise UserError(f"data: {name} has no predict_dataloader; give it one, as predict_dataloader = test_dataloader")
    _check_predicts(module)
    say_what_changed(checkpoint)
    written, has_loaders = 0, False

    def act() -> None:
        nonlocal written, has_loaders
        loaders = list(flattened(datamodule.predict_dataloader()))
        has_loaders = True
        outputs = _outputs(trainer, module, datamodule, loaders, seed)
        if output.suffix == ANY_KIND:
            batches_of: dict[int | None, list[Any]] = {}
            for loader, one in outputs:
                batches_of.setdefault(loader, []).append(_on_cpu(one))
                written += 1
            kept = batches_of.pop(None, []) or list(batches_of.values())
            with atomic_write(output) as file:
                torch.save(kept, file)
            return
        batches = _alike(_with_loader(_columns(module, one), loader) for loader, one in outputs)
        if output.suffix in _TYPED:  # the first batch does not know what kind of number, or how long a string, comes
            batches = _joined(batches)
        with open_writer(output) as writer:
            for columns in batches:
                writer.write(columns)
                written += len(next(iter(columns.values())))

    with quiet_lightning():
        trainer = L.Trainer(
            accelerator="cpu" if device.type == "cpu" else "auto",
            devices=1,
            logger=False,
            plugins=[AtomicCheckpointIO()],
            **NOTHING_LEFT,
        )
        if was_tried():
            ExactData(trainer, seed)
        run_in_place_of_prediction(trainer, act)
        try:
            with fitting(checkpoint):
                trainer.predict(module, datamodule=datamodule, ckpt_path=str(checkpoint.path), return_predictions=False)
        except Exception as error:
            if not has_loaders:
                error.add_note(
                    f"This was while {type(datamodule).__name__} was asked for what to predict for (its setup, with "
                    "stage 'predict', and its predict_dataloader); data.<argument>=... sets its arguments"
                )
            elif isinstance(error, (TypeError, AttributeError)) and not is_overridden("predict_step", module):
                raise UserError(
                    f"model: {type(module).__name__} has no predict_step, and Lightning's gives forward a whole batch "
                    f"({first_line(error)}); write one, as one that returns self(batch[0])"
                ) from error
            raise
    return written


def predict_rows_own(
    checkpoint: Checkpoint, batches: Iterable[np.ndarray], named: RowColumns, output: Path, device: torch.device
) -> int:
    """Stream batches of rows through a LightningModule of the user's own; return the number of rows.

    The columns are the module's own, or ``prediction`` and an ``output_<class>`` for each class, as it returns them.
    """
    spec = checkpoint.data_spec
    preprocessing = untrained_preprocessing(checkpoint.config.data, spec)
    try:
        preprocessing.load_state_dict(read(checkpoint.path)["PreprocessingDataModule"]["preprocessing"])
    except (KeyError, TypeError, AttributeError, RuntimeError) as error:
        what = f"its preprocessing can't be used ({type(error).__name__}: {' '.join(str(error).split())}"[:200]
        raise UserError(f"{checkpoint.path}: the state of {what})") from error
    module = restore(own_module(checkpoint), checkpoint)
    _check_predicts(module)
    for part in (module, preprocessing):
        part.to(device).eval()
    written = 0
    with open_writer(output) as writer, torch.inference_mode():
        for number, rows in enumerate(batches):
            reseed(checkpoint.config.seed, "predict", number)
            x = preprocessing(on_device(torch.from_numpy(np.array(rows)), device))
            values = module.predict_step(x, number)
            writer.write(named.beside(_columns_of_rows(module, values, checkpoint)))
            written += len(rows)
    return written


def _columns_of_rows(module: L.LightningModule, values: Any, checkpoint: Checkpoint) -> dict[str, np.ndarray]:
    spec = checkpoint.data_spec
    is_plain = isinstance(values, Tensor) and values.ndim == 2 and values.shape[1] == spec.outputs
    if callable(getattr(module, "prediction_columns", None)) or not is_plain:
        return _columns(module, values)
    numbers = to_numpy(values)
    if spec.classes:
        chosen = {"prediction": class_array(spec.classes)[numbers.argmax(axis=1)]}
        return chosen | {f"output_{name}": numbers[:, index] for index, name in enumerate(spec.classes)}
    if len(spec.targets) == 1:
        return {"prediction": numbers[:, 0]}
    return {f"prediction_{name}": numbers[:, index] for index, name in enumerate(spec.targets)}


def _outputs(
    trainer: L.Trainer, module: L.LightningModule, datamodule: L.LightningDataModule, loaders: list[Any], seed: int
) -> Iterator[tuple[int | None, Any]]:
    """Yield what `predict_step` returns for each batch; the hooks around it are called as Lightning calls them.

    With it goes the number of its loader, where there are several.
    """
    module.eval()
    with torch.inference_mode():
        module.on_predict_start()
        module.on_predict_epoch_start()
        for index, loader in enumerate(loaders):
            more = (index,) if len(loaders) > 1 else ()
            for number, batch in enumerate(exact(loader, Passes(loader, (seed, "predict", index), 0))):
                reseed(seed, "predict step", index, number)
                batch = _hook("on_before_batch_transfer", module, datamodule)(batch, index)
                batch = _hook("transfer_batch_to_device", module, datamodule)(batch, module.device, index)
                batch = _hook("on_after_batch_transfer", module, datamodule)(batch, index)
                module.on_predict_batch_start(batch, number, index)
                with trainer.precision_plugin.predict_step_context():
                    output = module.predict_step(batch, number, *more)
                module.on_predict_batch_end(output, batch, number, index)
                yield index if more else None, output
        module.on_predict_epoch_end()
        module.on_predict_end()


def _hook(name: str, module: L.LightningModule, datamodule: L.LightningDataModule) -> Any:
    return getattr(datamodule if is_overridden(name, datamodule) else module, name)


def _columns(module: L.LightningModule, output: Any) -> dict[str, np.ndarray]:
    """Name what `predict_step` returned of a batch as columns of one length."""
    if callable(name_them := getattr(module, "prediction_columns", None)):
        output = name_them(output)
    elif isinstance(output, Tensor) and output.ndim <= 1:
        output = {"prediction": output.reshape(-1)}
    elif isinstance(output, Tensor) and output.ndim == 2:
        output = {"prediction": output}
    columns: dict[str, np.ndarray] = {}
    for key, value in output.items() if isinstance(output, Mapping) else ():
        column = _column(value)
        several = column.ndim == 2
        columns |= (
            {f"{key}_{index}": column[:, index] for index in range(column.shape[1])} if several else {key: column}
        )
    lengths = {column.shape for column in columns.values()}
    if len(lengths) != 1 or any(len(shape) != 1 for shape in lengths):
        what = ", ".join(f"{key} {column.shape}" for key, column in columns.items()) or type(output).__name__
        raise UserError(
            f"output: {type(module).__name__}.predict_step returns no columns of one length ({what}); give it "
            f"prediction_columns(output), or write to a file that ends in {ANY_KIND}"
        )
    return columns


def _with_loader(columns: dict[str, np.ndarray], loader: int | None) -> dict[str, np.ndarray]:
    """Add which of several loaders the rows came from; a column that the module calls so is its own."""
    if loader is None or LOADER in columns:
        return columns
    return {LOADER: np.full(len(next(iter(columns.values()))), loader), **columns}


def _alike(batches: Iterable[dict[str, np.ndarray]]) -> Iterator[dict[str, np.ndarray]]:
    """Yield the columns of each batch in the order of the first. Raises `UserError` for a batch with other columns."""
    names: list[str] | None = None
    for number, columns in enumerate(batches):
        names = list(columns) if names is None else names
        if set(columns) != set(names):
            raise UserError(
                f"output: batch {number} has the columns {', '.join(columns)}, the ones before have {', '.join(names)};"
                f" return the same ones each time, or write to a file that ends in {ANY_KIND}"
            )
        yield {name: columns[name] for name in names}


def _joined(batches: Iterable[dict[str, np.ndarray]]) -> Iterator[dict[str, np.ndarray]]:
    """Yield all batches as one."""
    parts = list(batches)
    if parts:
        yield {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _column(value: Any) -> np.ndarray:
    if isinstance(value, Tensor):
        value = value.detach().float() if value.dtype == torch.bfloat16 else value.detach()
        value = value.cpu().numpy()
    return np.asarray(value)


def _on_cpu(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.detach().cpu()
    if isinstance(value, Mapping):
        return {key: _on_cpu(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_on_cpu(item) for item in value]
    return value
