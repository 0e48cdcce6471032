"""A mistake ends in one line that names the key or file, and the fix: before anything expensive, and nothing is lost.

One row per mistake: the command, and what its one line must say. The commands run in a folder that holds the files
that `prepared` makes, and `run`, a finished run.
"""

import gzip
import importlib.util
import json
import pickle
import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from trainhouse.checkpoints.checkpoint import RECORD
from trainhouse.tests.conftest import link_raw_data, run_script

Rows = list[tuple[str, str]]
Edit = Callable[[dict[str, Any]], object]

KEYS: Rows = [
    ("train.py sed=1", "did you mean 'seed'?"),
    ("train.py seed=-1", "seed: expected a whole number from 0 to 4294967295"),
    ("train.py monitor=3", "monitor: expected a string"),
    ("train.py monitor=val/los", "did you mean 'val/loss'?"),
    ("train.py mode=max", "mode: max would take the worst val/loss for the best"),
    ("train.py mode=up", "mode: expected one of min, max, or null"),
    ("train.py mode=null", "mode: None would take the worst val/loss for the best"),
    ("train.py monitor=val/acc", "mode: min would take the worst val/acc for the best"),
    ("train.py name=null", "name: expected a folder name without / \\ = , or :"),
    ("train.py \"name='${oc.env:NOT_SET}'\"", "NOT_SET"),
    ('train.py "name=${seed"', "${seed"),
    ('train.py "seed=${seed}"', "seed: Recursive interpolation detected"),
    ("train.py preflight=abc", "preflight: expected true or false"),
    ("train.py loss.name=foo", "loss.name: for classification expected one of auto, cross_entropy"),
    ("train.py loss.name=null", "loss.name: expected a string"),
    ("train.py loss.label_smoothing=1", "loss.label_smoothing: expected a number from 0 to below 1"),
    ("train.py ~monitor", "sweep.metric: Interpolation key 'monitor' not found"),
    ("train.py callbacks=defalt", "did you mean 'default'?"),
    ("train.py scheduler=cosin", "did you mean 'cosine'?"),
    ("train.py optimizer=rmsprop", "optimizer=rmsprop: no such option"),
    ("train.py data=mnist", "data=mnist: no such option"),
    ("train.py debug=foo", "debug=foo: no such option"),
    ("train.py model=simplenet", "did you mean 'simple_net'?"),
    ("train.py modle=cnn", "did you mean 'model'?"),
    ("train.py model=[cnn,linear]", "model.channels: src.models.linear.Linear takes no such argument"),
    ("train.py model=cnn,linear", "Ambiguous value for argument 'model=cnn,linear' 1. To use it as a list,"),
    ("train.py optimizer.lr=0.1,0.2", "Ambiguous value for argument 'optimizer.lr=0.1,0.2' 1. To use it as"),
    ("train.py model.hidden_sizes=16,32", "Ambiguous value for argument 'model.hidden_sizes=16,32' 1. To use it"),
    ("train.py optimizer.lr=", "optimizer.lr: expected a number above 0"),
    ("train.py optimizer.lr", "'optimizer.lr'"),
    ("train.py optimizer.betas=[0.9]", "optimizer.betas"),
    ("train.py optimizer.betas=[0.9,1.5]", "optimizer"),
    ("train.py optimizer.eps=abc", "optimizer.eps: expected float"),
    ("train.py optimizer.fused=abc", "optimizer.fused: expected bool | None"),
    ("train.py optimizer=sgd optimizer.nesterov=abc", "optimizer.nesterov: expected bool"),
    ("train.py optimizer.momentum=0.9", "did you mean 'optimizer.betas'?"),
    ("train.py +optimizer.momentum=0.9", "optimizer.momentum: torch.optim.Adam takes no such argument"),
    ("train.py optimizer._target_=torch.optim.LBFGS", "optimizer.betas: torch.optim.LBFGS takes no such argument"),
    ("train.py +optimizer.amsgrad=abc", "optimizer.amsgrad: expected bool"),
    ("train.py hydra=default", "hydra=default: no such option"),
    ("train.py scheduler=plateau scheduler.factor=2", "scheduler"),
    ("train.py scheduler=plateau scheduler.factor=abc", "scheduler.factor: expected float"),
    ("train.py scheduler=plateau scheduler.patience=abc", "scheduler.patience: expected a whole number"),
    ("train.py scheduler=plateau scheduler.min_lr=abc", "scheduler.min_lr: expected a number"),
    ("train.py scheduler=plateau scheduler.mode=up", "scheduler.mode: expected one of min, max"),
    ("train.py scheduler=cosine scheduler.warmup=abc", "scheduler.warmup: expected float"),
    ("train.py scheduler=one_cycle scheduler.start=abc", "scheduler.start: expected float"),
    (
        "train.py +scheduler._target_=torch.optim.lr_scheduler.StepLR",
        "scheduler.optimizer: required by torch.optim.lr_scheduler.StepLR,",
    ),
    (
        "train.py callbacks.early_stopping.patience=-1",
        "callbacks.early_stopping.patience: expected a whole number from 0 up",
    ),
    ("train.py callbacks.early_stopping.min_delta=abc", "callbacks.early_stopping.min_delta: expected a number"),
    ("train.py callbacks.early_stopping.mode=up", "callbacks.early_stopping"),
    ("train.py callbacks.early_stopping.mode=null", "callbacks.early_stopping.mode: expected str"),
    ("train.py callbacks.early_stopping.monitor=null", "callbacks.early_stopping.monitor: expected str"),
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
    ("train.py model.dropout=1", "model.dropout: expected a number from 0 to below 1"),
    ("train.py model.dropout=true", "model.dropout: expected float, got True"),
    ("train.py model=cnn data=digits model.dropout=1", "model.dropout: expected a number from 0 to below 1, got 1"),
    ("train.py model.hidden_sizes=64", "model.hidden_sizes: expected collections.abc.Sequence[int], got 64"),
    (
        "train.py model.hidden_sizes=[64,1.5]",
        "model.hidden_sizes: expected collections.abc.Sequence[int], got [64, 1.5]",
    ),
    ("train.py model.activation=foo", "model.activation: expected one of relu, gelu, silu, tanh"),
    ("train.py model.batch_norm=abc", "model.batch_norm: expected bool"),
    ("train.py model.hidden_sizes=[0]", "model.hidden_sizes: expected a list of whole numbers above 0,"),
    ("train.py model=cnn data=digits model.channels=[]", "model.channels: expected whole numbers above 0, as [32, 64]"),
    (
        "train.py model=cnn data=digits model.channels=[8,8,8,8,8,8]",
        "model.channels: 6 stages need larger images than (1, 8, 8)",
    ),
    ("train.py data.batch_size=-4", "data.batch_size: expected a whole number from 1 up"),
    ("train.py data.num_workers=-1", "data.num_workers: expected a whole number from 0 up"),
    ("train.py data.worker_timeout=-1", "data.worker_timeout: expected seconds from 0 up"),
    ("train.py data.split=[1,0,0]", "monitor: val/loss needs validation rows, but data.split leaves none"),
    ("train.py data.split=[0.8,0.2]", "data.split: expected three fractions [train, val, test] that sum to 1,"),
    (
        "train.py data.split=[0.9999,0.00005,0.00005]",
        "data.split: 5e-05 of 2000 rows is none for the val split; there is too",
    ),
    ("train.py data.split_seed=-1", "data.split_seed: expected a whole number from 0 to 4294967295"),
    ("train.py data.embedding_dim=-1", "data.embedding_dim: expected a whole number from 0 up"),
    ("train.py data.augmentation={noise:-1}", "data.augmentation.noise: expected a number from 0 up"),
    ("train.py data=digits data.augmentation.rotate=200", "data.augmentation.rotate: expected degrees from 0 to 180"),
    ("train.py data=digits data.augmentation.scale=1", "data.augmentation.scale: expected a number from 0 to below 1"),
    ("train.py data=digits data.augmentation.shift=null", "data.augmentation.shift: expected pixels from 0 up"),
    ("train.py data=digits data.augmentation=[1]", "data.augmentation=[1]"),
    ("train.py data.rows=5", "data.path: data/processed/fake_data.npy has shape (2000, 21),"),
    ("train.py data.columns=1", "data.columns: expected a number from 2 up"),
    ("train.py data.classes=1", "data.classes: expected a number from 2 up"),
    ("train.py data.noise=-1", "data.noise: expected a number from 0 up"),
    ("train.py data.seed=-1 data.path=new1.npy", "data.seed"),
    ("train.py data.path=folder.npy", "data.path: folder.npy is a folder"),
    ("train.py data.path=page.npy", "data.path: page.npy is not a .npy file (it starts with b'<html>404</h')"),
    ("train.py data.classes=3000 data.path=new2.npy", "new2.npy: 1450 different labels in 2000 rows are no classes"),
    ("train.py lr=0.1", "did you mean 'optimizer.lr'?"),
    ("train.py loss=null", "loss"),
    ("train.py loss=mse", "loss"),
    ("train.py +loss.weight=3", "loss.weight"),
    ("train.py ~loss", "loss"),
    ("train.py ~seed", "seed"),
    ("train.py ~preflight", "preflight"),
    ("train.py ~optimizer", "optimizer"),
    ("train.py data=null", "data="),
    ("train.py model=null", "model="),
    ("train.py scheduler=5", "scheduler="),
    ("train.py callbacks=5", "callbacks="),
    ("train.py optimizer.betas=[0.9,0.99,0.999]", "optimizer.betas"),
    ("train.py --foo", "--foo"),
    ("train.py --config-dir=nowhere", "nowhere"),
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
    ("train.py scheduler=plateau scheduler.patience=-1 trainer.max_epochs=1", "scheduler.patience: expected"),
    ("train.py scheduler=plateau scheduler.min_lr=-1 trainer.max_epochs=1", "scheduler.min_lr"),
    ("train.py scheduler=plateau scheduler.mode=max trainer.max_epochs=1", "scheduler.mode"),
    ("train.py scheduler=cosine +scheduler.total_steps=5 trainer.max_epochs=1", "scheduler.total_steps"),
    (
        "train.py +scheduler._target_=torch.optim.lr_scheduler.StepLR +scheduler._partial_=true +scheduler.step_size=0",
        "scheduler",
    ),
    (
        "train.py logger.tensorboard.default_hp_metric=abc trainer.max_epochs=1",
        "logger.tensorboard.default_hp_metric: expected true or false, got 'abc'",
    ),
    ("train.py logger.default_hp_metric=false", "logger.default_hp_metric"),
    ("train.py logger._target_=lightning.pytorch.loggers.WandbLogger", "logger"),
    ("train.py model._target_=src.models.simple_net", "model._target_"),
    ("train.py data.batch_size=1 model.batch_norm=true", "data.batch_size"),
    ("train.py data.noise=2 trainer.max_epochs=1", "data.noise"),
    ("train.py data.classes=3 trainer.max_epochs=1", "data.classes"),
    ("train.py data.seed=5 trainer.max_epochs=1", "data.seed"),
    ("train.py data.augmentation=true", "data.augmentation"),
    ("train.py data.augmentation={rotate:10} trainer.max_epochs=1", "data.augmentation.rotate"),
    ("train.py data.embedding_dim=5 trainer.max_epochs=1", "data.embedding_dim"),
    ("train.py data.path=a_file/x.npy", "data.path"),
    ("train.py data._target_=src.data.fake", "data._target_"),
    ("train.py +sed=1 trainer.max_epochs=1", "did you mean 'seed'?"),
]
TRAINER: Rows = [
    ("train.py trainer.max_epochs=abc", "trainer.max_epochs: expected a whole number above 0, or -1 for no end"),
    (
        "train.py trainer.max_epochs=null trainer.max_steps=3",
        "trainer.max_steps: the run ends after 3 batches, its first validation,",
    ),
    ("train.py trainer.max_steps=-2", "trainer.max_steps: expected a whole number from -1 up"),
    ("train.py trainer.max_time=abc", "trainer.max_time: expected days:hours:minutes:seconds in quotes,"),
    ("train.py trainer.max_time={hours:1,foo:2}", "trainer"),
    ("train.py trainer.precision=fp16x", "trainer.precision: expected one of 64, 32, 16, transformer-engine,"),
    (
        "train.py trainer.accumulate_grad_batches=0",
        "trainer.accumulate_grad_batches: expected a whole number from 1 up",
    ),
    ("train.py trainer.gradient_clip_val=-1", "trainer.gradient_clip_val: expected a number from 0 up, or null"),
    ("train.py trainer.limit_val_batches=0", "monitor: val/loss needs validation, but trainer.limit_val_batches=0"),
    ("train.py trainer.limit_val_batches=-1", "limit_val_batches"),
    ("train.py trainer.overfit_batches=-1", "overfit_batches"),
    ("train.py trainer.deterministic=abc", "trainer.deterministic: expected one of true, false, warn, null"),
    ("train.py trainer._target_=null", "trainer._target_: expected 'package.module.Name'"),
    (
        "train.py scheduler=cosine trainer.max_epochs=-1 trainer.max_time=\"'00:00:00:02'\" logger=none",
        "trainer.max_epochs: this scheduler needs an end of the run",
    ),
    ("train.py trainer.limit_train_batches=0", "trainer.limit_train_batches"),
    ("train.py trainer.limit_train_batches=abc", "trainer.limit_train_batches: expected"),
    ("train.py trainer.limit_train_batches=0.0001", "limit_train_batches"),
    ("train.py trainer.limit_val_batches=0.0001", "limit_val_batches"),
    ("train.py trainer.limit_val_batches=null", "trainer.limit_val_batches"),
    ("train.py trainer.limit_val_batches=2.0 trainer.max_epochs=1", "trainer.limit_val_batches"),
    ("train.py trainer.limit_test_batches=2.0 trainer.max_epochs=1", "trainer.limit_test_batches"),
    ("train.py trainer.limit_test_batches=0.0001 trainer.max_epochs=1", "limit_test_batches"),
    ("train.py trainer.overfit_batches=0.0001", "overfit_batches"),
    ("train.py trainer.val_check_interval=0", "trainer.val_check_interval"),
    ("train.py trainer.val_check_interval=abc", "trainer.val_check_interval: expected"),
    ("train.py trainer.val_check_interval=100000", "val_check_interval"),
    ("train.py trainer.val_check_interval=null trainer.max_epochs=1", "trainer.val_check_interval"),
    ("train.py trainer.check_val_every_n_epoch=0", "trainer.check_val_every_n_epoch: expected"),
    ("train.py trainer.check_val_every_n_epoch=-1 trainer.max_epochs=1", "trainer.check_val_every_n_epoch: expected"),
    ("train.py trainer.check_val_every_n_epoch=5 trainer.max_epochs=2", "trainer.check_val_every_n_epoch"),
    ("train.py trainer.num_sanity_val_steps=-3 trainer.max_epochs=1", "trainer.num_sanity_val_steps: expected"),
    ("train.py trainer.min_epochs=-1 trainer.max_epochs=1", "trainer.min_epochs: expected"),
    ("train.py trainer.min_epochs=5 trainer.max_epochs=1", "trainer.min_epochs"),
    ("train.py trainer.min_steps=-5 trainer.max_epochs=1", "trainer.min_steps: expected"),
    ("train.py trainer.max_time=\"'00:00:00:00'\"", "trainer.max_time"),
    ("train.py trainer.max_time={minutes:-1}", "trainer.max_time"),
    ("train.py trainer.accelerator=tpu", "trainer: Requirement 'torch_xla"),
    ("train.py trainer.profiler=5", "trainer.profiler: expected"),
    ("train.py trainer.num_nodes=2", "trainer.num_nodes"),
    ("train.py trainer=null", "trainer="),
    ("train.py trainer=5", "trainer="),
    ("train.py ~trainer", "trainer"),
    ("train.py ~trainer.log_every_n_steps", "trainer.log_every_n_steps"),
    ("train.py ~trainer.accelerator trainer.max_epochs=1", "trainer.accelerator"),
]
NPY: Rows = [
    ("train.py data=npy", "data.features: required"),
    ("train.py data=npy data.features=nowhere.npy", "data.features: nowhere.npy does not exist"),
    ("train.py data=npy data.features=folder.npy", "data.features: folder.npy is a folder"),
    (
        "train.py data=npy data.features=cut.npy data.labels=y.npy",
        "data.features: cut.npy is truncated: 860 bytes of data, its header says",
    ),
    (
        "train.py data=npy data.features=cut_header.npy data.labels=y.npy",
        "data.features: cut_header.npy has a damaged header",
    ),
    (
        "train.py data=npy data.features=page.npy data.labels=y.npy",
        "data.features: page.npy is not a .npy file (it starts with",
    ),
    (
        "train.py data=npy data.features=objects.npy data.labels=y.npy",
        "data.features: objects.npy holds object, expected numbers (bool, int, uint",
    ),
    (
        "train.py data=npy data.features=text.npy data.labels=y.npy",
        "data.features: text.npy holds <U1, expected numbers (bool, int, uint",
    ),
    (
        "train.py data=npy data.features=complex.npy data.labels=y.npy",
        "data.features: complex.npy holds complex64, expected numbers (bool, int,",
    ),
    (
        "train.py data=npy data.features=dates.npy data.labels=y.npy",
        "data.features: dates.npy holds datetime64[D], expected numbers (bool, int,",
    ),
    (
        "train.py data=npy data.features=fields.npy data.labels=y.npy",
        "data.features: fields.npy holds [('a', '<f4'), ('b', '<f4')], expected",
    ),
    ("train.py data=npy data.features=nan.npy data.labels=y.npy", "nan.npy: row 7, column 2 is nan"),
    ("train.py data=npy data.features=inf.npy data.labels=y.npy", "inf.npy: row 7, column 2 is inf"),
    (
        "train.py data=npy data.features=no_rows.npy data.labels=y.npy",
        "data.features: no_rows.npy has no rows (shape (0, 4))",
    ),
    (
        "train.py data=npy data.features=no_columns.npy data.labels=y.npy",
        "data.features: no_columns.npy has no rows (shape (60, 0))",
    ),
    (
        "train.py data=npy data.features=two_rows.npy data.labels=y_two_rows.npy",
        "data.split: 0.1 of 2 rows is none for the val split; there is too",
    ),
    (
        "train.py data=npy data.features=X.npy data.labels=y_negative.npy",
        "y_negative.npy: the label in row 0 is -1, which is negative; classes are",
    ),
    (
        "train.py data=npy data.features=X.npy data.labels=y_fraction.npy data.task=classification",
        "y_fraction.npy: the label in row 0 is 0.5, which is not a whole number, so",
    ),
    (
        "train.py data=npy data.features=X.npy data.labels=y_short.npy",
        "data.labels: y_short.npy has 50 rows, but X.npy has 60",
    ),
    (
        "train.py data=npy data.features=X.npy data.labels=y_one_class.npy",
        "y_one_class.npy: there is only one class (0), nothing to tell apart",
    ),
    (
        "train.py data=npy data.features=X.npy data.labels=y_all_different.npy",
        "y_all_different.npy: 60 different labels in 60 rows are no classes",
    ),
    (
        "train.py data=npy data.features=X.npy data.labels=y_column.npy",
        "y_column.npy: labels have shape (60, 2); classes need shape (N,), one label",
    ),
    (
        "train.py data=npy data.features=X.npy data.labels=y_nan.npy",
        "y_nan.npy: the label in row 5 is nan, which is not a finite number",
    ),
    (
        "train.py data=npy data.features=X.npy data.labels=y_text.npy",
        "data.labels: y_text.npy holds <U1, expected numbers (bool, int, uint",
    ),
    ("train.py data=npy data.features=X.npy data.labels=scalar.npy", "data.labels: scalar.npy has no rows (shape ())"),
    (
        "train.py data=npy data.features=X.npy data.labels=y_infinite.npy",
        "y_infinite.npy: the label in row 5 is inf, which is not a finite number",
    ),
    (
        "train.py data=npy data.features=X.npy data.labels=y.npy data.task=clasification",
        "data.task: expected one of classification, regression or null",
    ),
    (
        "train.py data=npy data.features=X.npy data.labels=y.npy data.missing=median",
        "data.missing: expected one of error, mean",
    ),
    (
        "train.py data=npy data.features=X.npy data.labels=y.npy data.val_features=X.npy",
        "data.val_features: rows of X.npy are float32 (3,), those of X.npy float32 (4,)",
    ),
    (
        "train.py data=npy data.features=X.npy data.labels=y.npy data.val_labels=y.npy",
        "data.val_labels is set but data.val_features is not",
    ),
    (
        "train.py data=npy data.features=X.npy data.labels=y.npy data.val_features=X.npy data.val_labels=y_seven.npy",
        "y_seven.npy: the label in row 5 is 7, which is not one of the 3 classes (0",
    ),
    (
        "train.py data=npy data.features=X.npy data.labels=y.npy data.test_features=nan.npy data.test_labels=y.npy",
        "data.test_features: row 7, column 2 is nan",
    ),
    (
        "train.py data=npy data.features=X.npy data.labels=y.npy data.test_features=nowhere.npy data.test_labels=y.npy",
        "data.test_features: nowhere.npy does not exist",
    ),
    (
        "train.py data=npy data.features=t.csv data.labels=y.npy",
        "data.features: t.csv is not a .npy file (it starts with",
    ),
    ("train.py data=npy data.features=~/X.npy data.labels=y.npy", "'data.features=~/X.npy' is no valid override"),
    ("train.py data=npy data.feature=X.npy data.labels=y.npy", "did you mean 'data.features'?"),
    (
        "train.py data=npy data.features=X.npy data.labels=y_float.npy loss.name=cross_entropy",
        "loss.name: for regression expected one of auto, mse, mae, huber",
    ),
    ("train.py data=npy data.features=X.npy data.labels=y_float.npy monitor=val/acc", "did you mean 'val/mae'?"),
    (
        "train.py data=npy data.features=X.npy data.labels=y_float.npy loss.label_smoothing=0.1 trainer.max_epochs=1",
        "loss.label_smoothing",
    ),
    ("train.py data=npy data.features=huge.npy data.labels=y.npy trainer.max_epochs=1", "huge.npy: row 0"),
    (
        "train.py data=npy data.features=one_nan_column.npy data.labels=y.npy data.missing=mean trainer.max_epochs=1",
        "column 2",
    ),
]
CSV: Rows = [
    ("train.py data=csv", "data.file: required"),
    ("train.py data=csv data.file=t.csv", "data.target: required"),
    ("train.py data=csv data.file=nowhere.csv data.target=t", "data.file: nowhere.csv does not exist"),
    ("train.py data=csv data.file=folder.csv data.target=t", "data.file: folder.csv does not exist"),
    ("train.py data=csv data.file=t.csv data.target=tt", "did you mean 't'?"),
    ("train.py data=csv data.file=t.csv data.target=[]", "data.target: expected the name of a column, or of several"),
    ("train.py data=csv data.file=t.csv data.target=[t,t]", "data.target: column 't' is named twice"),
    ("train.py data=csv data.file=t.csv data.target=t data.drop=[z]", "data.drop: t.csv has no column 'z'"),
    (
        "train.py data=csv data.file=t.csv data.target=t data.drop=[a,b,c,d]",
        "data.file: t.csv has no columns but the target",
    ),
    (
        "train.py data=csv data.file=t.csv data.target=t data.shape=[-2,-2]",
        "data.shape: expected whole numbers above 0, as [1, 28, 28], or null",
    ),
    ("train.py data=csv data.file=t.csv data.target=t data.dtype=int8", "data.dtype: expected uint8 or float32"),
    (
        "train.py data=csv data.file=t.csv data.target=t data.dtype=uint8",
        "expected a whole number from 0 to 255 (data.dtype=uint8)",
    ),
    (
        "train.py data=csv data.file=t.csv data.target=t data.task=regression",
        "t.csv, column t: targets are <U1 of shape (60,), expected numbers (N,)",
    ),
    (
        "train.py data=csv data.file=number.csv data.target=t data.task=classification",
        "which is not a whole number, so it is not a class",
    ),
    ("train.py data=csv data.file=twice.csv data.target=t", "data.file: twice.csv has two columns 'a'"),
    (
        "train.py data=csv data.file=short_row.csv data.target=t",
        "data.file: short_row.csv is not a readable CSV file (CSV parse error",
    ),
    (
        "train.py data=csv data.file=long_row.csv data.target=t",
        "data.file: long_row.csv is not a readable CSV file (CSV parse error",
    ),
    ("train.py data=csv data.file=latin.csv data.target=t", "data.file: latin.csv, column t is not UTF-8 text"),
    (
        "train.py data=csv data.file=latin_header.csv data.target=t",
        "data.file: latin_header.csv is not a readable CSV file ('utf-8' codec",
    ),
    ("train.py data=csv data.file=empty.csv data.target=t", "data.file: empty.csv is empty (0 bytes)"),
    ("train.py data=csv data.file=no_rows.csv data.target=t", "data.file: no_rows.csv has no rows"),
    (
        "train.py data=csv data.file=blank.csv data.target=t",
        "data.file: blank.csv is not a readable CSV file (CSV parse error: Empty",
    ),
    (
        "train.py data=csv data.file=not_gzip.csv.gz data.target=t",
        "data.file: not_gzip.csv.gz is not a readable CSV file (zlib inflate failed",
    ),
    (
        "train.py data=csv data.file=cut.csv.gz data.target=t",
        "data.file: cut.csv.gz is not a readable CSV file (Truncated compressed",
    ),
    ("train.py data=csv data.file=gap.csv data.target=t data.missing=error", "gap.csv: row 5, column a is nan"),
    (
        "train.py data=csv data.file=nan_word.csv data.target=t data.missing=error",
        "nan_word.csv: row 5, column a is nan",
    ),
    ("train.py data=csv data.file=inf_word.csv data.target=t", "inf_word.csv: row 5, column a is inf"),
    (
        "train.py data=csv data.file=no_label.csv data.target=t",
        "no_label.csv: 1 rows have no label in column t; the first is row 5",
    ),
    (
        "train.py data=csv data.file=label_nan.csv data.target=t",
        "label_nan.csv: 1 rows have no label in column t; the first is row 5",
    ),
    (
        "train.py data=csv data.file=only_target.csv data.target=t",
        "data.file: only_target.csv has no columns but the target",
    ),
    (
        "train.py data=csv data.file=dates.csv data.target=t",
        "dates.csv: column a holds date32[day]; leave it out with data.drop=[a]",
    ),
    ("train.py data=csv data.file=semicolons.csv data.target=t", "data.target: semicolons.csv has no column 't'"),
    (
        "train.py data=csv data.file=negative_label.csv data.target=t",
        "negative_label.csv, column t: the label in row 0 is -1, which is negative",
    ),
    (
        "train.py data=csv data.file=huge.csv data.target=t",
        "huge.csv: row 0, column a is 1e+300, too large",
    ),
    (
        "train.py data=csv data.file=open_quote.csv data.target=t",
        "data.file: open_quote.csv is not a readable CSV file (CSV parse error",
    ),
    (
        "train.py data=csv data.file=t.csv data.target=t model=cnn",
        "model: takes images of shape (C, H, W) or (H, W), but one row of this",
    ),
    ("train.py data=csv data.file=t.csv data.target=t data.drop=[t] trainer.max_epochs=1", "data.drop"),
    ("train.py data=csv data.file=t.csv data.target=t data.shape=[] trainer.max_epochs=1", "data.shape"),
    ("train.py data=csv data.file=t.csv data.target=t data.shape=[-4]", "data.shape"),
    ("train.py data=csv data.file=t.csv data.target=t data.processed=a_file", "data.processed"),
    (
        "train.py data=csv data.file=question_mark.csv data.target=t trainer.max_epochs=1",
        "question_mark.csv: column a: 59 of 60 values are numbers, row 5 is '?'; empty that cell",
    ),
    (
        "train.py data=csv data.file=decimal_commas.csv data.target=t trainer.max_epochs=1",
        "row 0 is '1,7641'; write decimal points",
    ),
    ("train.py data=csv data.file=names.csv data.target=t trainer.max_epochs=1", "data.drop=[a]"),
    (
        "train.py data=csv data.file=no_numbers.csv data.target=t trainer.max_epochs=1",
        "no_numbers.csv: column a holds no number in any training row",
    ),
    ("train.py data=csv data.file=number.csv data.target=[t,t] trainer.max_epochs=1", "data.target"),
]
FOLDERS: Rows = [
    ("train.py hydra.output_subdir=null hydra.run.dir=runs/good/r trainer.max_epochs=1", "already holds a run"),
    ("train.py hydra.run.dir=run", "hydra.run.dir: run already holds a run, which is never overwritten"),
    ("train.py hydra.run.dir=a_file", "hydra.run.dir: a_file is a file, not a folder"),
    ("train.py hydra.run.dir=a_file/x", "hydra.run.dir: cannot create a_file/x: Not a directory"),
    ("train.py hydra.run.dir=null", "Error merging override hydra.run.dir=null field 'hydra.run.dir' is not"),
    ("train.py hydra.run.dri=x", "'hydra.run.dri' is not a key of this configuration"),
    ("train.py -m hydra.sweep.dir=a_file seed=1,2", "hydra.sweep.dir: a_file is a file, not a folder"),
    (
        "train.py -m hydra.sweep.dir=own_files seed=1,2",
        "hydra.sweep.dir: own_files/results.csv is there already, and a",
    ),
    ("train.py -m model=simple_net,nothing", "model=nothing: no such option"),
    ("train.py -m experiment=nothing", "experiment=nothing: no such option"),
    ("train.py hydra.run.dir=$LONG", "File name too long"),
    ("train.py name=$LONG", "File name too long"),
    ("train.py hydra.run.dir=/proc/x", "hydra.run.dir: cannot create /proc/x"),
    ("train.py \"hydra.run.dir=''\"", "hydra.run.dir"),
    ("eval.py ckpt_path=run name=$LONG", "File name too long"),
]
FILES: Rows = [
    ("train.py --config-dir=own experiment=tab", "tab.yaml"),
    ("train.py --config-dir=own experiment=twice", "twice.yaml"),
    ("train.py --config-dir=own experiment=unclosed", "unclosed.yaml"),
    ("train.py --config-dir=own experiment=two_colons", "two_colons.yaml"),
    ("train.py --config-dir=own experiment=typo", "max_epochs'?"),
    ("train.py --config-dir=own experiment=top_typo", "did you mean 'seed'?"),
    ("train.py --config-dir=own experiment=data_typo", "data.batchsize"),
    ("train.py --config-dir=own experiment=callback_typo", "callbacks.early_stoping"),
    ("train.py --config-dir=own experiment=list", "list"),
    ("train.py --config-dir=own experiment=scalar", "'hello' is not a key"),
    ("train.py --config-dir=own experiment=wrong_option", "model=cnnn: no such option"),
    ("train.py --config-dir=own experiment=wrong_group", "modle"),
    ("train.py --config-dir=own experiment=wrong_default", "nowhere"),
    ("train.py --config-dir=own experiment=reference", "nothing"),
    ("train.py --config-dir=own experiment=text_rate", "optimizer.lr: expected a number above 0"),
    ("train.py --config-dir=own experiment=not_a_group", "trainer"),
    ("train.py --config-dir=own experiment=null_group", "trainer"),
    ("train.py --config-dir=own experiment=new_group", "foo"),
    ("train.py --config-dir=own experiment=no_package", "experiment.seed"),
    ("train.py --config-dir=own experiment=not_utf8", "not_utf8.yaml"),
    ("train.py --config-path=$PWD/res/empty_config --config-name=config", "config.yaml"),
    ("train.py --config-path=$PWD/res/cut_config --config-name=config", "config.yaml"),
    ("train.py --config-path=$PWD/res/wrong_key --config-name=config", "max_epcohs"),
    ("train.py --config-path=$PWD/res/wrong_type --config-name=config", "trainer.max_epochs: expected"),
    ("train.py --config-path=nowhere --config-name=config", "nowhere"),
    ("train.py --config-name=trian", "trian"),
]
SWEEPS: Rows = [
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
    ("train.py -m seed=1,2 sweep.resume=run hydra.sweep.dir=x", "hydra.sweep.dir: a sweep that goes on stays in its"),
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
    ("train.py -m hydra.sweeper.n_jobs=4 seed=1,2", "hydra.sweeper.n_jobs: 4 jobs at a time need a launcher"),
    ("train.py -m sweep=optuna optimizer.lr=tag(lgo,interval(1e-4,1e-1))", "optimizer.lr: tag(lgo,...) means nothing"),
    ("train.py -m sweep=optuna hydra.sweeper.n_trial=3", "did you mean 'hydra.sweeper.n_trials'?"),
]
START: Rows = [
    ("train.py -m resume=run", "resume: goes on with one run, so not with --multirun; a sweep goes on"),
    ("train.py init_from=nowhere", "init_from: nowhere does not exist"),
    ("train.py init_from=ck/text.ckpt", "ck/text.ckpt: damaged or not a checkpoint (11 bytes; 101)"),
    ("train.py init_from=", "init_from"),
    (
        "train.py init_from=run model.hidden_sizes=[5]",
        "init_from: no weight of run/checkpoints/best_model.ckpt fits this",
    ),
    ("train.py resume=nowhere", "resume: nowhere does not exist"),
    ("train.py resume=lst", "resume: lst does not exist"),
    ("train.py resume=a_file", "resume: a_file is a file; give the run's folder, or start a new run with"),
    ("train.py resume=res", "resume: res holds no run that has begun: it has no config.yaml"),
    ("train.py resume=", "resume: expected a string, or null"),
    (
        "train.py resume=res/done optimizer.lr=0.5",
        "optimizer.lr: a run that goes on keeps its own (resume=res/done); what",
    ),
    ("train.py resume=res/done model=linear", "model: a run that goes on keeps its own (resume=res/done); what it may"),
    ("train.py resume=res/done name=other", "name: a run that goes on keeps its own (resume=res/done); what it may"),
    ("train.py resume=res/done ~callbacks", "callbacks: a run that goes on keeps its own (resume=res/done); what"),
    ("train.py resume=res/cut_config trainer.max_epochs=8", "config.yaml"),
    ("train.py resume=res/empty_config trainer.max_epochs=8", "config.yaml"),
    ("train.py resume=res/wrong_type trainer.max_epochs=8", "config.yaml"),
    ("train.py resume=res/wrong_key trainer.max_epochs=8", "config.yaml: trainer.max_epochs is missing"),
    ("train.py resume=res/no_batch_size trainer.max_epochs=8", "config.yaml: data.batch_size is missing"),
    ("train.py resume=res/code trainer.max_epochs=8", "config.yaml"),
    ("train.py resume=res/all_damaged trainer.max_epochs=8", "checkpoints"),
    ("train.py resume=res/half_metrics", "metrics.json"),
    ("train.py resume=res/done trainer.max_epochs=abc", "trainer.max_epochs"),
    ("train.py resume=res/done trainer.max_epoch=9", "did you mean 'trainer.max_epochs'?"),
    ("train.py resume=res/done hydra.run.dir=elsewhere", "hydra.run.dir"),
    ("train.py resume=runs", "resume: runs"),
    ("train.py resume=last", "resume: there is no run"),
    ("train.py resume=true", "resume"),
    ("train.py \"resume=''\"", "resume"),
    ("train.py init_from=runs", "init_from: runs is a folder without"),
    ("train.py init_from=ck/code.ckpt", "ck/code.ckpt: not plain data"),
    ("train.py init_from=ck/nan_weights.ckpt", "ck/nan_weights.ckpt"),
    ("train.py \"init_from=''\"", "init_from"),
    ("train.py init_from=run resume=res/done", "init_from"),
]
EVAL: Rows = [
    ("eval.py", "ckpt_path: required"),
    ("eval.py ckpt_path=nowhere", "ckpt_path: nowhere does not exist"),
    ("eval.py ckpt_path=outputs", "ckpt_path: outputs is a folder without checkpoints/best_model.ckpt"),
    ("eval.py ckpt_path=own", "ckpt_path: own is a folder without checkpoints/best_model.ckpt"),
    (
        "eval.py ckpt_path=https://example.com/a.ckpt",
        "ckpt_path: https://example.com/a.ckpt is an address; download the file,",
    ),
    ("eval.py ckpt_path=null", "ckpt_path: expected a string"),
    ("eval.py ckpt_path=ck/cut.ckpt", "ck/cut.ckpt: damaged or not a checkpoint"),
    ("eval.py ckpt_path=ck/text.ckpt", "ck/text.ckpt: damaged or not a checkpoint (11 bytes; 101)"),
    ("eval.py ckpt_path=ck/empty.ckpt", "ck/empty.ckpt: damaged or not a checkpoint (0 bytes; EOFError)"),
    (
        "eval.py ckpt_path=ck/weights.ckpt",
        "ck/weights.ckpt: not a checkpoint of this project, which have a key 'project'",
    ),
    ("eval.py ckpt_path=ck/list.ckpt", "ck/list.ckpt: not a checkpoint of this project, which have a key"),
    ("eval.py ckpt_path=ck/code.ckpt", "ck/code.ckpt: not plain data (it holds code, or is no checkpoint at"),
    ("eval.py ckpt_path=ck/pickle.ckpt", "ck/pickle.ckpt: not plain data (it holds code, or is no checkpoint at"),
    ("eval.py ckpt_path=ck/module.ckpt", "ck/module.ckpt: not plain data (it holds code, or is no checkpoint at"),
    ("eval.py ckpt_path=ck/format.ckpt", "ck/format.ckpt: format 999 of another version, this one reads 1"),
    ("eval.py ckpt_path=ck/record.ckpt", "ck/record.ckpt: not a checkpoint of this project (its 'project' is int)"),
    ("eval.py ckpt_path=ck/no_spec.ckpt", "ck/no_spec.ckpt: its record is incomplete (KeyError: 'spec')"),
    ("eval.py ckpt_path=ck/wrong_spec.ckpt", "ck/wrong_spec.ckpt: its record is incomplete (KeyError: 'task')"),
    ("eval.py ckpt_path=ck/no_weights.ckpt", "ck/no_weights.ckpt: its record is incomplete (KeyError: 'state_dict')"),
    ("eval.py ckpt_path=ck/model_code.ckpt", "ck/model_code.ckpt: model._target_ is 'os.system'; a file may only name"),
    ("eval.py ckpt_path=ck/data_code.ckpt", "ck/data_code.ckpt: data._target_ is 'os.system'; a file may only name"),
    ("eval.py ckpt_path=ck/sizes.ckpt", "ck/sizes.ckpt: its weights don't fit the network that its config"),
    (
        "eval.py ckpt_path=ck/outputs.ckpt",
        "ck/outputs.ckpt: its record is incomplete (TypeError: outputs is 7",
    ),
    ("eval.py ckpt_path=run/config.yaml", "run/config.yaml: not plain data (it holds code, or is no checkpoint at"),
    ("eval.py ckpt_path=run split=tst", "split: expected one of auto, train, val, test, all"),
    ("eval.py ckpt_path=run predictions=abc", "predictions: expected true or false"),
    ("eval.py ckpt_path=run name=a/b", "name: expected a folder name without / \\ = , or :"),
    ("eval.py ckpt_path=run data.batch_size=0", "data.batch_size: expected a whole number from 1 up"),
    ("eval.py ckpt_path=run data.num_workers=-1", "data.num_workers: expected a whole number from 0 up"),
    ("eval.py ckpt_path=run data.batchsize=5", "did you mean 'batch_size'?"),
    (
        "eval.py ckpt_path=run data.split=[0.5,0.3,0.2]",
        "data.split: decides which rows the model was trained on, and can't",
    ),
    ("eval.py ckpt_path=run data.rows=500", "data.path: data/processed/fake_data.npy has shape (2000, 21),"),
    ("eval.py ckpt_path=run data.worker_timeout=-5", "data.worker_timeout: expected seconds from 0 up"),
    ("eval.py ckpt_path=run data=npy", "'data' can't be chosen here"),
    ("eval.py ckpt_path=run data.features=X.npy data.labels=y.npy", "data"),
    (
        "eval.py ckpt_path=run data.features=fx.npy",
        "fx.npy: the label in row 0 is 1.7806437, which is not one of the 4",
    ),
    ("eval.py ckpt_path=run data.features=fx.npy data.labels=fy_nine.npy", "fy_nine.npy: the label in row 3 is 9"),
    (
        "eval.py ckpt_path=run data.features=fx.npy data.labels=fy_short.npy",
        "fy_short.npy has 5 rows, but fx.npy has 200",
    ),
    ("eval.py ckpt_path=run data.labels=fy.npy", "data.labels: src.data.fake.read_fake takes no such argument"),
    ("eval.py ckpt_path=run data.file=t.csv", "data.file: not a key of the data that the checkpoint knows"),
    (
        "eval.py ckpt_path=run data.features=fx.npy data.labels=fy.npy data.missing=mean",
        "data.missing: not a key of the data that the checkpoint knows",
    ),
    ("eval.py ckpt_path=run model=linear", "'model' can't be chosen here"),
    ("eval.py ckpt_path=run model.dropout=0.1", "'model.dropout' is not a key of this configuration"),
    ("eval.py ckpt_path=run seed=3", "'seed' is not a key of this configuration"),
    ("eval.py ckpt_path=run trainer.devices=2", "trainer.devices: evaluation runs on one device, so that every row"),
    ("eval.py ckpt_path=run trainer.limit_test_batches=0", "trainer.limit_test_batches: leaves nothing to evaluate"),
    (
        "eval.py ckpt_path=run trainer.max_epochs=0",
        "trainer.max_epochs: expected a whole number above 0, or -1 for no end",
    ),
    (
        "eval.py ckpt_path=run trainer.precision=fp16x",
        "trainer.precision: expected one of 64, 32, 16, transformer-engine,",
    ),
    ("eval.py ckpt_path=run trainer.max_epoch=7", "did you mean 'trainer.max_epochs'?"),
    ("eval.py ckpt_path=run hydra.run.dir=run", "hydra.run.dir: run already holds a run, which is never overwritten"),
    ("eval.py ckpt_path=run hydra.run.dir=a_file", "hydra.run.dir: a_file is a file, not a folder"),
    ("eval.py ckpt=run", "did you mean 'ckpt_path'?"),
    ("eval.py ckpt_path=run,ck/text.ckpt", "Ambiguous value for argument 'ckpt_path=run,ck/text.ckpt' 1. To use"),
    ("eval.py ckpt_path=ck/list_of_weights.ckpt", "ck/list_of_weights.ckpt"),
    ("eval.py ckpt_path=ck/nan_weights.ckpt", "ck/nan_weights.ckpt"),
    ("eval.py ckpt_path=ck/no_config.ckpt", "ck/no_config.ckpt"),
    ("eval.py ckpt_path=ck/list_config.ckpt", "ck/list_config.ckpt"),
    ("eval.py ckpt_path=ck/no_model.ckpt", "ck/no_model.ckpt"),
    ("eval.py ckpt_path=ck/no_data.ckpt", "ck/no_data.ckpt"),
    ("eval.py ckpt_path=ck/no_loss.ckpt", "ck/no_loss.ckpt"),
    ("eval.py ckpt_path=ck/no_provenance.ckpt", "ck/no_provenance.ckpt"),
    ("eval.py ckpt_path=run data.features=f_nan.npy data.labels=fy.npy", "f_nan.npy: row 7, column 2 is nan"),
    ("eval.py ckpt_path=run data.features=f_huge.npy data.labels=fy.npy", "f_huge.npy: row 0"),
    ("eval.py ckpt_path=run data.path=nowhere.npy", "nowhere.npy does not exist"),
    ("eval.py ckpt_path=run data.noise=9", "data.noise"),
    ("eval.py ckpt_path=run data.classes=9", "data.classes"),
    ("eval.py ckpt_path=run data.seed=9", "data.seed"),
    ("eval.py ckpt_path=run data.embedding_dim=5", "data.embedding_dim"),
    ("eval.py ckpt_path=run data.augmentation={noise:5}", "data.augmentation"),
    ("eval.py ckpt_path=run data=5", "data"),
    ("eval.py ckpt_path=run trainer.limit_test_batches=0.0001", "limit_test_batches"),
    ("eval.py ckpt_path=run +foo=1", "'foo' is not a key"),
]
INFER: Rows = [
    ("infer.py input=fx.npy output=p.csv", "ckpt_path: checkpoints/final_model.ckpt does not exist"),
    ("infer.py input=fx.npy ckpt_path=run", "output: required"),
    ("infer.py input=folder.npy output=p.csv ckpt_path=run", "input: folder.npy is a folder"),
    (
        "infer.py input=fx.txt output=p.csv ckpt_path=run",
        "input: expected a name that ends in .npy, .npz, .csv, .csv.gz",
    ),
    (
        "infer.py input=fx.npy output=p.txt ckpt_path=run",
        "output: expected a name that ends in .csv, .parquet, .jsonl, .npy",
    ),
    ("infer.py input=fx.npy output=folder.csv ckpt_path=run", "output: folder.csv is a folder"),
    ("infer.py input=fx.npy output=fx.npy ckpt_path=run", "fx.npy is the input itself"),
    (
        "infer.py input=f_five.npy output=p.csv ckpt_path=run",
        "input: rows of f_five.npy have shape (5,), the model takes (20,)",
    ),
    ("infer.py input=f_nan.npy output=p.csv ckpt_path=run", "f_nan.npy: row 7, column 2 is nan"),
    ("infer.py input=empty.npy output=p.csv ckpt_path=run", "input: empty.npy is empty (0 bytes)"),
    (
        "infer.py input=objects.npy output=p.csv ckpt_path=run",
        "input: objects.npy holds object, expected numbers (bool, int, uint or float)",
    ),
    (
        "infer.py input=cut.npz output=p.csv ckpt_path=run",
        "input: cut.npz is damaged or not a .npz archive (File is not a zip file)",
    ),
    (
        "infer.py input=no_arrays.npz output=p.csv ckpt_path=run",
        "input: no_arrays.npz holds no arrays; name the rows x, X, features, data",
    ),
    (
        "infer.py input=two_names.npz output=p.csv ckpt_path=run",
        "input: two_names.npz holds p, q; name the rows x, X, features, data",
    ),
    ("infer.py input=objects.npz output=p.csv ckpt_path=run", "objects.npz is object"),
    ("infer.py input=f_five.csv output=p.csv ckpt_path=run", "input: f_five.csv has 5 columns, the model takes 20"),
    ("infer.py input=f_no_rows.csv output=p.csv ckpt_path=run", "input: f_no_rows.csv has no rows"),
    ("infer.py input=f_twice.csv output=p.csv ckpt_path=run", "two columns 'c0'"),
    (
        "infer.py input=f_no_header.csv output=p.csv ckpt_path=run",
        "input: f_no_header.csv has no header: its first row would be lost",
    ),
    (
        "infer.py input=f_short_row.csv output=p.csv ckpt_path=run",
        "input: f_short_row.csv: CSV parse error: Row #3: Expected 20 columns",
    ),
    (
        "infer.py input=not_gzip.csv.gz output=p.csv ckpt_path=run",
        "input: not_gzip.csv.gz: zlib inflate failed: incorrect header check",
    ),
    ("infer.py input=cut.csv.gz output=p.csv ckpt_path=run", "input: cut.csv.gz: Truncated compressed stream"),
    ("infer.py input=fx.npy output=p.csv batch_size=0 ckpt_path=run", "batch_size: expected a whole number from 1 up"),
    ("infer.py input=fx.npy output=p.csv batchsize=5 ckpt_path=run", "did you mean 'batch_size'?"),
    ("infer.py inptu=fx.npy output=p.csv ckpt_path=run", "did you mean 'input'?"),
    ("infer.py input=fx.npy output=p.csv seed=1 ckpt_path=run", "'seed' is not a key of this configuration"),
    (
        "infer.py input=https://example.com/a.npy output=p.csv ckpt_path=run",
        "input: https:/example.com/a.npy does not exist",
    ),
    (
        "infer.py input=fx.npy output=p.csv ckpt_path=ck/model_code.ckpt",
        "ck/model_code.ckpt: model._target_ is 'os.system'; a file may only name",
    ),
    (
        "infer.py input=fx.npy output=p.csv ckpt_path=ck/code.ckpt",
        "ck/code.ckpt: not plain data (it holds code, or is no checkpoint at",
    ),
    (
        "infer.py input=fx.npy output=p.csv ckpt_path=ck/outputs.ckpt",
        "ck/outputs.ckpt: its record is incomplete (TypeError: outputs is 7",
    ),
    (
        "infer.py input=fx.npy output=p.csv ckpt_path=ck/wrong_spec.ckpt",
        "ck/wrong_spec.ckpt: its record is incomplete (KeyError: 'task')",
    ),
    ("infer.py ckpt_path=run input=nowhere.npy output=p.csv", "input: nowhere.npy does not exist"),
    ("infer.py ckpt_path=run input=fx.npy output=a_file/p.csv", "output: a_file is a file"),
    ("infer.py ckpt_path=run input=fx.npy output=/proc/x/p.csv", "output: cannot write to /proc/x"),
    ("infer.py ckpt_path=run input=f_huge.npy output=p.csv", "f_huge.npy: row 0"),
    ("infer.py ckpt_path=ck/nan_weights.ckpt input=fx.npy output=p.csv", "ck/nan_weights.ckpt"),
    ("infer.py ckpt_path=ck/model_code.ckpt input=fx.npy output=p.csv", "ck/model_code.ckpt"),
    ("infer.py ckpt_path=ck/code.ckpt input=fx.npy output=p.csv", "ck/code.ckpt"),
    ("infer.py ckpt_path=ck/wrong_spec.ckpt input=fx.npy output=p.csv", "ck/wrong_spec.ckpt"),
    ("infer.py ckpt_path=ck/no_config.ckpt input=fx.npy output=p.csv", "ck/no_config.ckpt"),
    ("infer.py ckpt_path=run input=fx.npy output=p.csv +batchsize=3", "did you mean 'batch_size'?"),
]
SELECT: Rows = [
    ("select_best_model.py runs=nowhere", "runs: nowhere is not a folder"),
    ("select_best_model.py runs=a_file", "runs: a_file is not a folder"),
    ("select_best_model.py runs=null", "runs"),
    ("select_best_model.py runs=5", "runs"),
    ("select_best_model.py run=runs", "did you mean 'runs'?"),
    ("select_best_model.py runs=runs/none", "runs: no finished run with a best model below runs/none"),
    ("select_best_model.py runs=runs/cut", "runs: no finished run with a best model below runs/cut"),
    ("select_best_model.py runs=runs/empty", "runs: no finished run with a best model below runs/empty"),
    ("select_best_model.py runs=runs/list", "runs: no finished run with a best model below runs/list"),
    ("select_best_model.py runs=runs/failed", "runs: no finished run with a best model below runs/failed"),
    ("select_best_model.py runs=runs/no_best", "runs: no finished run with a best model below runs/no_best"),
    ("select_best_model.py runs=runs/in_part", "runs: no finished run with a best model below runs/in_part"),
    ("select_best_model.py runs=runs/no_provenance", "runs/no_provenance/r/metrics.json"),
    ("select_best_model.py runs=runs/no_metrics", "runs/no_metrics/r/metrics.json"),
    (
        "select_best_model.py runs=runs/no_monitor",
        "metric: the runs monitor nothing; choose with metric=... mode=... (there are: test/acc, ",
    ),
    ("select_best_model.py runs=runs/wrong_monitor", "runs/wrong_monitor/r/metrics.json: monitor: expected a string"),
    ("select_best_model.py runs=runs/text_metric", "runs/text_metric/r/metrics.json"),
    ("select_best_model.py runs=runs/wrong_mode", "runs/wrong_mode/r/metrics.json"),
    ("select_best_model.py runs=runs/no_epoch", "runs/no_epoch/r/metrics.json"),
    ("select_best_model.py runs=runs/wrong_split", "runs/wrong_split/r/metrics.json: data_split: expected a mapping"),
    ("select_best_model.py runs=runs/wrong_ends", "runs/wrong_ends/r/metrics.json: directions: expected min or max"),
    ("select_best_model.py runs=runs/null_metric", "metric: val/loss is not finite"),
    ("select_best_model.py runs=runs/damaged_model", "best_model.ckpt"),
    ("select_best_model.py runs=runs/good metric=val/los", "did you mean 'val/loss'?"),
    ("select_best_model.py runs=runs/old metric=val/acc", "mode: is a small or a large val/acc better?"),
    ("select_best_model.py runs=runs/old metric=val/acc mode=min", "mode: min would take the worst"),
    ("select_best_model.py runs=runs/good metric=val/acc mode=min", "mode: min would take the worst"),
    ("select_best_model.py runs=runs/good mode=max", "mode: max would take the worst val/loss"),
    ("select_best_model.py runs=runs/good mode=up", "mode: expected one of min, max"),
    ("select_best_model.py runs=runs/good metric=5", "metric"),
    ("select_best_model.py runs=runs/good final_model=x.pt", "final_model: expected a name that ends in .ckpt"),
    ("select_best_model.py runs=runs/good final_model=x.pt dry_run=true", "final_model"),
    ("select_best_model.py runs=runs/good final_model=null", "final_model"),
    ("select_best_model.py runs=runs/good final_model=a_file/x.ckpt", "a_file"),
    ("select_best_model.py runs=runs/good final_model=folder.ckpt", "final_model: folder.ckpt"),
    ("select_best_model.py runs=runs/good final_model=ck/text.ckpt", "ck/text.ckpt: there is no record"),
    ("select_best_model.py runs=runs/good final_model=runs/good/r/checkpoints/last.ckpt force=true", "final_model"),
    ("select_best_model.py runs=runs/good dry_run=abc", "dry_run: expected true or false"),
    ("select_best_model.py runs=runs/good force=1", "force: expected true or false"),
    ("select_best_model.py runs=runs/good trained_on=nothing", "trained_on: no run on 'nothing'"),
    ("select_best_model.py runs=runs/good dryrun=true", "did you mean 'dry_run'?"),
    ("select_best_model.py runs=runs/good +metrics=val/acc", "did you mean 'metric'?"),
]
# LightningModules and LightningDataModules, and networks beside them.
OWN: Rows = [
    (
        "train.py model=gan",
        "model.dimensions: required; data/processed/fake_data.npy does not say it (it says categories,",
    ),
    (
        "train.py model=linear data=ring",
        "model: src.models.linear.Linear is a plain network, so Ring has to say what it is",
    ),
    ("train.py model=segmentation data=ring model.classes=2", "model.in_channels: required; Ring does not say it"),
    ("train.py data=digits model=segmentation", "model.in_channels: required; data/raw/digits.csv.gz does not say it"),
    (
        "train.py experiment=segmentation optimizer.lr=1",
        "optimizer.lr: Segmentation makes its own optimizers; set model.lr=1",
    ),
    (
        "train.py experiment=segmentation optimizer=sgd",
        "optimizer: Segmentation makes its own optimizers; what Segmentation",
    ),
    ("train.py experiment=segmentation scheduler=cosine", "scheduler: Segmentation makes its own schedules"),
    ("train.py experiment=gan loss.name=mse", "loss.name: GAN makes its own loss; what GAN takes is in model"),
    ("train.py experiment=gan compile=true", "compile: GAN is compiled by itself, if at all; set compile=false"),
    ("train.py experiment=gan monitor=val/loss", "monitor: val/loss needs validation, but Ring has no val_dataloader"),
    ("train.py experiment=segmentation monitor=val/dicee", "not logged; did you mean 'val/dice'?"),
    ("train.py experiment=segmentation mode=min", "mode: min would take the worst val/dice for the best; set mode=max"),
    ("train.py experiment=segmentation data.batchsize=3", "did you mean 'data.batch_size'?"),
    ("train.py experiment=segmentation data.split=[0.5,0.1]", "data.split: expected tuple[float, float, float]"),
    ("train.py experiment=segmentation model.lr=fast", "model.lr: expected float, got 'fast'"),
    ("train.py experiment=segmentation data.fold=0", "data.fold"),
    ("train.py experiment=language_model data.file=nowhere.txt", "nowhere.txt"),
    ("train.py experiment=segmentation trainer.limit_train_batches=0", "trainer.limit_train_batches: 0 leaves nothing"),
    (
        "train.py data._target_=src.models.linear.Linear",
        "data._target_: src.models.linear.Linear is neither a Lightning",
    ),
    ("train.py data._target_=src.data.ring.ring_centres", "data"),
    ("train.py model._target_=src.training.losses.build_loss", "model"),
    ("train.py module=null", "module: expected a mapping, got None"),
    ("train.py module._target_=src.training.module.Modul", "module._target_: cannot load 'src.training.module.Modul'"),
    ("train.py module._target_=src.models.linear.Linear", "module"),
    ("train.py init_prefix=3", "init_prefix: expected a string, or null, got 3"),
    ("train.py logger=[csv,tensorbord]", "logger=tensorbord: no such option; did you mean 'tensorboard'?"),
    (
        "train.py init_from=weights.pt",
        "init_from: no weight of weights.pt fits this network; it holds layer.weight, init_",
    ),
    (
        "train.py init_from=objects.pt",
        "objects.pt: not a checkpoint of this project, which have a key 'project' (found: epoch, lr)",
    ),
    ("infer.py output=p.csv ckpt_path=run", "input: required; add input=... to the command"),
    (
        "infer.py output=p.csv ckpt_path=run input=fx.npy data.rows=3",
        "data.rows: this model was trained on arrays, whose",
    ),
    (
        "infer.py output=p.pt ckpt_path=run input=fx.npy",
        "output: .pt takes what a module of your own returns; give .csv",
    ),
]
ALL = [KEYS, TRAINER, NPY, CSV, FOLDERS, FILES, SWEEPS, START, EVAL, INFER, SELECT, OWN]

# What must go well: the row is here because it once did not, or looks like one that must not.
FINE = [
    "train.py data=npy \"data.features='ünï cödé/X 1.npy'\" \"data.labels='ünï cödé/y 1.npy'\" logger=none",
    "train.py data=csv \"data.file='ünï cödé/t 1.csv'\" data.target=t \"hydra.run.dir='out/ünï cödé'\"",
    "train.py data=csv data.file=bom.csv data.target=t logger=none",
    "train.py data=csv data.file=crlf.csv data.target=t logger=none",
    "infer.py ckpt_path=run input=fx.npy \"output='ünï cödé out/p 1.csv'\"",
    "eval.py ckpt_path=run data.features=fx.npy data.labels=fy.npy",
    "train.py monitor=null",
    "select_best_model.py runs=runs/null_split",
    "select_best_model.py runs=runs/good metric=val/acc",
]

CASES = [case for rows in ALL for case in rows]


def _arrays(folder: Path) -> None:
    """Numpy files: X.npy and y.npy are right (60 rows of 4 numbers, 3 classes), the others each have a fault."""
    x = np.random.RandomState(0).standard_normal((60, 4)).astype(np.float32)
    y = np.arange(60) % 3
    arrays: dict[str, Any] = {
        "X": x,
        "y": y,
        "y_float": x[:, 0] * 2,
        "nan": _with(x, (7, 2), np.nan),
        "inf": _with(x, (7, 2), np.inf),
        "one_nan_column": _with(x, (slice(None), 2), np.nan),
        "huge": x.astype(np.float64) * 1e300,
        "text": np.array([["a", "b"]] * 60),
        "complex": x.astype(np.complex64),
        "dates": np.array(["2020-01-01"] * 60, dtype="M8[D]"),
        "fields": np.zeros(60, dtype=[("a", "f4"), ("b", "f4")]),
        "objects": np.array([[1, "a"], [2, None]], dtype=object),
        "no_rows": x[:0],
        "no_columns": x[:, :0],
        "scalar": np.float32(3),
        "flat": x[0],
        "two_rows": x[:2],
        "y_two_rows": y[:2],
        "five_columns": np.column_stack([x, x[:, 0]]),
        "bytes": (abs(x) * 20).astype(np.uint8),
        "y_negative": y - 1,
        "y_fraction": y + 0.5,
        "y_short": y[:50],
        "y_one_class": y * 0,
        "y_all_different": np.arange(60),
        "y_column": np.stack([y, y], axis=1),
        "y_nan": _with(y.astype(float), 5, np.nan),
        "y_text": np.array(["a", "b", "c"])[y],
        "y_seven": _with(y, 5, 7),
        "y_infinite": _with(x[:, 0], 5, np.inf),
    }
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array, allow_pickle=True)
    whole = (folder / "X.npy").read_bytes()
    (folder / "cut.npy").write_bytes(whole[:-100])
    (folder / "cut_header.npy").write_bytes(whole[:40])
    (folder / "empty.npy").touch()
    (folder / "page.npy").write_text("<html>404</html>")
    (folder / "folder.npy").mkdir()
    np.savez(folder / "good.npz", x=x, y=y)
    np.savez(folder / "two_names.npz", p=x, q=y)
    np.savez(folder / "objects.npz", x=arrays["objects"])
    np.savez(folder / "no_arrays.npz")
    (folder / "cut.npz").write_bytes((folder / "good.npz").read_bytes()[:-50])
    (folder / "page.npz").write_text("<html>404</html>")
    (folder / "ünï cödé").mkdir()
    np.save(folder / "ünï cödé" / "X 1.npy", x)
    np.save(folder / "ünï cödé" / "y 1.npy", y)


def _with(array: np.ndarray, where: Any, value: float) -> np.ndarray:
    changed = array.copy()
    changed[where] = value
    return changed


def _tables(folder: Path) -> None:
    """CSV files: t.csv is right (columns a to d are numbers, t is x, y or z), the others each have a fault."""
    x = np.random.RandomState(0).standard_normal((60, 4)).round(4)
    rows = [[*map(str, row), "xyz"[number % 3]] for number, row in enumerate(x.tolist())]

    def write(name: str, rows: list[list[str]], header: str = "a,b,c,d,t") -> None:
        (folder / f"{name}.csv").write_text("".join(",".join(row) + "\n" for row in [header.split(","), *rows]))

    def row_5(name: str, new: list[str]) -> None:
        write(name, [*rows[:5], new, *rows[6:]])

    def column(name: str, index: int, cell: Callable[[int], object]) -> None:
        write(name, [[*row[:index], str(cell(i)), *row[index + 1 :]] for i, row in enumerate(rows)])

    write("t", rows)
    write("twice", rows, "a,b,a,d,t")
    write("no_rows", [])
    write("two_rows", rows[:2])
    write("only_target", [row[4:] for row in rows], "t")
    row_5("short_row", rows[5][:3])
    row_5("long_row", [*rows[5], "1"])
    row_5("open_quote", ['"1', *rows[5][1:]])
    row_5("gap", ["", *rows[5][1:]])
    row_5("nan_word", ["nan", *rows[5][1:]])
    row_5("inf_word", ["inf", *rows[5][1:]])
    row_5("question_mark", ["?", *rows[5][1:]])
    row_5("no_label", [*rows[5][:4], ""])
    column("dates", 0, lambda i: "2020-01-01")
    column("names", 0, lambda i: f"id{i}")
    column("huge", 0, lambda i: "1e300")
    column("no_numbers", 0, lambda i: "")
    column("decimal_commas", 0, lambda i: f'"{rows[i][0]}"'.replace(".", ","))
    column("number", 4, lambda i: float(i) / 7)
    column("negative_label", 4, lambda i: i % 3 - 1)
    column("label_nan", 4, lambda i: "nan" if i == 5 else i)
    text = (folder / "t.csv").read_text()
    (folder / "semicolons.csv").write_text(text.replace(",", ";"))
    (folder / "latin.csv").write_bytes(text.replace("x\n", "é\n").encode("latin-1"))
    (folder / "latin_header.csv").write_bytes(text.replace("a,b", "é,b", 1).encode("latin-1"))
    (folder / "bom.csv").write_text("\ufeff" + text)
    (folder / "crlf.csv").write_bytes(text.replace("\n", "\r\n").encode())
    (folder / "blank.csv").write_text("\n\n")
    (folder / "empty.csv").touch()
    (folder / "folder.csv").mkdir()
    (folder / "not_gzip.csv.gz").write_text(text)
    (folder / "cut.csv.gz").write_bytes(gzip.compress(text.encode())[:-200])
    shutil.copy(folder / "t.csv", folder / "ünï cödé" / "t 1.csv")


def _for_the_run(folder: Path) -> None:
    """Files like those that `run` was trained on: 20 numbers a row, 4 classes."""
    rows = np.load(folder / "run" / ".." / ".." / "data" / "processed" / "fake_data.npy")
    x, y = rows[:200, :-1], rows[:200, -1].astype(int)
    arrays: dict[str, Any] = {
        "fx": x,
        "fy": y,
        "f_nan": _with(x, (7, 2), np.nan),
        "f_five": x[:, :5],
        "f_huge": x.astype(np.float64) * 1e300,
        "fy_nine": _with(y, 3, 9),
        "fy_short": y[:5],
    }
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
    header = [f"c{i}" for i in range(20)]
    cells = [[str(value) for value in row] for row in x[:9].tolist()]
    tables: dict[str, list[list[str]]] = {
        "f_text": [header, ["u"] * 20],
        "f_gap": [header, ["", *cells[0][1:]]],
        "f_twice": [["c0"] * 20, *cells],
        "f_no_header": cells,
        "f_short_row": [header, cells[0], cells[1][:2]],
        "f_five": [row[:5] for row in [header, *cells]],
        "f_no_rows": [header],
    }
    for name, table in tables.items():
        (folder / f"{name}.csv").write_text("".join(",".join(row) + "\n" for row in table))


class _Payload:
    """Runs code when it is unpickled."""

    def __reduce__(self) -> Any:
        return open, ("it_ran", "w")


def _checkpoints(folder: Path) -> None:
    """The run's best model with one fault each."""
    best = folder / "run" / "checkpoints" / "best_model.ckpt"
    ck = folder / "ck"
    ck.mkdir()
    weights = torch.load(best, weights_only=True)["state_dict"]
    (ck / "cut.ckpt").write_bytes(best.read_bytes()[: best.stat().st_size // 2])
    (ck / "text.ckpt").write_text("hello world")
    (ck / "empty.ckpt").touch()
    contents = {
        "weights": weights,
        "list": [1, 2],
        "tensor": torch.zeros(3),
        "foreign": {"state_dict": weights},
        "code": {"x": _Payload()},
        "module": torch.nn.Linear(2, 2),
    }
    for name, content in contents.items():
        torch.save(content, ck / f"{name}.ckpt")
    (ck / "pickle.ckpt").write_bytes(pickle.dumps(_Payload()))
    edits: dict[str, Edit] = {
        "format": lambda c: c[RECORD].update(format=999),
        "record": lambda c: c.update({RECORD: 5}),
        "no_spec": lambda c: c[RECORD].pop("spec"),
        "wrong_spec": lambda c: c[RECORD].update(spec={"a": 1}),
        "outputs": lambda c: c[RECORD]["spec"].update(outputs=7),
        "no_weights": lambda c: c.pop("state_dict"),
        "list_of_weights": lambda c: c.update(state_dict=[1]),
        "nan_weights": lambda c: [t.fill_(torch.nan) for t in c["state_dict"].values() if t.is_floating_point()],
        "model_code": lambda c: c[RECORD]["config"]["model"].update(_target_="os.system"),
        "data_code": lambda c: c[RECORD]["config"]["data"].update(_target_="os.system"),
        "sizes": lambda c: c[RECORD]["config"]["model"].update(hidden_sizes=[3]),
        "no_config": lambda c: c[RECORD].update(config={}),
        "list_config": lambda c: c[RECORD].update(config=[1]),
        "no_model": lambda c: c[RECORD]["config"].pop("model"),
        "no_data": lambda c: c[RECORD]["config"].pop("data"),
        "no_loss": lambda c: c[RECORD]["config"].pop("loss"),
        "no_provenance": lambda c: c[RECORD].update(provenance={}),
    }
    for name, edit in edits.items():
        content = torch.load(best, weights_only=True)
        edit(content)
        torch.save(content, ck / f"{name}.ckpt")
    torch.save({"layer.weight": torch.zeros(2)}, folder / "weights.pt")
    torch.save({"epoch": 3, "lr": [0.1]}, folder / "objects.pt")


def _runs(folder: Path) -> None:
    """Folders of runs for selection, each with one run whose metrics.json has one fault."""
    edits: dict[str, Edit] = {
        "good": lambda m: None,
        "running": lambda m: m.update(status="running"),
        "failed": lambda m: m.update(status="failed"),
        "no_best": lambda m: m.update(best_model=None),
        "no_provenance": lambda m: m.pop("provenance"),
        "no_metrics": lambda m: m.pop("metrics"),
        "no_monitor": lambda m: m.pop("monitor"),
        "text_metric": lambda m: m["metrics"].update({"val/loss": "x"}),
        "list_metrics": lambda m: m.update(metrics=[1]),
        "null_metric": lambda m: m["metrics"].update({"val/loss": None}),
        "wrong_mode": lambda m: m.update(mode="up"),
        "no_epoch": lambda m: m.update(best_epoch=None),
        "null_split": lambda m: m.update(data_split=None),
        "wrong_split": lambda m: m.update(data_split=[0.8]),
        "wrong_monitor": lambda m: m.update(monitor=3),
        "wrong_ends": lambda m: m["directions"].update({"val/loss": "up"}),
        "old": lambda m: m.pop("directions"),
        "in_part": lambda m: m.update(measured_in_part=True),
        "damaged_model": lambda m: None,
    }
    for name, edit in edits.items():
        run = folder / "runs" / name / "r"
        shutil.copytree(folder / "run", run)
        content = json.loads((run / "metrics.json").read_text())
        edit(content)
        (run / "metrics.json").write_text(json.dumps(content))
    (folder / "runs" / "damaged_model" / "r" / "checkpoints" / "best_model.ckpt").write_text("hello")
    for name, text in {"cut": '{"status": "comp', "empty": "", "list": "[1]"}.items():
        run = folder / "runs" / name / "r"
        shutil.copytree(folder / "run", run)
        (run / "metrics.json").write_text(text)
    (folder / "runs" / "none").mkdir()
    (folder / "folder.ckpt").mkdir()


def _resumable(folder: Path) -> None:
    """Runs to go on with, each with one fault; a case that resumes gets a copy."""
    configs: dict[str, Callable[[str], str]] = {
        "done": lambda text: text,
        "cut_config": lambda text: text[:900] + "\n  - [",
        "empty_config": lambda text: "",
        "wrong_type": lambda text: text.replace("max_epochs: 6", "max_epochs: abc"),
        "wrong_key": lambda text: text.replace("max_epochs:", "max_epcohs:"),
        "no_batch_size": lambda text: text.replace("batch_size:", "batchsize:"),
        "code": lambda text: text.replace("torch.optim.Adam", "os.system"),
    }
    for name, change in configs.items():
        shutil.copytree(folder / "run", folder / "res" / name)
        path = folder / "res" / name / "config.yaml"
        path.write_text(change(path.read_text()))
    for name, text in {"list_metrics": "[]", "half_metrics": '{"status": "completed"}'}.items():
        shutil.copytree(folder / "run", folder / "res" / name)
        (folder / "res" / name / "metrics.json").write_text(text)
    shutil.copytree(folder / "run", folder / "res" / "all_damaged")
    for path in (folder / "res" / "all_damaged" / "checkpoints").glob("*.ckpt"):
        path.write_text("x")
    shutil.copytree(folder / "run", folder / "res" / "no_checkpoints")
    shutil.rmtree(folder / "res" / "no_checkpoints" / "checkpoints")


def _configs(folder: Path) -> None:
    """A user's own files for the group `experiment`."""
    texts = {
        "tab": "trainer:\n\tmax_epochs: 3\n",
        "twice": "seed: 1\nseed: 2\n",
        "unclosed": "model:\n  hidden_sizes: [1, 2\n",
        "two_colons": "name: a: b\n",
        "typo": "trainer:\n  max_epoch: 3\n",
        "top_typo": "sed: 3\n",
        "data_typo": "data:\n  batchsize: 5\n",
        "callback_typo": "callbacks:\n  early_stoping:\n    patience: 3\n",
        "list": "- 1\n- 2\n",
        "scalar": "hello\n",
        "wrong_option": "defaults:\n  - override /model: cnnn\n",
        "wrong_group": "defaults:\n  - override /modle: cnn\n",
        "wrong_default": "defaults:\n  - nowhere\n",
        "reference": "name: ${nothing}\n",
        "text_rate": 'optimizer:\n  lr: "1e-3"\n',
        "not_a_group": "trainer: 5\n",
        "null_group": "trainer: null\n",
        "new_group": "foo:\n  bar: 3\n",
    }
    group = folder / "own" / "experiment"
    group.mkdir(parents=True)
    for name, text in texts.items():
        (group / f"{name}.yaml").write_text(f"# @package _global_\n{text}")
    (group / "no_package.yaml").write_text("seed: 3\n")
    (group / "not_utf8.yaml").write_bytes(b"# @package _global_\nname: \xff\xfe\n")


@pytest.fixture(scope="session")
def prepared(project: Path, made_once: Callable[[str, Callable[[Path], None]], Path]) -> Path:
    """All files that the commands name. Nobody writes here."""

    def make(folder: Path) -> None:
        (folder / "run").symlink_to(project / "outputs" / "run")
        (folder / "a_file").write_text("x")
        (folder / "own_files").mkdir()
        (folder / "own_files" / "results.csv").write_text("mine")
        for prepare in (_arrays, _tables, _for_the_run, _checkpoints, _runs, _resumable, _configs):
            prepare(folder)

    return made_once("mistakes", make)


@pytest.fixture
def folder(prepared: Path, project: Path, tmp_path: Path) -> Path:
    """A working folder with links to the prepared files."""
    link_raw_data(tmp_path)
    (tmp_path / "data" / "processed").mkdir()
    for name in ("fake_data.npy", "fake_data.npy.json"):
        (tmp_path / "data" / "processed" / name).symlink_to(project / "data" / "processed" / name)
    for path in prepared.iterdir():
        (tmp_path / path.name).symlink_to(path)
    return tmp_path


def _state(folder: Path) -> dict[str, tuple[int, int]]:
    """Size and time of every file below `folder`."""
    files = [path for path in [*folder.rglob("*"), *(folder / "run").rglob("*")] if path.is_file()]
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in files}


def test_no_case_is_listed_twice() -> None:
    commands = [command for command, _ in CASES]
    assert len(set(commands)) == len(commands)


def _param(number: int, command: str, line: str) -> Any:
    """Ranges of keys are tested one by one in test_config_check.py: of them only some go the whole way each time."""
    is_range = ": expected " in line and number % 12
    return pytest.param(command, line, id=command, marks=[pytest.mark.slow] if is_range else [])


@pytest.mark.parametrize(("command", "line"), [_param(number, *case) for number, case in enumerate(CASES)])
def test_a_mistake_ends_in_one_line_that_names_the_fix(command: str, line: str, folder: Path, prepared: Path) -> None:
    script, *arguments = shlex.split(command)
    if written := re.search(r"(?:resume|final_model|run\.dir)=((res|runs)/\w+)", command):
        (folder / written[2]).unlink()
        shutil.copytree(prepared / written[1], folder / written[1])
    arguments = [argument.replace("$PWD", str(folder)).replace("$LONG", "n" * 300) for argument in arguments]
    before = _state(prepared)
    done = run_script(script, *arguments, cwd=folder, timeout=30)
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stderr.startswith("error: ")
    assert line in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert "Traceback" not in done.stderr + done.stdout
    assert "\nepoch 1/" not in done.stdout, "it trained before it said so"
    assert _state(prepared) == before
    assert not (folder / "it_ran").exists()


@pytest.mark.parametrize("command", FINE)
def test_what_looks_unusual_works(command: str, folder: Path) -> None:
    script, *arguments = shlex.split(command)
    epochs = ["trainer.max_epochs=1"] if script == "train.py" else []
    done = run_script(script, *arguments, *epochs, cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""


def test_a_failing_job_of_a_sweep_leaves_the_others_their_run(folder: Path) -> None:
    command = ["-m", "seed=abc,1", "trainer.max_epochs=1", "logger=none", "hydra.sweep.dir=outputs/sweep"]
    done = run_script("train.py", *command, cwd=folder)
    assert done.returncode == 1
    assert json.loads((folder / "outputs" / "sweep" / "1" / "metrics.json").read_text())["status"] == "completed"
    assert done.stderr.startswith("error: 1 of the sweep's 2 jobs failed, as told above; ")
    assert "job 0 failed: seed=abc: seed: expected a whole number" in done.stdout
    assert "Traceback" not in done.stderr + done.stdout


def test_a_launcher_that_is_not_installed_is_named_with_what_brings_it(tmp_path: Path) -> None:
    if importlib.util.find_spec("hydra_plugins.hydra_joblib_launcher"):
        pytest.skip("it is installed")
    done = run_script("train.py", "-m", "launcher=joblib", "seed=1,2", cwd=tmp_path)
    assert done.returncode == 1
    assert (
        done.stderr == "error: launcher=joblib: its package is not installed; pip install -e '.[parallel]' brings it\n"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("mistake", ["sweep.metric=val/los", "sweep.mode=up"])
def test_a_sweep_that_never_began_leaves_its_name_free(mistake: str, folder: Path) -> None:
    run_script("train.py", "-m", "seed=1,2", mistake, "hydra.sweep.dir=sweep", cwd=folder)
    assert not (folder / "sweep").exists()
