"""Mistakes in arrays of the user's, and in the keys that name them."""

from trainhouse.tests.mistakes.judging import Judge, Rows, mistakes

ROWS: Rows = [
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
        "-1, which is negative (20 such rows): a class beside 0 and 1? set data.task=classification; an amount? set",
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
        "y_nan.npy: 1 row has no label: row 5; data.unlabelled=drop leaves such rows out",
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
        "data.task: expected one of classification, regression, multilabel or null",
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
    ("train.py data=npy data.features=~/X.npy data.labels=y.npy", "/X.npy does not exist"),
    ("train.py data=npy data.feature=X.npy data.labels=y.npy", "did you mean 'data.features'?"),
    (
        "train.py data=npy data.features=X.npy data.labels=y_float.npy loss=cross_entropy",
        "loss: CrossEntropy is for classification, but this is regression; for that there are loss=auto, loss=huber",
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


@mistakes(ROWS)
def test_a_mistake_ends_in_one_line_that_names_the_fix(command: str, line: str, judge: Judge) -> None:
    judge(command, line)
