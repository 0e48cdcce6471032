"""A trial that others have beaten ends early, and says so."""

import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import optuna
import pytest
from omegaconf import OmegaConf

from trainhouse.configuration.settings import Train
from trainhouse.tests.tiny import CLASSES, tiny_data, tiny_module, tiny_trainer
from trainhouse.training import pruning
from trainhouse.training.callbacks import History
from trainhouse.training.pruning import Pruning, build_pruning


class Pruner(optuna.pruners.BasePruner):
    """Ends a trial once it has reported an epoch."""

    def __init__(self, after: int) -> None:
        self.after = after

    def prune(self, study: optuna.Study, trial: optuna.trial.FrozenTrial) -> bool:
        return trial.last_step is not None and trial.last_step >= self.after


def trained(folder: Path, after: int, metric: str = "val/loss", epochs: int = 4) -> tuple[Pruning, optuna.Trial, Any]:
    trial = optuna.create_study(pruner=Pruner(after)).ask()
    data = tiny_data(CLASSES)
    history = History(folder / "metrics.csv")
    callback = Pruning(trial, metric, history)
    trainer = tiny_trainer(folder, history, callback, checkpoints=True, max_epochs=epochs)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer.fit(tiny_module(data), datamodule=data)
    return callback, trial, history


def reported(trial: optuna.Trial) -> dict[int, float]:
    return trial.study.get_trials()[trial.number].intermediate_values


def test_a_trial_reports_the_objective_of_every_epoch(tmp_path: Path) -> None:
    callback, trial, history = trained(tmp_path, after=99)
    assert reported(trial) == {int(row["epoch"]): row["val/loss"] for row in history.rows}
    assert len(history.rows) == 4
    assert callback.pruned_after is None


def test_a_trial_ends_after_the_epoch_in_which_the_pruner_has_seen_enough(tmp_path: Path) -> None:
    callback, trial, history = trained(tmp_path, after=2)
    assert callback.pruned_after == 2
    assert len(history.rows) == 2
    assert list(reported(trial)) == [1, 2]


def test_a_trial_of_short_epochs_is_not_pruned_before_a_quarter_of_its_steps(tmp_path: Path) -> None:
    callback, _, history = trained(tmp_path, after=1, epochs=16)
    assert callback.pruned_after == len(history.rows) == 4


def test_the_last_epoch_is_never_pruned(tmp_path: Path) -> None:
    callback, trial, _ = trained(tmp_path, after=4)
    assert callback.pruned_after is None
    assert list(reported(trial)) == [1, 2, 3, 4]


def test_what_is_measured_after_training_can_not_be_pruned_by(tmp_path: Path) -> None:
    callback, trial, _ = trained(tmp_path, after=1, metric="test/acc")
    assert callback.pruned_after is None
    assert reported(trial) == {}


@pytest.mark.parametrize(
    ("metric", "mode", "pruner", "expected"),
    [
        ("val/loss", "min", {"_target_": "optuna.pruners.NopPruner"}, True),
        ("val/loss", "min", None, False),
        (["val/loss", "val/acc"], ["min", "max"], {"_target_": "optuna.pruners.NopPruner"}, False),
    ],
)
def test_only_a_search_by_one_objective_with_a_pruner_prunes(
    metric: Any, mode: Any, pruner: Any, expected: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = f"journal://{tmp_path}/study.journal"
    pruning.open_study(storage, "study", None, objectives=[pruning.objectives_of(SWEEP)[0]]).ask()
    sweeper = OmegaConf.create({"study_name": "study", "storage": storage, "pruner": pruner})
    hydra_config = SimpleNamespace(sweeper=sweeper, sweep=SimpleNamespace(subdir="0"))
    monkeypatch.setattr(pruning, "is_sweep_job", lambda: True)
    monkeypatch.setattr(pruning, "HydraConfig", SimpleNamespace(get=lambda: hydra_config))
    found = build_pruning(Train({"sweep": {"metric": metric, "mode": mode}}), History(tmp_path / "metrics.csv"))
    assert (found is not None) == expected


def test_a_run_that_is_no_trial_is_not_pruned(tmp_path: Path) -> None:
    assert build_pruning({}, History(tmp_path / "metrics.csv")) is None


SWEEP = OmegaConf.create({"metric": "val/loss", "mode": "min"})
