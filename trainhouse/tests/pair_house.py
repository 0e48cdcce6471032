"""Puts the pairs of LightningModule and LightningDataModule in pairs/ where a user has them, and runs them.

Within the test process the packages `src.models` and `src.data` are found in pairs/ too, and so is their
configuration. `clone` makes a folder of the whole project with the pairs in it, for processes of its own.
"""

import json
import shutil
from pathlib import Path
from typing import Any

import lightning as L
import torch
from hydra import compose, initialize_config_dir

from trainhouse.configuration.config import checked
from trainhouse.configuration.settings import Train
from trainhouse.tests.common import CONF, ROOT, read_history
from trainhouse.training.callbacks import LastCheckpoint
from trainhouse.training.train import train

PAIRS = Path(__file__).resolve().parent / "pairs"
NAMES = sorted(path.stem for path in (PAIRS / "conf" / "experiment").glob("*.yaml"))
SCRIPTS = ("train.py", "eval.py", "infer.py", "select_best_model.py")


def pair_config(name: str | None, files: Path, *overrides: str) -> Train:
    """Compose a short run of a pair, or of what the overrides choose if there is no name.

    What its `prepare_data` writes goes below `files`.
    """
    fixed = [
        f"hydra.searchpath=[file://{PAIRS / 'conf'}]",
        *([f"experiment={name}"] if name else []),
        "trainer=cpu",
        "trainer.max_epochs=3",
        "trainer.log_every_n_steps=1",
        "callbacks.progress_bar=null",
        "callbacks.last_checkpoint.every_n_minutes=1e-9",  # after every batch, also where few of them are a step
        "logger=none",
        "threads=1",
    ]
    if name in ("mnist_template", "padded_text"):
        fixed.append(f"data.data_dir={files}")
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return checked(compose("train", [*fixed, *overrides]))


class KilledError(BaseException):
    """The end of a process, which nothing is expected to survive."""


class Kill(LastCheckpoint):
    """Ends the run after so many batches of an epoch, when all other callbacks have done what they do after one.

    With ``batch=0`` it does so at the end of the epoch. The ones that save last are called last.
    """

    def __init__(self, epoch: int, batch: int) -> None:
        self.epoch, self.batch = epoch, batch

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None: ...

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if (trainer.current_epoch, batch_idx + 1) == (self.epoch, self.batch):
            raise KilledError

    def on_train_epoch_end(self, trainer: L.Trainer, *_: Any) -> None:
        if (trainer.current_epoch, self.batch) == (self.epoch, 0):
            raise KilledError


def train_until(config: Train, folder: Path, epoch: int, batch: int) -> Path:
    """Train until the run is killed after `batch` batches of an epoch (0: after all of it); return last.ckpt."""
    killed = {"_target_": "trainhouse.tests.pair_house.Kill", "epoch": epoch, "batch": batch}
    try:
        train(config.with_values({"preflight": False, "callbacks.killed": killed}), folder)
    except KilledError:
        return folder / "checkpoints" / "last.ckpt"
    raise AssertionError(f"the run ended before batch {batch} of epoch {epoch}")


def read_checkpoint(path: Path) -> dict[str, Any]:
    return torch.load(path, weights_only=True, map_location="cpu")


def clone(folder: Path) -> None:
    """Copy the project into `folder`, and the pairs to where a user's own classes are."""
    for name in SCRIPTS:
        shutil.copy(ROOT / name, folder / name)
    for name in ("src", "conf", "hydra_plugins", "trainhouse"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "tests"))
    (folder / "data").mkdir()
    (folder / "data" / "raw").symlink_to(ROOT / "data" / "raw")
    for source, target in (("models", "src/models"), ("data", "src/data"), ("conf", "conf")):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(PAIRS / source, folder / target, dirs_exist_ok=True, ignore=ignored)


def outcome(folder: Path) -> dict[str, Any]:
    """All that a run has learned and measured."""
    last = read_checkpoint(folder / "checkpoints" / "last.ckpt")
    rows = [
        {name: value for name, value in row.items() if "seconds" not in name}
        for row in read_history(folder / "logs" / "metrics.csv")
    ]
    metrics = json.loads((folder / "metrics.json").read_text())
    own = {key: value for key, value in last.items() if key not in CHANGING}
    kept = {key: metrics[key] for key in ("metrics", "epochs", "best_epoch", "best_model", "stopped_by", "status")}
    return {**own, "rows": rows, **kept}


# What in a checkpoint names a time, or is compared in another form.
CHANGING = ("callbacks", "loops", "project")
