"""Lightning's callbacks and strategies beside which a resume is not exact, and why."""

from collections.abc import Iterator

import lightning as L
from lightning.pytorch.callbacks import ModelPruning, SpikeDetection, StochasticWeightAveraging
from lightning.pytorch.strategies import DDPStrategy, ModelParallelStrategy, SingleDeviceStrategy

from trainhouse.resuming.trainer_parts import callbacks_of

NOT_EXACT = "warning: a resume of this run is not exact: %s"
HOW_TO_SAVE = "; keep networks in submodules, and numbers and tensors in plain attributes"
IN_STEP = "it begins in the middle of a step that an error has ended"
"""What is said of a checkpoint that was written then: what the step's forward pass has changed stays."""


def why_not_exact(trainer: L.Trainer) -> Iterator[str]:
    """Yield the reasons that are known before training."""
    if not isinstance(trainer.strategy, (SingleDeviceStrategy, DDPStrategy, ModelParallelStrategy)):
        yield f"it was not tried with {type(trainer.strategy).__name__}"
    for callback in callbacks_of(trainer):
        name = type(callback).__name__
        if isinstance(callback, (StochasticWeightAveraging, ModelPruning)):
            yield f"{name} keeps a state that no checkpoint holds"
        if isinstance(callback, SpikeDetection) and trainer.world_size > 1:
            yield f"{name} has seen other losses in each process, and those of the first are saved"
