"""Small things that several test files use: data in memory, a short training, a run folder made by hand."""

import json
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import torch
from torch import nn

from src.data.preprocessing import Preprocessing
from src.models.simple_net import SimpleNet
from src.training.module import Module
from trainhouse.arrays.datamodule import DataModule
from trainhouse.arrays.spec import Dataset, DataSpec, Rows
from trainhouse.configuration.settings import Train
from trainhouse.tests.common import composed
from trainhouse.training.train import train

CLASSES = DataSpec(task="classification", input_shape=(4,), dtype="float32", outputs=3, classes=("a", "b", "c"))
TARGETS = DataSpec(task="regression", input_shape=(4,), dtype="float32", outputs=2, targets=("u", "v"))


def tiny_data(spec: DataSpec, rows: int = 37, batch_size: int = 5) -> DataModule:
    """Serve 60 % train, 20 % val, 20 % test: of 37 rows 8 validate, in batches of 5 and 3."""
    random = np.random.RandomState(0)
    x = random.standard_normal((rows, 4)).astype(np.float32)
    if spec.task == "classification":
        y: np.ndarray = np.arange(rows) % 3
        x[:, 0] += y
    else:
        y = (x[:, :2] * [100, 1] + [5000, 0]).astype(np.float32)
    return DataModule(Dataset(spec, Rows(x, y), "tiny"), batch_size, 0, [0.6, 0.2, 0.2], split_seed=0, seed=0)


def tiny_module(data: DataModule, network: nn.Module | None = None, **options: Any) -> Module:
    """Return an untrained module with weights that are always the same."""
    torch.manual_seed(0)
    rows, train_rows = data.parts["train"]
    preprocessing = Preprocessing(data.spec)
    preprocessing.fit(rows, train_rows, data.source)
    network = network or SimpleNet((4,), data.spec.outputs, hidden_sizes=(8,))
    options = {"optimizer": partial(torch.optim.SGD, lr=0.05), **options}
    module = Module(data.spec, preprocessing, network, **options)
    module.fit_targets(rows.y[train_rows])
    return module


def tiny_trainer(folder: Path, *callbacks: L.Callback, checkpoints: bool = False, **options: Any) -> L.Trainer:
    """Return a silent trainer for the CPU."""
    options = {"max_epochs": 1, "logger": False, "log_every_n_steps": 1, **options}
    return L.Trainer(
        accelerator="cpu",
        callbacks=list(callbacks),
        enable_checkpointing=checkpoints,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        default_root_dir=str(folder),
        **options,
    )


def tiny_run(made_once: Callable[[str, Callable[[Path], None]], Path]) -> Path:
    """Return the folder of a run of two epochs, trained once for all tests; only read it."""
    data = made_once("tiny_data", lambda folder: None) / "rows.npy"

    def make(folder: Path) -> None:
        train(tiny_config(data), folder)

    return made_once("tiny_run", make)


def tiny_config(data: Path, *overrides: str) -> Train:
    """Compose the configuration of a run on 60 generated rows of 4 columns and 3 classes."""
    rows = [f"data.path={data}", "data.rows=60", "data.columns=4", "data.classes=3", "data.batch_size=16"]
    rest = ["trainer=cpu", "trainer.max_epochs=2", "model.hidden_sizes=[8]", "callbacks.progress_bar=null"]
    return composed(*rows, *rest, *overrides)


def fake_run(
    folder: Path, metrics: dict[str, float | None], fingerprint: str = "0123456789abcdef", **content: Any
) -> Path:
    """Write the folder of a finished run by hand."""
    (folder / "checkpoints").mkdir(parents=True)
    with zipfile.ZipFile(folder / "checkpoints" / "best_model.ckpt", "w") as archive:
        archive.writestr("weights", f"weights of {folder.name}")
    origin = {
        "data": "rows.npy",
        "data_fingerprint": fingerprint,
        "git_commit": "c0ffee",
        "date": "2026-01-02T03:04:05+00:00",
    }
    run = {
        "status": "completed",
        "model": "SimpleNet",
        "best_epoch": 3,
        "best_model": "checkpoints/best_model.ckpt",
        "monitor": "val/loss",
        "mode": "min",
        "metrics": metrics,
        "data_split": {"split": [0.8, 0.1, 0.1], "split_seed": 0},
        "provenance": origin,
    }
    (folder / "metrics.json").write_text(json.dumps(run | content))
    return folder
