"""Loss functions by name, each the mean over a batch."""

from collections.abc import Callable
from functools import partial

from torch import Tensor
from torch.nn import functional as F

from trainhouse import TaskName, UserError

Loss = Callable[[Tensor, Tensor], Tensor]

REGRESSION: dict[str, Loss] = {"mse": F.mse_loss, "mae": F.l1_loss, "huber": F.huber_loss}


def build_loss(task: TaskName, name: str = "auto", label_smoothing: float = 0.0) -> Loss:
    """Return a function of outputs and targets. ``auto`` is cross-entropy for classes and mse for targets.

    Regression losses see targets standardised by the training split's mean and deviation.
    Raises `UserError` for a loss that does not fit the task.
    """
    options = ["auto", "cross_entropy"] if task == "classification" else ["auto", *REGRESSION]
    if name not in options:
        raise UserError(f"loss.name: for {task} expected one of {', '.join(options)}, got '{name}'")
    if label_smoothing and task != "classification":
        raise UserError("loss.label_smoothing: is for classes; set it to 0 for regression")
    if task == "classification":
        return partial(F.cross_entropy, label_smoothing=label_smoothing)
    return REGRESSION["mse" if name == "auto" else name]
