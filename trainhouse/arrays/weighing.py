"""What the rows of each split weigh: scaled so that a training row weighs 1 on average.

So the step of an optimizer is as long as without weights, and a weight means the same in every split.
"""

import numpy as np

from trainhouse.arrays.beside import Beside
from trainhouse.arrays.spec import Dataset
from trainhouse.configuration.errors import UserError


def weighed(dataset: Dataset, numbers: dict[str, np.ndarray] | None) -> dict[str, Beside]:
    """Return what is said of the rows of each split and of ``all``; `numbers` are those of the splits (None: no split).

    Raises `UserError` if the rows of a split weigh nothing.
    """
    own = {"val": dataset.val and dataset.val_beside, "test": dataset.test and dataset.test_beside}
    found = {name: own.get(name) or dataset.beside for name in ("train", "val", "test", "all")}
    weights = dataset.beside.weights
    if weights is None:
        return found
    if numbers is None:
        return {name: one.scaled(float(weights.mean())) for name, one in found.items()}
    for name, rows in numbers.items():
        if len(rows) and not weights[rows].any():
            raise UserError(f"{dataset.beside.key('weights')}: every row of the {name} split weighs 0")
    mean = float(weights[numbers["train"]].mean())
    return {name: one.scaled(mean) for name, one in found.items()}
