"""Two processes that train together ask one another in the same order, whatever order their sets have."""

import os
import signal
from pathlib import Path
from typing import Any

import lightning as L
import pytest

from trainhouse.checkpoints.checkpoint import read
from trainhouse.tests.common import ROOT, run_script

RUN = [
    "trainer=cpu",
    "trainer.devices=2",
    "trainer.strategy=ddp",
    "trainer.max_epochs=2",
    "trainer.val_check_interval=0.5",
    "data.rows=170",
    "data.batch_size=8",
    "model.hidden_sizes=[8]",
    "logger=none",
    "preflight=false",
    "hydra.run.dir=run",
]


class StopInValidation(L.Callback):
    """Sends the first process a signal within the third validation; the second begins with another hash seed."""

    def __init__(self) -> None:
        os.environ["PYTHONHASHSEED"] = "1"  # of processes that are started later
        self.validations = 0

    def on_validation_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.validations += 1

    def on_validation_batch_start(self, trainer: L.Trainer, *_: Any) -> None:
        if trainer.is_global_zero and self.validations == 3:
            os.kill(os.getpid(), signal.SIGTERM)


@pytest.mark.skipif(os.name == "nt", reason="needs POSIX signals")
@pytest.mark.slow
def test_a_signal_within_a_validation_on_two_ranks_saves_the_counts_of_both(tmp_path: Path) -> None:
    stop = f"+callbacks.stop._target_={__name__}.StopInValidation"
    known = {"PYTHONHASHSEED": "0", "PYTHONPATH": str(ROOT)}
    stopped = run_script("train.py", *RUN, stop, cwd=tmp_path, fresh=True, **known)
    assert stopped.returncode == 143, stopped.stdout + stopped.stderr
    assert "saved run/checkpoints/last.ckpt" in stopped.stdout + stopped.stderr
    assert "Traceback" not in stopped.stdout + stopped.stderr
    saved = read(tmp_path / "run/checkpoints/last.ckpt")["callbacks"]["ExactResume"]
    assert (saved["epoch"], saved["batch"], saved["validation"]) == (1, 4, "due")
    counted = {name: state["state"] for name, state in saved["metrics"].items()}
    assert counted["losses.train_split"]["rows"] == 4 * 8 * 2, "four batches of eight rows on each of two"
    assert not [name for name in counted if "val" in name], "which begins again"
