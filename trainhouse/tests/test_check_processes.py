"""What several processes of one run can't do is refused in a line."""

from pathlib import Path

import pytest
from lightning.pytorch.callbacks import BackboneFinetuning

from trainhouse.configuration.errors import UserError
from trainhouse.tests.common import composed
from trainhouse.training.build import build_trainer
from trainhouse.training.check_processes import refuse_processes


@pytest.mark.parametrize("devices", [1, 2])
def test_weights_that_are_freed_while_ddp_runs_would_differ_between_processes(devices: int, tmp_path: Path) -> None:
    settings = composed("trainer.accelerator=cpu", f"trainer.devices={devices}").trainer
    trainer = build_trainer(settings, tmp_path, [BackboneFinetuning()], [])
    if devices == 1:
        refuse_processes(trainer, settings, 600)
    else:
        with pytest.raises(UserError, match=r"^callbacks: BackboneFinetuning frees weights"):
            refuse_processes(trainer, settings, 600)
