"""One training and one validation batch through a copy of everything, before the first epoch.

A name that nothing logs, a loss that can't be computed, a network that can't go backward: found in a moment, and
not at the end of the first epoch.
"""

import copy
import logging
import random
import warnings
from typing import Any

import lightning as L
import numpy as np
import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException

from src.data.datamodule import DataModule
from src.training.module import Module
from src.utils.errors import UserError, did_you_mean
from src.utils.run_folder import is_worker_rank


def preflight(
    module: Module, datamodule: DataModule, callbacks: list[L.Callback], options: dict[str, Any]
) -> list[str]:
    """Train and validate a copy of `module` for a batch each, and look for what `callbacks` and the schedule monitor.

    `options` are the Trainer's. Returns the names of what is logged. Nothing is left behind: the module, the data's
    cursor and the random states are as before. Raises `UserError` for a name that is not logged, and whatever the step
    itself raises.
    """
    if is_worker_rank():  # the first process looks for all
        return []
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)  # what it says of itself is not for this trial
    numpy_state, python_state = np.random.get_state(), random.getstate()
    trainer = L.Trainer(
        accelerator=options["accelerator"],
        devices=1,
        precision=options["precision"],
        fast_dev_run=True,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        inference_mode=options["inference_mode"],
        use_distributed_sampler=False,
    )
    validation = datamodule.trial_batches("val") if datamodule.row_count("val") else None
    with warnings.catch_warnings(), torch.random.fork_rng():
        warnings.simplefilter("ignore")  # the run itself will say them
        try:
            trainer.fit(copy.deepcopy(module), datamodule.trial_batches("train"), validation)
        except MisconfigurationException as error:  # such as a schedule that monitors what is not logged
            raise UserError(f"preflight: {' '.join(str(error).split())}") from error
        except ValueError as error:
            if "more than 1 value per channel" not in str(error):
                raise
            raise UserError("data.batch_size: batch normalisation needs batches of 2 rows at least") from error
    np.random.set_state(numpy_state)
    random.setstate(python_state)

    logged = sorted(trainer.callback_metrics)
    monitored = [(type(callback).__name__, getattr(callback, "monitor", None)) for callback in callbacks]
    for name, monitor in monitored:
        if monitor is not None and monitor not in logged:
            hint = did_you_mean(monitor, logged)
            raise UserError(f"{name} monitors '{monitor}', which is not logged{hint} (there are: {', '.join(logged)})")
    return logged
