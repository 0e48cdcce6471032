"""Rows that hold nothing are predicted, so that rows still join, and counted."""

import numpy as np
import pytest

from trainhouse.arrays.far_numbers import watched
from trainhouse.arrays.spec import DataSpec
from trainhouse.arrays.split import split_rows
from trainhouse.tests.common import run_script

MODEL = DataSpec("regression", (2,), "float32", 1, columns=("a", "city"), categories={"city": ("Lyon", "Oslo")})
FULL, EMPTY = [1.5, 0], [np.nan, -1]


def lines(rows, model, caplog, numbers=None):
    rows = np.array(rows, dtype=np.float32)
    list(watched([rows[:3], rows[3:]], model, "x.csv", numbers))
    return caplog.messages


def test_rows_that_hold_nothing_are_counted(caplog):
    said = lines([FULL, [np.nan, 1], [0, -1], FULL, EMPTY, EMPTY], MODEL, caplog)
    assert said == ["warning: x.csv: 2 of 6 rows hold nothing that the model knows; the first is row 4"]


def test_one_such_row_is_named_by_its_number_in_the_file(caplog):
    said = lines([FULL, EMPTY, FULL, FULL], MODEL, caplog, numbers=np.array([7, 9, 11, 30]))
    assert said == ["warning: x.csv: 1 of 4 rows holds nothing that the model knows: row 9"]


def test_rows_of_which_none_holds_anything_are_said_once(caplog):
    assert lines([EMPTY] * 4, MODEL, caplog) == ["warning: x.csv: nothing in column a, city in any row"]


@pytest.mark.parametrize("shape", [(3,), (1, 3)])
def test_arrays_are_looked_at_where_a_row_is_plain(caplog, shape):
    rows = np.ones((5, *shape))
    rows[3] = np.nan
    said = lines(rows, DataSpec("regression", shape, "float32", 1), caplog)
    assert said == (["warning: x.csv: 1 of 5 rows holds nothing that the model knows: row 3"] if shape == (3,) else [])


def test_all_commands_count_them(tmp_path):
    rows = [f"{row % 7}.5,{'uv'[row % 2]},{row}.5" for row in range(60)]
    for name in ("train", "new"):
        (tmp_path / f"{name}.csv").write_text("\n".join(["a,b,y", *rows, ",,1.5", ",,2.5"]) + "\n")
    train = split_rows(np.zeros((62, 1)), [0.8, 0.1, 0.1], 0)["train"]
    assert {60, 61} <= {*train.tolist()}
    options = ["data=csv", "data.file=train.csv", "data.target=y", "trainer.max_epochs=1", "trainer=cpu"]
    done = run_script("train.py", *options, "logger=none", "hydra.run.dir=run", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"warning: train.csv: 2 of {len(train)} rows hold a label and no feature; the first is row 60" in done.stdout
    warning = "warning: new.csv: 2 of 62 rows hold nothing that the model knows; the first is row 60"
    done = run_script("infer.py", "input=new.csv", "output=o.csv", "ckpt_path=run", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert warning in done.stdout
    assert len((tmp_path / "o.csv").read_text().splitlines()) == 63
    done = run_script("eval.py", "data.file=new.csv", "split=all", "ckpt_path=run", "hydra.run.dir=e", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert warning in done.stdout
