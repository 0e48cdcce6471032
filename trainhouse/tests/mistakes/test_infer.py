"""Mistakes in what infer.py is asked for."""

from trainhouse.tests.mistakes.judging import Judge, Rows, mistakes

ROWS: Rows = [
    ("infer.py input=fx.npy output=p.csv", "ckpt_path: checkpoints/final_model.ckpt does not exist"),
    ("infer.py input=fx.npy ckpt_path=run", "output: required"),
    ("infer.py input=folder.npy output=p.csv ckpt_path=run", "input: folder.npy is a folder"),
    (
        "infer.py input=a_file output=p.csv ckpt_path=run",
        "input: expected a name that ends in .npy, .npz, .csv, .tsv, .txt, .parquet",
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
        "input: f_short_row.csv: row 1 has 2 cells, but the header has 20",
    ),
    (
        "infer.py input=not_gzip.csv.gz output=p.csv ckpt_path=run",
        "input: not_gzip.csv.gz is not packed, though its name says so; call it not_gzip.csv",
    ),
    (
        "infer.py input=cut.csv.gz output=p.csv ckpt_path=run",
        "input: cut.csv.gz is not a readable CSV file (Truncated compressed",
    ),
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
    ("infer.py ckpt_path=ck/no_config.ckpt input=fx.npy output=p.csv", "ck/no_config.ckpt"),
    ("infer.py ckpt_path=run input=fx.npy output=p.csv +batchsize=3", "did you mean 'batch_size'?"),
]


@mistakes(ROWS)
def test_a_mistake_ends_in_one_line_that_names_the_fix(command: str, line: str, judge: Judge) -> None:
    judge(command, line)
