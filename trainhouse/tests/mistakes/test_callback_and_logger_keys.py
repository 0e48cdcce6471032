"""Mistakes in the keys of callbacks and logger."""

from trainhouse.tests.mistakes.judging import Judge, Rows, mistakes

ROWS: Rows = [
    ("train.py callbacks=defalt", "did you mean 'default'?"),
    (
        "train.py callbacks.early_stopping.patience=-1",
        "callbacks.early_stopping.patience: expected a whole number from 0 up",
    ),
    ("train.py callbacks.early_stopping.min_delta=abc", "callbacks.early_stopping.min_delta: expected a number"),
    ("train.py callbacks.early_stopping.mode=up", "callbacks.early_stopping"),
    ("train.py callbacks.early_stopping.mode=null", "callbacks.early_stopping.mode: expected a string"),
    ("train.py callbacks.early_stopping.monitor=null", "callbacks.early_stopping.monitor: expected a string"),
    ("train.py callbacks.early_stopping._target_=foo.Bar", "callbacks.early_stopping._target_: cannot load 'foo.Bar'"),
    (
        "train.py callbacks.early_stopping._target_=torch.nn.ReLU",
        "callbacks.early_stopping.monitor: torch.nn.ReLU takes no such argument",
    ),
    ("train.py callbacks.best_checkpoint.mode=up", "callbacks.best_checkpoint"),
    (
        "train.py callbacks.best_checkpoint.save_top_k=abc",
        "callbacks.best_checkpoint.save_top_k: expected a whole number",
    ),
    (
        "train.py callbacks.epoch_checkpoint.every_n_epochs=0",
        "callbacks.epoch_checkpoint.every_n_epochs: expected a whole number",
    ),
    ("train.py callbacks.epoch_checkpoint.save_top_k=3", "callbacks.epoch_checkpoint"),
    (
        "train.py callbacks.last_checkpoint.every_n_train_steps=abc",
        "callbacks.last_checkpoint.every_n_train_steps: expected a whole number",
    ),
    (
        "train.py callbacks.last_checkpoint.every_n_minutes=0",
        "callbacks.last_checkpoint.every_n_minutes: expected a number above 0,",
    ),
    (
        "train.py callbacks.progress_bar.refresh_rate=0",
        "callbacks.progress_bar.refresh_rate: expected a whole number from 1 up",
    ),
    ("train.py +callbacks.mine.patience=5", "callbacks.mine._target_: expected 'package.module.Name'"),
    ("train.py logger.tensorboard._target_=null", "logger.tensorboard._target_: expected 'package.module.Name'"),
    ("train.py logger._target_=null", "'logger._target_' is not a key of this configuration"),
    ("train.py callbacks=5", "callbacks="),
    ("train.py callbacks.early_stopping=5", "callbacks.early_stopping"),
    ("train.py +callbacks.mine=5", "callbacks.mine"),
    ("train.py callbacks.early_stopping.mode=max trainer.max_epochs=1", "callbacks.early_stopping.mode"),
    ("train.py callbacks.early_stopping.monitor=val/acc trainer.max_epochs=1", "callbacks.early_stopping"),
    (
        "train.py callbacks.early_stopping.min_delta=-1 trainer.max_epochs=1",
        "callbacks.early_stopping.min_delta: expected",
    ),
    (
        "train.py callbacks.early_stopping.min_delta=inf trainer.max_epochs=1",
        "callbacks.early_stopping.min_delta: expected",
    ),
    ("train.py callbacks.best_checkpoint.mode=max trainer.max_epochs=1", "callbacks.best_checkpoint.mode"),
    ("train.py callbacks.best_checkpoint.monitor=null trainer.max_epochs=1", "callbacks.best_checkpoint.monitor"),
    ("train.py callbacks.best_checkpoint.save_top_k=0 trainer.max_epochs=1", "callbacks.best_checkpoint.save_top_k"),
    ("train.py callbacks.best_checkpoint.filename=last trainer.max_epochs=1", "callbacks.best_checkpoint.filename"),
    ("train.py callbacks.best_checkpoint.filename=null trainer.max_epochs=1", "callbacks.best_checkpoint.filename"),
    ("train.py callbacks.best_checkpoint.filename=a/b trainer.max_epochs=1", "callbacks.best_checkpoint.filename"),
    ("train.py +callbacks.best_checkpoint.dirpath=elsewhere trainer.max_epochs=1", "callbacks.best_checkpoint.dirpath"),
    ("train.py callbacks.epoch_checkpoint.filename=x trainer.max_epochs=1", "callbacks.epoch_checkpoint.filename"),
    (
        "train.py \"callbacks.epoch_checkpoint.filename='e_{epoch:zz}'\" callbacks.epoch_checkpoint.every_n_epochs=1",
        "callbacks.epoch_checkpoint.filename",
    ),
    (
        "train.py logger.tensorboard.default_hp_metric=abc trainer.max_epochs=1",
        "logger.tensorboard.default_hp_metric: expected true or false, got 'abc'",
    ),
    ("train.py logger.default_hp_metric=false", "logger.default_hp_metric"),
    ("train.py logger._target_=lightning.pytorch.loggers.WandbLogger", "logger"),
]


@mistakes(ROWS)
def test_a_mistake_ends_in_one_line_that_names_the_fix(command: str, line: str, judge: Judge) -> None:
    judge(command, line)
