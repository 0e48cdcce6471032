"""A run's first line says what was asked for that the files in conf/ don't say already."""

import pytest

from trainhouse.training.changed import differing

CHOICES = {
    "model": "simple_net",
    "loss": "auto",
    "optimizer": "adam",
    "data": "fake",
    "trainer": "default",
    "callbacks": "default",
}


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (["trainer.max_epochs=5", "optimizer.lr=0.01"], ["trainer.max_epochs=5", "optimizer.lr=0.01"]),
        (["optimizer.lr=0.001", "seed=0", "optimizer=adam", "trainer.max_epochs=auto", "loss=auto"], []),
        (["data.batch_size=64", "model.hidden_sizes=[128,64]"], []),  # one stands in what the file begins with
        (["seed=1", "seed=2"], ["seed=2"]),
        (["+trainer.x=1", "~callbacks.early_stopping"], ["+trainer.x=1", "~callbacks.early_stopping"]),
        (["resume=last", "launcher=joblib", "sweep.resume=x", "init_from=x"], ["init_from=x"]),
        (["experiment=gan", "seed=0"], ["experiment=gan", "seed=0"]),  # whose file may say another seed
        (["model=no_such"], ["model=no_such"]),
    ],
)
def test_what_differs_is_said(overrides: list[str], expected: list[str]) -> None:
    assert differing(overrides, CHOICES) == expected


def test_a_runs_own_config_has_other_defaults() -> None:
    assert differing(["seed=0"], CHOICES, is_from_conf=False) == ["seed=0"]
