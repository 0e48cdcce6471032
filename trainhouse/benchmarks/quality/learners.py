"""Who learns: the project's default model, and those of scikit-learn. Each gives its score on the test rows."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from trainhouse.benchmarks.composed import composed
from trainhouse.benchmarks.quality.problems import Problem
from trainhouse.training.train import train

LINEAR, BOOSTING, FOREST, MLP = "linear", "boosting", "forest", "mlp"
YARDSTICKS = (LINEAR, MLP)
"""What the default model has to be as good as."""
OTHERS = (LINEAR, MLP, BOOSTING, FOREST)
# Its validation split is of the same rows as what the others learn from; the test rows are a file of their own.
_OPTIONS = ("data=npy", "data.split=[0.85,0.15,0.0]", "logger=none", "figures=false", "trainer=cpu")


_APART = 1000  # between the seeds of two divisions


def train_default(
    problem: Problem, seed: int, division: int, folder: Path, shuffled: bool, options: Sequence[str]
) -> float:
    """Train below `folder` as train.py does and return the score on the test rows of the split `seed`.

    Which of the other rows validate, and how the network begins, depends on the `division` too.
    """
    folder /= f"{seed}_{division}"
    folder.mkdir(parents=True)
    words = []
    parts = ("features", "labels", "test_features", "test_labels")
    for part, array in zip(parts, problem.divided(seed, shuffled), strict=True):
        np.save(folder / f"{part}.npy", array)
        words.append(f"data.{part}={folder}/{part}.npy")
    task = "data.task=classification" if problem.is_classes else "data.task=regression"
    own = seed + _APART * division
    settings = composed("train", *_OPTIONS, *words, task, f"seed={own}", f"data.split_seed={own}", *options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = train(settings, folder / "run")
    return result.metrics["test/acc" if problem.is_classes else "test/r2"]


def train_other(name: str, problem: Problem, seed: int, division: int = 0) -> float:
    """Train one of scikit-learn's models with its own defaults and return the score on the test rows."""
    x, y, test_x, test_y = problem.divided(seed)
    model = _other(name, problem.is_classes, seed + _APART * division)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it has not converged
        model.fit(x.reshape(len(x), -1), y)
        said = model.predict(test_x.reshape(len(test_x), -1))
    return problem.score(said, test_y)


def _other(name: str, is_classes: bool, seed: int) -> Any:
    if name == LINEAR:
        linear = LogisticRegression(max_iter=2000) if is_classes else RidgeCV(np.logspace(-3, 3, 13))
        return make_pipeline(StandardScaler(), linear)
    if name == MLP:
        mlp = MLPClassifier if is_classes else MLPRegressor
        options = {"early_stopping": True, "max_iter": 2000, "random_state": seed}
        return make_pipeline(StandardScaler(), mlp(hidden_layer_sizes=(128, 64), **options))
    if name == BOOSTING:
        return (HistGradientBoostingClassifier if is_classes else HistGradientBoostingRegressor)(random_state=seed)
    return (RandomForestClassifier if is_classes else RandomForestRegressor)(300, random_state=seed)
