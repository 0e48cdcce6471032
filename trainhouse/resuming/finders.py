"""Callbacks of Lightning's that choose a batch size or a learning rate when the run's configuration is written already.

It would not say what the run was trained with, and a resume would search again: the value belongs in the configuration.
"""

from collections.abc import Iterable

import lightning as L
from lightning.pytorch.callbacks import BatchSizeFinder, LearningRateFinder

from trainhouse.configuration.errors import UserError

_FINDERS = {
    BatchSizeFinder: ("batch size", "data.batch_size", "32,64,128"),
    LearningRateFinder: ("learning rate", "optimizer.lr", "1e-4,1e-3,1e-2"),
}


def refuse_finder(callback: L.Callback, key: str) -> None:
    """Raise `UserError` that names `key` if `callback` is one of those."""
    for kind, (what, name, values) in _FINDERS.items():
        if isinstance(callback, kind):
            raise UserError(
                f"{key}: {type(callback).__name__} trains with a {what} that config.yaml doesn't have, so that the run "
                f"can't be resumed or repeated; leave it out, compare some (-m {name}={values}), and set {name}"
            )


def refuse_finders(callbacks: Iterable[L.Callback], key: str) -> None:
    """Do so for any of the `callbacks`."""
    for callback in callbacks:
        refuse_finder(callback, key)
