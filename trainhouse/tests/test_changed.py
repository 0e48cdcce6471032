"""A run's first line says what was typed."""

import pytest

from trainhouse.training.changed import last_of_each


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (["trainer.max_epochs=5", "optimizer.lr=0.01"], ["trainer.max_epochs=5", "optimizer.lr=0.01"]),
        (["seed=1", "model=cnn", "seed=2"], ["model=cnn", "seed=2"]),
        (["+trainer.x=1", "~callbacks.early_stopping"], ["+trainer.x=1", "~callbacks.early_stopping"]),
        (["resume=last", "launcher=joblib", "sweep.resume=x", "init_from=x"], ["init_from=x"]),
    ],
)
def test_the_last_of_each_key_is_said(overrides: list[str], expected: list[str]) -> None:
    assert last_of_each(overrides) == expected
