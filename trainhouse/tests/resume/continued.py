"""What a run that is resumed is made of, and what is left in its folder."""

from pathlib import Path
from typing import Any

from trainhouse.tests.common import composed
from trainhouse.training.resume import resume
from trainhouse.training.training_result import TrainingResult

OPTIONS = [
    "name=test",
    "logger=none",
    "data.path=rows.npy",
    "data.rows=60",
    "data.columns=4",
    "data.classes=3",
    "data.batch_size=16",
    "data.noise=2.0",
    "model.hidden_sizes=[8]",
    "model.dropout=0.5",
    "optimizer.lr=0.01",
    "trainer=cpu",
    "trainer.max_epochs=3",
    "trainer.log_every_n_steps=1",
    "callbacks.epoch_checkpoint.every_n_epochs=1",
    "callbacks.progress_bar=null",
    "preflight=false",
]
DEFAULTS = composed()


def resumed(folder: Path, *overrides: str) -> TrainingResult:
    """What `python train.py resume=<folder> <overrides>` does once the configuration is composed."""
    arguments = [f"resume={folder}", *overrides]
    return resume(folder, composed(*arguments) if overrides else DEFAULTS, arguments)


def content(folder: Path, log: bool = False) -> dict[str, tuple[bytes, int]]:
    """Every file below `folder`, with what it holds and when it was written."""
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file() and (log or path.name not in ("training.log", "last_error.log"))
    }


class Payload:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return open, (str(self.path), "w")
