"""The base of a metric that is updated at each small step: torchmetrics' own, less what each attribute costs it."""

from typing import TYPE_CHECKING

from torchmetrics import Metric

from trainhouse.configuration.speed import fast

if TYPE_CHECKING:

    class LeanMetric(Metric):
        """A metric of torchmetrics."""

else:
    LeanMetric = getattr(fast("lean_loop"), "LeanMetric", Metric)
