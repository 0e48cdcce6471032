"""Mistakes in tables of the user's, and in the keys that name them."""

from trainhouse.tests.mistakes.judging import Judge, Rows, mistakes

ROWS: Rows = [
    ("train.py data=csv", "data.file: required"),
    ("train.py data=csv data.file=t.csv", "data.target: required"),
    ("train.py data=csv data.file=nowhere.csv data.target=t", "data.file: nowhere.csv does not exist"),
    ("train.py data=csv data.file=folder.csv data.target=t", "data.file: folder.csv has no table in it"),
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
        "data.file: short_row.csv: row 5 has 3 cells, but the header has 5",
    ),
    (
        "train.py data=csv data.file=long_row.csv data.target=t",
        "data.file: long_row.csv: row 5 has 6 cells, but the header has 5",
    ),
    (
        "train.py data=table data.file=latin.csv data.target=t data.encoding=utf-8",
        "line 2 is no text in UTF-8",
    ),
    ("train.py data=table data.file=t.csv data.target=t data.separator=ab", "data.separator: expected one character"),
    ("train.py data=table data.file=t.csv data.target=t data.decimal=x", "data.decimal: expected '.' or ','"),
    ("train.py data=csv data.file=empty.csv data.target=t", "data.file: empty.csv is empty (0 bytes)"),
    ("train.py data=csv data.file=no_rows.csv data.target=t", "data.file: no_rows.csv has no rows"),
    (
        "train.py data=csv data.file=blank.csv data.target=t",
        "data.file: blank.csv has no rows",
    ),
    (
        "train.py data=csv data.file=not_gzip.csv.gz data.target=t",
        "data.file: not_gzip.csv.gz is not packed, though its name says so; call it not_gzip.csv",
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
        "no_label.csv: 1 row has no label in column t: row 5; delete it, or name another column in data.target",
    ),
    (
        "train.py data=csv data.file=label_nan.csv data.target=t",
        "label_nan.csv: 1 row has no label in column t: row 5; delete it, or name another column in data.target",
    ),
    (
        "train.py data=csv data.file=only_target.csv data.target=t",
        "data.file: only_target.csv has no columns but the target",
    ),
    (
        "train.py data=csv data.file=dates.csv data.target=t",
        "dates.csv: column a: '01/02/2020' may be 2020-02-01",
    ),
    (
        "train.py data=csv data.file=dates.csv data.target=t data.columns={aa:drop}",
        "data.columns: dates.csv has no column 'aa'; did you mean",
    ),
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
        "data.file: open_quote.csv: row 5: a quote is opened that is never closed",
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


@mistakes(ROWS)
def test_a_mistake_ends_in_one_line_that_names_the_fix(command: str, line: str, judge: Judge) -> None:
    judge(command, line)
