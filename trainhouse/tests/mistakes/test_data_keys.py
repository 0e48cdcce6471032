"""Mistakes in the keys of data, whichever data it is."""

from trainhouse.tests.mistakes.judging import Judge, Rows, mistakes

ROWS: Rows = [
    ("train.py data=mnist", "data=mnist: no such option (there are: csv, digits"),
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
    ("train.py data.columns=1", "data.columns: expected a whole number from 2 up"),
    ("train.py data.classes=1", "data.classes: expected a whole number from 2 up"),
    ("train.py data.noise=-1", "data.noise: expected a number from 0 up"),
    ("train.py data.seed=-1 data.path=new1.npy", "data.seed"),
    ("train.py data.path=folder.npy", "data.path: folder.npy is a folder"),
    ("train.py data.path=page.npy", "data.path: page.npy is not a .npy file (it starts with b'<html>404</h')"),
    ("train.py data.classes=3000 data.path=new2.npy", "new2.npy: 1450 different labels in 2000 rows are no classes"),
    ("train.py data=null", "data="),
    ("train.py data.batch_size=1 model.batch_norm=true", "data.batch_size"),
    ("train.py data.noise=2 trainer.max_epochs=1", "data.noise"),
    ("train.py data.classes=3 trainer.max_epochs=1", "data.classes"),
    ("train.py data.seed=5 trainer.max_epochs=1", "data.seed"),
    ("train.py data.augmentation=true", "data.augmentation"),
    ("train.py data.augmentation={rotate:10} trainer.max_epochs=1", "data.augmentation.rotate"),
    ("train.py data.embedding_dim=5 trainer.max_epochs=1", "data.embedding_dim"),
    ("train.py data.path=a_file/x.npy", "data.path"),
    ("train.py data._target_=src.data.fake", "data._target_"),
]


@mistakes(ROWS)
def test_a_mistake_ends_in_one_line_that_names_the_fix(command: str, line: str, judge: Judge) -> None:
    judge(command, line)
