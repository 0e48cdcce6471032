"""Tells a search how a trial is getting on, and ends the trial when the search's pruner has seen enough of it."""

import logging
from typing import TYPE_CHECKING, Any

import lightning as L
from hydra.core.hydra_config import HydraConfig
from lightning.pytorch.callbacks import Checkpoint
from omegaconf import OmegaConf

from trainhouse.configuration.settings import Train
from trainhouse.machine.writes import unrefused
from trainhouse.runs.this_job import is_sweep_job
from trainhouse.sweeps.settings import objectives_of
from trainhouse.sweeps.study import open_study, trial_of
from trainhouse.training.callbacks import History

if TYPE_CHECKING:
    from optuna import Trial

_log = logging.getLogger(__name__)

_STEPS = 200
_SHARE = 0.25  # of the steps that a run has at most


class Pruning(Checkpoint):
    """Reports the objective after every epoch in which it was logged; stops training when the pruner says so.

    The verdict is the same on every rank, and ends training as early stopping does: nothing is killed. An epoch
    after which training ends anyway is not pruned, nor is a trial before it has had 200 optimizer steps, or a quarter
    of all: on small data an epoch is a few steps, after which the best learning rate may look the worst. It is a
    `Checkpoint` to Lightning so that it runs after `History`.
    """

    def __init__(self, trial: "Trial", metric: str, history: History) -> None:
        self.trial, self.metric, self.history = trial, metric, history
        self.pruned_after: int | None = None
        """The number of epochs after which the trial was ended, if it was."""

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Report the epoch, and ask."""
        row = self.history.rows[-1]
        if self.metric not in row:
            return
        is_last = trainer.should_stop or trainer.max_epochs == trainer.current_epoch + 1
        prune = False
        if trainer.is_global_zero:
            with unrefused():
                self.trial.report(row[self.metric], step=int(row["epoch"]))
                prune = not is_last and trainer.global_step >= _least_steps(trainer) and self.trial.should_prune()
        if trainer.strategy.broadcast(prune):
            trainer.should_stop = True
            self.pruned_after = int(row["epoch"])
            _log.info("pruned after %d epochs: other trials were better by then", self.pruned_after)


def _least_steps(trainer: L.Trainer) -> float:
    """Return the optimizer steps before which nothing is known of a trial."""
    epochs, batches = trainer.max_epochs or -1, trainer.num_training_batches
    return _STEPS if epochs < 0 else min(_STEPS, _SHARE * epochs * batches / trainer.accumulate_grad_batches)


def build_pruning(settings: Train, history: History) -> Pruning | None:
    """Return the callback of a trial; None for a run that is none, and for a search with several objectives."""
    if not is_sweep_job():
        return None
    hydra_config = HydraConfig.get()
    sweeper = hydra_config.sweeper
    if "study_name" not in sweeper or not sweeper.storage:
        return None
    objectives = objectives_of(OmegaConf.create(settings.sweep))
    pruner: Any = OmegaConf.to_container(sweeper.pruner, resolve=True) if sweeper.pruner else None
    if len(objectives) > 1 or not isinstance(pruner, dict):
        return None
    with unrefused():
        study = open_study(sweeper.storage, sweeper.study_name, pruner)
        trial = trial_of(study, int(hydra_config.sweep.subdir))
    return Pruning(trial, objectives[0].metric, history)
