"""What a batch counts for in a step that accumulates the gradients of several."""

from typing import Any


def weight_in_step(trainer: Any, batch_idx: int) -> float:
    """Return by what to multiply the loss of an epoch's batch, so that the last group of batches counts in full.

    With ``accumulate_grad_batches=4`` Lightning divides each loss by 4. Of five batches the fifth makes a step alone,
    and a quarter of one. Lightning leaves it at that; Transformers divides by
    the number that there is, and so does this: the step is then the mean of its batches, as each other one is. 1.0 but
    in that group, and where nobody knows how many batches an epoch has.
    """
    size, batches = trainer.accumulate_grad_batches, trainer.num_training_batches
    if size == 1 or not isinstance(batches, int):  # infinite, as a float
        return 1.0
    rest = batches % size
    return size / rest if rest and batch_idx >= batches - rest else 1.0
