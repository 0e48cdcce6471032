"""Tries a batch out before anything long begins, and looks for the mistakes that show in it."""

import logging
from pathlib import Path

import lightning as L

from trainhouse.arrays.datamodule import DataModule
from trainhouse.machine.terminal import doing
from trainhouse.reports.names import COLUMNS
from trainhouse.resuming.seeding import reseed
from trainhouse.runs.this_job import is_worker_rank
from trainhouse.training.build_data import build_data
from trainhouse.training.build_run import BuiltRun
from trainhouse.training.check_processes import refuse_missed_gradients
from trainhouse.training.checks import check_validated
from trainhouse.training.logged_in_trial import Logged
from trainhouse.training.monitoring import check_logged, check_mode_is_said
from trainhouse.training.preflight import preflight

_log = logging.getLogger(__name__)


def try_out(built: BuiltRun, trainer: L.Trainer, callbacks: list[L.Callback], folder: Path) -> Logged:
    """Look for mistakes that show in a batch; what the metrics that were logged say of themselves is taken over."""
    settings, logged = built.settings, Logged()
    if settings.preflight:
        logged = _preflight(built, callbacks, folder)
        refuse_missed_gradients(logged.without_gradient, built.module, trainer, settings.trainer)
        built.directions = logged.directions | built.directions
        check_logged(settings, logged, built.directions)
        check_validated(settings, built.datamodule, logged.of_validation)
        if taken := [name for name in COLUMNS if name in logged.names]:
            _log.info("note: the loggers alone have what is logged as %s: metrics.csv has its own", ", ".join(taken))
    if built.has_own_module and not is_worker_rank():
        check_mode_is_said(settings, built.directions)
    return logged


def _preflight(built: BuiltRun, callbacks: list[L.Callback], folder: Path) -> Logged:
    """Try out a batch; a user's DataModule is built again for that, so that the run's own is left as it is."""
    settings, tried = built.settings, built.datamodule
    if not isinstance(tried, DataModule):
        reseed(settings.seed, "init")
        tried = build_data(settings.data, settings.seed)
    with doing("trying out a batch"):
        return preflight(built.module, tried, callbacks, settings.trainer, settings.seed, folder)
