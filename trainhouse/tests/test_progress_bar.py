"""The live line says what is learned, also where a step returns nothing."""

from pathlib import Path
from typing import Any

import lightning as L
import pytest
from torch import Tensor

from trainhouse.machine.terminal import LinePart
from trainhouse.tests.own import OwnData, OwnModule
from trainhouse.training.progress_bar import ProgressBar


class Manual(OwnModule):
    """Optimises by itself, as two networks that play against each other do."""

    def __init__(self, **logged: Any) -> None:
        super().__init__()
        self.logged = logged
        self.automatic_optimization = False

    def training_step(self, batch: list[Tensor], batch_idx: int) -> None:  # type: ignore[override]
        for name, options in self.logged.items():
            self.log(name, float(batch_idx + 1), **options)


class Line:
    """Keeps what would be drawn."""

    is_due = True

    def __init__(self) -> None:
        self.shown: list[str] = []

    def show(self, parts: list[LinePart], done: float | None = None) -> None:
        self.shown.append(parts[2].text)

    def clear(self) -> None:
        """Nothing is there."""


EPOCH = {"on_step": False, "on_epoch": True}


@pytest.mark.parametrize(
    ("logged", "second"),
    [
        ({"train/a_loss": EPOCH, "distance": EPOCH}, "a_loss 1.5000"),
        ({"loss": {"on_step": True}}, "loss 2.0000"),
        ({"distance": EPOCH, "score": {**EPOCH, "prog_bar": True}}, "score 1.5000"),
    ],
)
def test_a_step_that_returns_nothing_shows_the_loss_that_it_logs(
    logged: dict[str, Any], second: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bar, line = ProgressBar(), Line()
    monkeypatch.setattr(bar, "_line", line)
    trainer = L.Trainer(
        accelerator="cpu",
        max_epochs=1,
        callbacks=[bar],
        logger=False,
        enable_checkpointing=False,
        enable_model_summary=False,
        log_every_n_steps=1,
        default_root_dir=tmp_path,
    )
    trainer.fit(Manual(**logged), datamodule=OwnData())
    assert line.shown[1] == second
