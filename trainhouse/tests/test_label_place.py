"""Columns without names are never guessed: their number fits, or the label stands where it stood in training."""

import json
import shutil

import numpy as np
import pytest

from trainhouse.arrays.npy import read_npy
from trainhouse.arrays.spec import DataSpec
from trainhouse.checkpoints.checkpoint import RECORD, load_checkpoint, read
from trainhouse.configuration.errors import UserError
from trainhouse.tables.raw_rows import read_raw_rows
from trainhouse.tables.read_table import read_table
from trainhouse.tests.common import run_script
from trainhouse.tests.test_old_runs import OLD

ROWS = np.random.RandomState(0).standard_normal((40, 4))
LABELS = (ROWS[:, 0] > 0).astype(int)
SEPARATE = DataSpec("classification", (4,), "float32", 2, ("0", "1"))


def rows_of(path, spec):
    return np.concatenate(list(read_raw_rows(path, spec, 16)[1]))


@pytest.fixture
def write(tmp_path):
    def written(kind: str, names: str, columns: np.ndarray):
        path = tmp_path / f"rows.{kind}"
        if kind == "csv":
            np.savetxt(path, columns, fmt="%.17g", delimiter=",", header=names, comments="")
        elif kind == "npz":
            np.savez(path, x=columns)
        else:
            np.save(path, columns)
        return path

    return written


def label_first(tmp_path) -> DataSpec:
    """The spec of a table that has its label in the first column."""
    np.savetxt(tmp_path / "t.csv", np.c_[LABELS, ROWS], fmt="%.17g", delimiter=",", header="y,a,b,c,d", comments="")
    return read_table(str(tmp_path / "t.csv"), "y", str(tmp_path / "processed"), task="classification").spec


@pytest.mark.parametrize("kind", ["npy", "npz", "csv"])
@pytest.mark.parametrize("place", [0, 2, 4])
def test_a_column_too_many_is_refused_when_the_labels_were_in_a_file_of_their_own(write, kind, place):
    path = write(kind, "p,q,r,s,t", np.insert(ROWS, place, LABELS, axis=1))
    with pytest.raises(UserError, match=r"rows\.\w+ .*5.*, the model takes .*4.*; which of them is too many is not"):
        rows_of(path, SEPARATE)


@pytest.mark.parametrize("kind", ["npy", "npz"])
def test_a_whole_table_as_an_array_loses_the_label_where_the_table_had_it(tmp_path, write, kind):
    spec = label_first(tmp_path)
    expected = ROWS.astype(np.float32)
    np.testing.assert_array_equal(rows_of(write(kind, "", np.c_[LABELS, ROWS]), spec), expected)
    np.testing.assert_array_equal(rows_of(write(kind, "", ROWS), spec), expected)
    with pytest.raises(UserError, match=r"column 0 is where the label was in training, but row 2 has 2\.0 there"):
        rows_of(write(kind, "", np.c_[np.arange(40), ROWS]), spec)
    with pytest.raises(UserError, match=r"column 0 is where the label was in training"):
        rows_of(write(kind, "", np.c_[ROWS, LABELS]), spec)


def test_a_whole_table_that_is_evaluated_as_an_array_has_its_label_where_the_table_had_it(tmp_path, write):
    spec = label_first(tmp_path)
    data = read_npy(str(write("npy", "", np.c_[LABELS, ROWS])), like=spec)
    np.testing.assert_array_equal(data.rows.x, ROWS)
    np.testing.assert_array_equal(data.rows.y, LABELS)


def test_features_alone_are_not_evaluated_without_labels(tmp_path, write):
    with pytest.raises(UserError, match=r"^data\.labels: required: .*rows\.npy has 4 columns, and which of them is"):
        read_npy(str(write("npy", "", ROWS)), like=label_first(tmp_path))
    last = DataSpec("classification", (4,), "float32", 2, ("0", "1"), label_places=(4,))
    with pytest.raises(UserError, match=r"rows\.npy: the label in row 0 is .*, which is not one of the 2 classes"):
        read_npy(str(write("npy", "", ROWS)), like=last)


def test_the_label_of_a_table_with_unused_columns_is_found_in_the_whole_row_only(tmp_path, write):
    whole = np.c_[np.arange(40) * 3, LABELS, ROWS]
    np.savetxt(tmp_path / "t.csv", whole, fmt="%.17g", delimiter=",", header="id,y,a,b,c,d", comments="")
    spec = read_table(str(tmp_path / "t.csv"), "y", str(tmp_path / "processed"), drop=["id"]).spec
    np.testing.assert_array_equal(rows_of(write("npy", "", whole), spec), ROWS.astype(np.float32))
    with pytest.raises(UserError, match=r"have shape \(5,\), the model takes \(4,\); which of them"):
        rows_of(write("npy", "", whole[:, 1:]), spec)


def test_labels_in_the_last_column_are_left_out_of_a_table_of_the_same_width(write):
    spec = DataSpec("classification", (4,), "float32", 2, ("0", "1"), label_places=(4,))
    np.testing.assert_allclose(rows_of(write("csv", "a,b,c,d,e", np.c_[ROWS, LABELS]), spec), ROWS, rtol=1e-6)
    with pytest.raises(UserError, match=r"rows\.csv: column e is where the label was in training, but row 0 has "):
        rows_of(write("csv", "y,a,b,c,e", np.c_[LABELS, ROWS]), spec)


def test_the_index_that_pandas_writes_is_left_out_for_a_model_without_names(write, caplog):
    path = write("csv", ",a,b,c,d", np.c_[np.arange(40), ROWS])
    np.testing.assert_allclose(rows_of(path, SEPARATE), ROWS, rtol=1e-6)
    assert "row numbers are left out (the column without a name)" in caplog.text
    path = write("csv", ",a,b,c", np.c_[np.arange(40), ROWS[:, :3]])
    with pytest.raises(UserError, match=r"has 3 columns, the model takes 4 without names"):
        rows_of(path, SEPARATE)


def test_an_older_checkpoint_of_an_array_with_its_label_last_still_takes_such_rows(tmp_path):
    shutil.copytree(OLD, tmp_path, dirs_exist_ok=True)
    path = tmp_path / "finished/checkpoints/best_model.ckpt"
    assert "label_places" not in read(path)[RECORD]["spec"]
    assert load_checkpoint(path).data_spec.label_places == (4,)
    done = run_script("infer.py", "ckpt_path=finished", "input=rows.npy", "output=p.jsonl", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    predicted = [json.loads(line)["prediction"] for line in (tmp_path / "p.jsonl").read_text().splitlines()]
    assert len(predicted) == len(np.load(tmp_path / "rows.npy"))


def test_facts_of_one_file_are_kept_as_plain_data_and_are_none_of_the_rows():
    spec = DataSpec(
        "regression",
        (2,),
        "float32",
        1,
        columns=("a", "b"),
        categories={"b": ("x",)},
        label_places=(0,),
        unused_places=(3,),
        unlearned={"b": ("y",)},
        ranges=((1.0, 2.5), None),
    )
    again = DataSpec.from_dict(json.loads(json.dumps(spec.to_dict())))
    for name in ("label_places", "unused_places", "unlearned", "ranges"):
        assert getattr(again, name) == getattr(spec, name)
    assert again == spec == spec.of_any_file()


@pytest.mark.parametrize("ranges", [[["a", "b"]], [[1.0]], [5], 7, [[1, 2, 3]]])
def test_a_spec_with_ranges_that_are_none_is_refused(ranges):
    with pytest.raises(TypeError):
        DataSpec.from_dict({**SEPARATE.to_dict(), "ranges": ranges})
