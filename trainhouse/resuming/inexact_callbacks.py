"""Lightning's callbacks beside which a resume is not exact, and why."""

from collections.abc import Iterable, Iterator

import lightning as L
from lightning.pytorch.callbacks import ModelPruning, SpikeDetection, StochasticWeightAveraging, WeightAveraging

IN_STEP = "it begins in the middle of a step that an error has ended"
"""What is said of a checkpoint that was written then: what the step's forward pass has changed stays."""


def why_not_exact(callbacks: Iterable[L.Callback], processes: int) -> Iterator[str]:
    """Yield the reasons that are known before training."""
    for callback in callbacks:
        name = type(callback).__name__
        if isinstance(callback, (StochasticWeightAveraging, ModelPruning)):
            yield f"{name} keeps a state that no checkpoint holds"
        if isinstance(callback, WeightAveraging):
            yield f"what {name} validates may differ in the last digit, though no weight does"
        if isinstance(callback, SpikeDetection) and processes > 1:
            yield f"{name} has seen other losses in each process, and those of the first are saved"
