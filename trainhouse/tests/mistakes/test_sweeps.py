"""Mistakes in a sweep."""

import importlib.util
from pathlib import Path

import pytest

from trainhouse.tests.common import run_script
from trainhouse.tests.mistakes.judging import Judge, Rows, mistakes

ROWS: Rows = [
    ("train.py -m seed=1,2 data.batch_size=0", "data.batch_size: expected"),
    ("train.py -m seed=1,2 sweep.metric=val/los", "sweep.metric: 'val/los' is not logged; did you mean 'val/loss'?"),
    (
        "train.py -m seed=1,2 sweep.metric=val/acc",
        "sweep.mode: min would take the worst val/acc for the best; set sweep.mode=max",
    ),
    ("train.py -m seed=1,2 sweep.metric=null", "sweep.metric: expected the name of a metric, or a list of them,"),
    ("train.py -m seed=1,2 sweep.mode=up", "sweep.mode: expected min or max for each of val/loss, got up"),
    ("train.py -m sweep.metric=[val/loss,val/acc]", "sweep.mode: expected min or max for each of val/loss, val/acc,"),
    ("train.py -m seed=1,2 sweep.resume=nowhere", "sweep.resume: nowhere does not exist"),
    ("train.py -m seed=1,2 sweep.resume=run", "sweep.resume: run is no sweep's folder"),
    ("train.py -m seed=1,2 sweep.resume=run hydra.sweep.dir=x", "hydra.sweep.dir: a resumed sweep stays in its"),
    ("train.py -m optimizer.lr=interval(0,1)", "optimizer.lr: an interval has no end of values to try; search in it"),
    ("train.py -m hydra.sweeper.n_jobs=many", "hydra.sweeper.n_jobs: expected a whole number from 1 up, or null,"),
    ("train.py -m launcher=nope", "launcher=nope: no such option"),
    ("train.py -m sweep=optuna hydra.sweeper.n_trials=0", "hydra.sweeper.n_trials: expected a whole number from 1 up,"),
    ("train.py -m sweep=optuna hydra.sweeper.n_trials=many", "hydra.sweeper.n_trials: expected a whole number from"),
    ("train.py -m sweep=optuna hydra.sweeper.study_name=null", "hydra.sweeper.study_name: expected a string, got None"),
    ("train.py -m sweep=optuna hydra.sweeper.storage=foo://x", "hydra.sweeper.storage: foo://x: "),
    (
        "train.py -m sweep=optuna hydra.sweeper.sampler.seed=abc",
        "hydra.sweeper.sampler.seed: expected a whole number, or null,",
    ),
    ("train.py -m sweep=optuna hydra.sweeper.params=abc", "hydra.sweeper.params: expected keys with their values, or"),
    ("train.py -m seed=1,2 model=cnn", "model: takes images of shape"),
    ("train.py -m sweep=optuna hydra/sweeper/sampler=nope", "hydra/sweeper/sampler=nope: no such option (there are: "),
    ("train.py -m sweep=optuna hydra.sweeper.space=not.there", "hydra.sweeper.space._target_: cannot load 'not.there'"),
    ("train.py -m sweep=optuna optimizer.lr=interval(1,0)", "optimizer.lr: interval(1,0): "),
    ("train.py -m sweep=optuna model=choice(linear,nope)", "model=nope: no such option"),
    ("train.py -m sweep=optuna hydra.sweeper.space=os.system", "hydra.sweeper.space: system: TypeError: "),
    ("train.py -m sweep.resume=true seed=1,2", "sweep.resume: expected a sweep's folder, got True"),
    ("train.py -m seed=range(5,5)", "seed: range(5,5) holds no value; give at least one"),
    ("train.py -m hydra.sweeper.n_jobs=4 seed=1,2", "hydra.sweeper.n_jobs: 4 trials at a time need a launcher"),
    ("train.py -m sweep=optuna optimizer.lr=tag(lgo,interval(1e-4,1e-1))", "optimizer.lr: tag(lgo,...) means nothing"),
    ("train.py -m sweep=optuna hydra.sweeper.n_trial=3", "did you mean 'hydra.sweeper.n_trials'?"),
]


@mistakes(ROWS)
def test_a_mistake_ends_in_one_line_that_names_the_fix(command: str, line: str, judge: Judge) -> None:
    judge(command, line)


def test_a_launcher_that_is_not_installed_is_named_with_what_brings_it(tmp_path: Path) -> None:
    if importlib.util.find_spec("hydra_plugins.hydra_joblib_launcher"):
        pytest.skip("it is installed")
    done = run_script("train.py", "-m", "launcher=joblib", "seed=1,2", cwd=tmp_path)
    assert done.returncode == 1
    assert (
        done.stderr == "error: launcher=joblib: its package is not installed; pip install -e '.[parallel]' brings it\n"
    )
    assert [path.name for path in tmp_path.rglob("*")] == ["outputs", "last_error.log"], "and no folder of a sweep"


@pytest.mark.parametrize("mistake", ["sweep.metric=val/los", "sweep.mode=up"])
def test_a_sweep_that_never_began_leaves_its_name_free(mistake: str, folder: Path) -> None:
    run_script("train.py", "-m", "seed=1,2", mistake, "hydra.sweep.dir=sweep", cwd=folder)
    assert not (folder / "sweep").exists()
