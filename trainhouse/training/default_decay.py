"""How strongly weights are pulled towards 0 where nobody has said it: `optimizer.weight_decay: auto`."""

import lightning as L

from trainhouse.arrays.datamodule import DataModule
from trainhouse.configuration.auto_length import AUTO
from trainhouse.configuration.settings import Train

PRIOR = 5.0
"""How much all training rows together are told of it: that each weight is drawn from N(0, 1 / `PRIOR`).

A step minimises a mean over rows, in which that counts `PRIOR` / rows. docs/speed.md has what it brought.
"""
OF_ADAMW = 0.01
"""As torch has it."""
FEW_ROWS, MANY_ROWS = 100, 1000
"""Fewer rows than the first have the decay of so many, since twice that brought 90 rows nothing.

From the second on there is none: it brought nothing there, and cost some on curves.
"""


def with_decay(settings: Train, datamodule: L.LightningDataModule, has_own_module: bool) -> Train:
    """Return settings that say how strong the weight decay is, as `config.yaml` has to.

    It is 0 beside a LightningModule of the user's own, for data of which no number of rows is known, and in a run that
    is to learn a few batches by heart. AdamW, whose decay is no penalty of the loss, has its own default.
    """
    if settings.optimizer.get("weight_decay") != AUTO:
        return settings
    if settings.optimizer.target == "torch.optim.AdamW":
        return settings.with_values({"optimizer.weight_decay": OF_ADAMW})
    is_known = isinstance(datamodule, DataModule) and not has_own_module and not settings.trainer.overfit_batches
    rows = datamodule.row_count("train") if isinstance(datamodule, DataModule) and is_known else MANY_ROWS
    decay = float(f"{PRIOR / max(rows, FEW_ROWS):.2g}") if rows < MANY_ROWS else 0.0
    return settings.with_values({"optimizer.weight_decay": decay})
