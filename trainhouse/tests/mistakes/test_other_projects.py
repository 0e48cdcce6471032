"""What users of other projects type: one line that names our key."""

from pathlib import Path

import pytest
import yaml

from trainhouse.configuration.dotted import dotted
from trainhouse.configuration.hints import HINTS, hint
from trainhouse.configuration.schema import groups
from trainhouse.tests.common import CONF, composed
from trainhouse.tests.mistakes.in_process import Ended, assert_is_one_line_of_ours, some_of
from trainhouse.tests.mistakes.in_process import ended as ended
from trainhouse.tests.mistakes.judging import Rows

KEYS: Rows = [
    ("train.py epochs=5", "did you mean 'trainer.max_epochs'?"),
    ("train.py max_epochs=5", "did you mean 'trainer.max_epochs'?"),
    ("train.py lr=0.1", "did you mean 'optimizer.lr'?"),
    ("train.py batch_size=3", "did you mean 'data.batch_size'?"),
    ("train.py gpus=1", "did you mean 'trainer.devices'?"),
    ("train.py accelerator=gpu", "did you mean 'trainer.accelerator'?"),
    ("train.py ckpt_path=x", "resume=<run folder> resumes a run, init_from=<checkpoint> starts a new one"),
    ("train.py trainer.resume_from_checkpoint=x", "resume=<run folder> resumes a run"),
    ("train.py trainer.logger=false", "logger=none"),
    ("train.py logger.wandb.project=x", "logger=none"),
    ("train.py logger=false", "did you mean 'none'?"),
    ("train.py callbacks=null", "did you mean 'none'?"),
    ("train.py tags=baseline", "tags: expected a list of strings"),
    ("train.py task_name=x", "did you mean 'name'?"),
    ("train.py train=false", "python eval.py ckpt_path=<run folder>"),
    ("train.py test=false", "trainer.limit_test_batches=0"),
    ("train.py datamodule=digits", "did you mean 'data'?"),
    ("train.py datamodule.batch_size=3", "did you mean 'data.batch_size'?"),
    ("train.py optimizer=Adam", "did you mean 'adam'?"),
    ("train.py model.optimizer.lr=1", "did you mean 'optimizer.lr'?"),
    ("train.py model.lr=1", "did you mean 'optimizer.lr'?"),
    ("train.py seed_everything=1", "did you mean 'seed'?"),
    ("train.py hparams_search=x", "-m sweep=optuna hydra.sweeper.n_trials=20"),
    ("train.py debug=default", "did you mean 'fast_dev_run'?"),
    ("train.py trainer=ddp_sim", "did you mean 'ddp_cpu'?"),
    ("train.py paths.output_dir=x", "hydra.run.dir=<folder>"),
    ("train.py data_dir=x", "data=table data.file=table.csv"),
    ("train.py loss.name=mse", "did you mean 'loss=mse'?"),
    ("train.py criterion=mse", "did you mean 'loss'?"),
    ("eval.py ckpt=x", "did you mean 'ckpt_path'?"),
    ("eval.py model_path=x", "did you mean 'ckpt_path'?"),
    ("eval.py input=x", "data.features=X.npy"),
    ("eval.py batch_size=3", "did you mean 'data.batch_size'?"),
    ("infer.py model_path=x", "did you mean 'ckpt_path'?"),
    ("infer.py data_path=x", "did you mean 'input'?"),
    ("select_best_model.py monitor=val/acc", "did you mean 'metric'?"),
    ("train.py explain=epochs", "did you mean 'trainer.max_epochs'?"),
    # what is added or left out, and is or isn't there
    ("train.py +optimizer.lr=0.1", "leave the + out: optimizer.lr=0.1"),
    ("train.py -m +optimizer.lr=0.1,0.2", "leave the + out: optimizer.lr=0.1,0.2"),
    ("train.py +model=cnn", "leave the + out: model=cnn"),
    ("train.py ++model=cnn", "leave the ++ out: model=cnn"),
    ("train.py ++epochs=5", "did you mean 'trainer.max_epochs'?"),
    ("train.py '~model=cnn'", "~model"),
    ("train.py '~optimizer.lrr'", "did you mean 'optimizer.lr'?"),
    ("train.py optimizer.amsgrd=true", "add it as +optimizer.amsgrad=true"),
    ("train.py optimizer.foo=1", "optimizer has lr, "),
    ("train.py model=model/cnn", "did you mean model=cnn?"),
    ("train.py model=conf/model/cnn.yaml", "did you mean model=cnn?"),
    ("train.py -m modle=cnn,linear", "did you mean 'model'?"),
    # sweeps
    ("train.py sweep=optuna", "sweep=optuna: is for a search; add -m"),
    ("train.py hydra.sweeper.n_jobs=2", "is for a sweep; add -m"),
    ("train.py sweep.resume=x", "is for a sweep; add -m"),
    ("train.py hydra.sweeper=optuna", "choose an option as sweep=optuna"),
    ("train.py hydra.launcher=joblib", "choose an option as launcher=joblib"),
    ("train.py -m hydra/sweeper=optuna", "type sweep=optuna"),
    ("train.py -m sweep=optuna hydra.sweeper.sampler=random", "hydra/sweeper/sampler=random"),
    ("train.py -m hydra.sweeper.n_trials=3", "-m sweep=optuna"),
    ("train.py -m seed=1,2 +hydra.launcher.x=1", "hydra.launcher.x: "),
    ("train.py -m seed=1,2 +hydra.sweeper.x=1", "hydra.sweeper.x: "),
    ("train.py -m sweep=optuna +hydra.sweeper.n_trial=1", "did you mean 'n_trials'?"),
    ("train.py -m seed=1,2 hydra/launcher=basik", "did you mean 'basic'?"),
    ("train.py 'optimizer.lr=interval(0,1)'", "add -m sweep=optuna"),
    ("train.py 'seed=range(0,3)'", "add -m to run each of them"),
    ("train.py -m 'seed=choice()'", 'choice is written as "seed=choice(1,2,3)"'),
    ("train.py -m 'seed=range(a,b)'", 'range is written as "seed=range(0,5)"'),
    ("train.py -m 'optimizer.lr=tagg(log,interval(0,1))'", "there is no function tagg; tag is written as"),
    ("train.py -m 'optimizer.lr=loguniform(1e-5,1e-2)'", '"optimizer.lr=tag(log,interval(1e-5,1e-2))"'),
]


@pytest.mark.parametrize(("command", "line"), some_of(KEYS, 4))
def test_what_is_typed_elsewhere_ends_in_one_line_that_names_our_key(command: str, line: str, ended: Ended) -> None:
    assert_is_one_line_of_ours(ended(command), line)


@pytest.mark.parametrize("command", ["train", "eval", "infer", "select_best_model"])
def test_each_hint_names_a_key_that_there_is_and_stands_at_none(command: str) -> None:
    known = {*dotted(composed(config_name=command).plain if command == "train" else own_keys(command)), *groups()}
    assert [name for name in HINTS[command] if not (name.startswith("hydra.") or hint(name, command, known))] == []
    assert [name for name in HINTS[command] if name in known - {*groups()}] == []


def own_keys(command: str) -> object:
    trainer = {"accelerator": "auto"} if command == "eval" else {}
    return {**yaml.safe_load(Path(CONF / f"{command}.yaml").read_text()), "trainer": trainer}


def test_a_hint_is_passed_over_where_the_users_own_configuration_has_no_such_key() -> None:
    assert hint("epochs", "train", {"trainer.max_epochs"}) == "; did you mean 'trainer.max_epochs'?"
    assert hint("epochs", "train", {"trainer.steps"}) == ""
    assert hint("ckpt_path", "train", {"resume"}) == ""
