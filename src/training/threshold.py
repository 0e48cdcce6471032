"""The probability from which on a module decides for the second of two classes; saved with its weights."""

from typing import Any, cast

import torch
from torch import Tensor, nn

from src.evaluation.binary import Binary
from src.evaluation.tasks import AtThreshold
from trainhouse import Task


class DecidesAtThreshold(nn.Module):
    """A part of the module around a network: what `metrics=[auto,binary]` asks for. Without it nothing is changed."""

    metrics: nn.ModuleDict
    usual_task: Task
    threshold: Tensor

    @property
    def task(self) -> Task:
        """What is predicted and decided; at the threshold, if there is one."""
        return AtThreshold(self.threshold) if "threshold" in self._buffers else self.usual_task

    def use_threshold(self) -> None:
        """Take the threshold of the metrics, if they have one, and from then on that of the weights that are loaded."""
        if binary := self._binary():
            self.register_buffer("threshold", torch.tensor(0.0))
            self.set_threshold(binary[0].threshold)
            self.register_load_state_dict_post_hook(_as_loaded)  # type: ignore[no-untyped-call]

    def set_threshold(self, threshold: float) -> None:
        """Decide for the second class from this probability on."""
        self.threshold.fill_(threshold)
        for metric in self._binary():
            metric.threshold = threshold

    def keep_chosen_threshold(self) -> None:
        """Take over what the metrics have chosen by the rows of a validation."""
        if chosen := [metric.threshold for metric in self._binary() if metric.chooses]:
            self.set_threshold(chosen[0])

    def _binary(self) -> list[Binary]:
        every = (
            metric for of_split in self.metrics.values() for metric in cast(Any, of_split).values(copy_state=False)
        )
        return [metric for metric in every if isinstance(metric, Binary)]


def _as_loaded(module: DecidesAtThreshold, _: object) -> None:
    module.set_threshold(float(module.threshold))
