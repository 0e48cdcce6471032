"""Mistakes in the keys of trainer."""

from trainhouse.tests.mistakes.judging import Judge, Rows, mistakes

ROWS: Rows = [
    (
        "train.py trainer.max_epochs=abc",
        "trainer.max_epochs: expected a whole number above 0, -1 for no end, auto, or null, got 'abc'",
    ),
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
    ("train.py trainer.accelerator=tpu", "trainer.accelerator: Requirement 'torch_xla"),
    ("train.py trainer.profiler=5", "trainer.profiler: expected"),
    ("train.py trainer.num_nodes=2", "trainer.num_nodes"),
    ("train.py trainer.devices=0", "trainer.devices: expected a number from 1 up"),
    ("train.py trainer.devices=1000000 trainer=cpu", "trainer.devices: 1000000 processes would share"),
    ("train.py trainer=null", "trainer="),
    ("train.py trainer=5", "trainer="),
    ("train.py ~trainer", "trainer"),
    ("train.py ~trainer.log_every_n_steps", "trainer.log_every_n_steps"),
    ("train.py ~trainer.accelerator trainer.max_epochs=1", "trainer.accelerator"),
]


@mistakes(ROWS)
def test_a_mistake_ends_in_one_line_that_names_the_fix(command: str, line: str, judge: Judge) -> None:
    judge(command, line)
