"""What a test shows beside its metrics: rows are kept while it runs, and drawn after it."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import torch

from trainhouse.arrays.datamodule import DataModule
from trainhouse.arrays.precision import on_device, served_dtype, to_numpy
from trainhouse.configuration.settings import Train
from trainhouse.figures.about import About
from trainhouse.figures.chosen import KINDS, LOSS_CURVE, Asked, asked_in, check_asked, figures_of, is_asked, name_of
from trainhouse.figures.drawing import draw, of_measured, remove, say_not_drawn
from trainhouse.figures.kept_rows import KeptRows, scale_of
from trainhouse.machine.terminal import doing
from trainhouse.runs.layout import FIGURES
from trainhouse.runs.this_job import is_sweep_job
from trainhouse.training.build_module import is_lightning_module
from trainhouse.training.build_run import BuiltRun
from trainhouse.training.training_result import TrainingResult

_log = logging.getLogger(__name__)

_ROWS = 4096  # that are predicted at once


class FiguresOfTest(L.Callback):
    """Keeps what figures need of a test of the module around a network, of one process."""

    def __init__(self, module: Any, datamodule: DataModule, split: str, asked: Asked) -> None:
        """`asked` is the key `figures`; rows are those that the `datamodule` serves of a `split`, in stored order."""
        self.module = module
        self.rows = datamodule.parts[split][0]
        self.numbers = datamodule.row_numbers_of(split)
        has_weights = datamodule.beside[split].weights is not None
        self._note = "Each row counts once, whatever its weight." if has_weights else ""
        self.figures = [one for one in figures_of(module.task) if is_asked(name_of(one), asked)]
        self._wide = module.spec.dtype == "float64"
        self._kept = KeptRows(module.spec, module.task, self.numbers, scale_of(self.rows.y)) if self.figures else None

    def on_test_batch_end(
        self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        """Keep what is needed of a batch; what fails in that costs the figures, not the test."""
        if self._kept:
            try:
                self._kept.add(batch[1].cpu().numpy(), to_numpy(outputs))
            except Exception as error:
                self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        self._kept = None
        say_not_drawn("the figures of the test are", error)

    def by_name(self, about: About, folder: Path) -> dict[str, Callable[[], Any]]:
        """Return what draws each figure; nothing if no batch was tested. What stands beside one goes to `folder`."""
        about = replace(about, note=self._note)
        weights = sum(parameter.numel() for parameter in self.module.parameters())
        try:
            measured = self._kept.measured(about, self._stored, self._predict, weights) if self._kept else None
        except Exception as error:
            measured = None
            self._give_up(error)
        return of_measured(self.figures, measured, folder) if measured else {}

    def _stored(self, positions: np.ndarray) -> np.ndarray:
        x = self.rows.x[self.numbers[positions]]
        return np.ascontiguousarray(x, dtype=served_dtype(x.dtype, self._wide))

    def _predict(self, x: np.ndarray) -> np.ndarray:
        self.module.eval()
        with torch.inference_mode():
            parts = [torch.from_numpy(x[start : start + _ROWS]) for start in range(0, len(x), _ROWS)]
            return np.concatenate(
                [to_numpy(self.module.predict(on_device(part, self.module.device))) for part in parts]
            )


def check_figures(settings: Train, module: Any, datamodule: L.LightningDataModule) -> None:
    """Raise `UserError` if the key `figures` names one that a run can't draw."""
    has, of = [LOSS_CURVE], "a LightningModule of one's own"
    if not is_lightning_module(settings.model):
        of = "a run without test rows"
        if isinstance(datamodule, DataModule) and datamodule.row_count("test"):
            has, of = [*has, *map(name_of, figures_of(module.task))], getattr(module.task, "name", "this task")
    check_asked(asked_in(settings), has, of)


def asked_in_run(settings: Train) -> Asked:
    """Return which figures a run draws: a job of a sweep the loss curve alone, unless others are named."""
    asked = asked_in(settings)
    return [LOSS_CURVE] if asked is True and is_sweep_job() else asked


def draw_figures(
    built: BuiltRun, result: TrainingResult, history: Sequence[dict[str, float]], of_test: FiguresOfTest | None
) -> None:
    """Draw the figures of a run that has ended.

    Those that the run has drawn before it was extended, and does not draw now, are removed: they show another model.
    """
    folder, spec = result.folder, built.card.spec
    about = About(f"{folder.parent.name}/{folder.name}", built.card.name)
    figures: dict[str, Callable[[], Any]] = {}

    def curve() -> Any:
        from trainhouse.figures.loss_curve import loss_curve  # and with it matplotlib

        best = result.best_epoch if result.monitor else None
        targets = spec.targets if spec and spec.task == "regression" else ()
        return loss_curve(history, best, result.monitor, about, targets)

    if history and is_asked(LOSS_CURVE, asked_in_run(built.settings)):
        figures[LOSS_CURVE] = curve
    if of_test:
        figures |= of_test.by_name(replace(about, data=f"{about.data}, test split"), folder / FIGURES)
    try:
        for name in {LOSS_CURVE, *KINDS} - figures.keys():
            remove(folder / FIGURES, name)
    except OSError as error:
        _log.warning("warning: %s: %s; it may show another model", error.filename, error.strerror)
    if not figures:
        return
    with doing("drawing the figures"):
        draw(figures, folder / FIGURES)


def figures_of_run(built: BuiltRun, trainer: L.Trainer) -> FiguresOfTest | None:
    """Return what is to see the test of a run, if it has figures: one process of several sees a part of the rows."""
    datamodule, asked = built.datamodule, asked_in_run(built.settings)
    if built.has_own_module or not isinstance(datamodule, DataModule) or asked is False:
        return None
    if trainer.world_size > 1:
        if trainer.is_global_zero:
            _log.info("figures of the test: python eval.py draws them; here each process sees a part of the rows")
        return None
    if built.settings.compile and not isinstance(asked, list):  # it would compile again, for other batches
        names = [name_of(one) for one in figures_of(built.module.task)]
        asked = [LOSS_CURVE, *(name for name in names if name != "permutation_importance")]
    return FiguresOfTest(built.module, datamodule, "test", asked)
