"""Bases of a LightningModule and of metrics for small steps: the originals, less what each attribute costs them."""

from typing import TYPE_CHECKING

import lightning as L
from torchmetrics import Metric

from trainhouse.configuration.speed import fast

if TYPE_CHECKING:

    class LeanModule(L.LightningModule):
        """A LightningModule."""

    class LeanMetric(Metric):
        """A metric of torchmetrics."""

else:
    LeanModule = getattr(fast("lean_loop"), "LeanModule", L.LightningModule)
    LeanMetric = getattr(fast("lean_loop"), "LeanMetric", Metric)
