"""Rows to predict come from any file kind in batches, and rows unlike the training rows are refused."""

import gzip
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest

from trainhouse.arrays.spec import DataSpec
from trainhouse.configuration.errors import UserError
from trainhouse.tables.raw_rows import read_raw_rows

X = np.arange(60, dtype=np.float32).reshape(20, 3)
PLAIN = DataSpec("regression", (3,), "float32", 1, label_places=(3,))
NAMED = DataSpec("regression", (3,), "float32", 1, columns=("a", "b", "c"), label_places=(3,))
IMAGE = DataSpec("classification", (1, 2, 2), "uint8", 2, ("cat", "dog"))
TABLE = DataSpec("regression", (2,), "float32", 1, columns=("age", "city"), categories={"city": ("Lyon", "Oslo")})


def read(path: Path, spec: DataSpec = PLAIN, batch_size: int = 7) -> np.ndarray:
    count, batches = read_raw_rows(path, spec, batch_size)
    batches = list(batches)
    assert {len(batch) for batch in batches[:-1]} <= {batch_size}
    rows = np.concatenate(batches)
    assert rows.dtype == spec.dtype
    assert count in (None, len(rows))
    return rows


def write_csv(path: Path, header: str, rows: np.ndarray) -> Path:
    np.savetxt(path, rows, fmt="%g", delimiter=",", header=header, comments="")
    return path


def write(path: Path, rows: np.ndarray) -> Path:
    """Write rows as the kind of file that the name says; a name with `small` is compressed."""
    if path.suffix == ".npy":
        np.save(path, rows)
    elif path.suffix == ".npz":
        (np.savez_compressed if "small" in path.name else np.savez)(path, x=rows, y=np.zeros(3))
    else:
        write_csv(path.with_suffix(""), ",".join("abcdef"[: rows.shape[1]]), rows)
        path.write_bytes(gzip.compress(path.with_suffix("").read_bytes()))
    return path


@pytest.mark.parametrize("label", [False, True], ids=["without label", "with label"])
@pytest.mark.parametrize("spec", [PLAIN, NAMED], ids=["columns without names", "columns with names"])
@pytest.mark.parametrize("name", ["x.npy", "x.npz", "small.npz", "x.csv.gz"])
def test_every_kind_of_file_gives_the_same_rows_with_and_without_a_label(tmp_path, name, spec, label):
    rows = np.column_stack([X, np.ones(20)]) if label else X
    np.testing.assert_array_equal(read(write(tmp_path / name, rows), spec), X)


@pytest.mark.parametrize("batch_size", [1, 5, 20, 1000])
def test_any_batch_size_gives_the_same_rows(tmp_path, batch_size):
    for name in ("x.npy", "x.npz", "x.csv.gz"):
        np.testing.assert_array_equal(read(write(tmp_path / name, X), PLAIN, batch_size), X)


def test_columns_of_a_table_are_found_by_name_in_any_order(tmp_path):
    path = write_csv(tmp_path / "x.csv", "c,label,a,b", np.column_stack([X[:, 2], np.ones(20), X[:, :2]]))
    np.testing.assert_array_equal(read(path, NAMED), X)


def test_text_gets_the_codes_of_the_training_data_and_unknown_or_missing_text_none(tmp_path, caplog):
    caplog.set_level("INFO")
    (tmp_path / "x.csv").write_text("city,age\nOslo,3\nLyon,4\nRome,5\n,6\n")
    np.testing.assert_array_equal(read(tmp_path / "x.csv", TABLE), [[3, 1], [4, 0], [5, -1], [6, -1]])
    assert f"{tmp_path / 'x.csv'}: missing cells: city in 1 of 4 rows" in caplog.messages


@pytest.mark.parametrize(("yes", "no"), [("true", "false"), ("True", "False")])
def test_truth_values_get_the_codes_that_training_gave_them(tmp_path, yes, no):
    from trainhouse.tables.read_table import read_table

    path = tmp_path / "x.csv"
    path.write_text(f"member,y\n{yes},0\n{no},1\n{yes},1\n")
    trained = read_table(str(path), "y", str(tmp_path / "processed"))
    np.testing.assert_array_equal(read(path, trained.spec), trained.rows.x)


@pytest.mark.parametrize("shape", [(6, 1, 2, 2), (6, 4), (6, 2, 2)])
@pytest.mark.parametrize("dtype", ["uint8", "int64", "float64"])
def test_images_may_be_flat_and_of_any_dtype_that_holds_bytes(tmp_path, shape, dtype):
    rows = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    np.testing.assert_array_equal(read(write(tmp_path / "x.npy", rows), IMAGE), rows.reshape(6, 1, 2, 2))


@pytest.mark.parametrize("value", [3.5, 300, -1, np.nan, np.inf])
@pytest.mark.parametrize("name", ["x.npy", "x.npz", "x.csv.gz"])
def test_a_value_that_is_no_byte_is_refused_with_its_file(tmp_path, name, value):
    rows = np.ones((4, 4))
    rows[2, 1] = value
    with pytest.raises(UserError, match=rf"{name}.* whole numbers? from 0 to 255"):
        read(write(tmp_path / name, rows), IMAGE)


@pytest.mark.parametrize(("value", "shown"), [(np.nan, "nan"), (1e300, "inf")])
@pytest.mark.parametrize("name", ["x.npy", "x.npz", "x.csv.gz"])
def test_a_number_that_is_not_finite_is_refused_with_its_row_and_column(tmp_path, name, value, shown):
    rows = X.astype(np.float64)
    rows[15, 2] = value
    with pytest.raises(UserError, match=rf"{name}: row 15, column c is {shown}"):
        read(write(tmp_path / name, rows), NAMED)


def test_a_file_of_another_kind_is_refused_with_the_endings(tmp_path):
    with pytest.raises(UserError, match=r"^input: expected a name that ends in \.npy, \.npz, \.csv, .*, \.xlsx, got "):
        read(tmp_path / "x.doc")


@pytest.mark.parametrize("name", ["x.npy", "x.npz", "x.csv"])
def test_a_path_without_a_file_is_named(tmp_path, name):
    path = re.escape(str(tmp_path / name))
    with pytest.raises(UserError, match=rf"^input: {path} does not exist \(relative paths start at "):
        read(tmp_path / name)
    (tmp_path / name).mkdir()
    with pytest.raises(UserError, match=rf"^input: {path} (is a folder|has no table in it)"):
        read(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        *((name, shape) for name in ("x.npy", "x.npz") for shape in ((20, 2), (20, 5), (20, 2, 2), (20,))),
        *(("x.csv.gz", shape) for shape in ((20, 2), (20, 5), (3, 2), (3, 5))),
    ],
)
def test_rows_of_another_shape_are_refused_with_both(tmp_path, name, shape):
    with pytest.raises(UserError, match=rf"^input: .*{name}.*{shape[1] if shape[1:] else ''}.*3"):
        read(write(tmp_path / name, np.ones(shape)))


def test_an_array_for_a_model_of_text_columns_is_refused_with_their_names(tmp_path):
    with pytest.raises(UserError, match=r"^input: .*x\.npy is an array, but the model needs columns city as text"):
        read(write(tmp_path / "x.npy", np.ones((4, 2))), TABLE)


def zipped(**members: bytes) -> bytes:
    path = Path("archive.npz")
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name.replace("_npy", ".npy"), content)
    return path.read_bytes()


def saved(array: np.ndarray, name: str = "x.npy", **arrays: np.ndarray) -> bytes:
    np.save(name, array) if name == "x.npy" else np.savez(name, **arrays)
    return Path(name).read_bytes()


def flipped(content: bytes, place: int) -> bytes:
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


BAD_FILES = {
    "npy cut": ("x.npy", lambda: saved(X)[:-8], r"is truncated: 232 bytes .* 240"),
    "npz cut": ("x.npz", lambda: saved(X, "x.npz", x=X)[:-50], r"not a \.npz archive"),
    "npz of a cut array": ("x.npz", lambda: zipped(x_npy=saved(X)[:-20]), "is truncated after row 18"),
    "npz with a flipped bit": ("x.npz", lambda: flipped(saved(X, "x.npz", x=X), 250), ""),
    "long npz with a flipped bit": ("x.npz", lambda: flipped(saved(X, "x.npz", x=np.ones((9999, 3))), 99999), ""),
    "npz of text": ("x.npz", lambda: zipped(x_npy=b"hello, this is no array"), "is not an array"),
    "npz of another file": ("x.npz", lambda: zipped(readme=b"hello"), "array"),
    "npz of nothing": ("x.npz", lambda: zipped(), "holds no arrays"),
    "npz of several": ("x.npz", lambda: saved(X, "x.npz", rows=X, more=X), "holds rows, more; name the rows x"),
    "npz of text array": ("x.npz", lambda: saved(X, "x.npz", x=np.array(["a"])), r"is <U1 \(1,\), expected rows"),
    "npz by column": ("x.npz", lambda: saved(X, "x.npz", x=np.asfortranarray(X)), "in column order"),
    "npz without rows": ("x.npz", lambda: saved(X, "x.npz", x=X[:0]), r"float32 \(0, 3\), expected rows"),
    "gz cut": ("x.csv.gz", lambda: gzip.compress(b"a,b,c\n" + b"1,2,3\n" * 99)[:-20], ""),
    "csv empty": ("x.csv", lambda: b"", r"is empty \(0 bytes\)"),
    "csv without rows": ("x.csv", lambda: b"a,b,c\n", "has no rows"),
    "csv column missing": ("x.csv", lambda: b"a,bb,c\n1,2,3\n", "has no column 'b', which .* did you mean 'bb'"),
    "csv column twice": ("x.csv", lambda: b"a,b,c,b\n1,2,3,4\n", "has two columns 'b'"),
    "csv text": ("x.csv", lambda: b"a,b,c\n1,2,3\n1,x,3\n", ".*'x'"),
    "csv ragged": ("x.csv", lambda: b"a,b,c\n1,2,3\n1,2\n", "row 1 has 2 cells, but the header has 3$"),
}


@pytest.mark.parametrize(("name", "make", "message"), BAD_FILES.values(), ids=BAD_FILES.keys())
def test_a_file_that_is_damaged_or_holds_no_rows_is_named_with_its_problem(tmp_path, monkeypatch, name, make, message):
    monkeypatch.chdir(tmp_path)
    content = make()
    Path(name).write_bytes(content)
    with pytest.raises(UserError, match=rf"^input: .*{re.escape(name)}.*{message}"):
        read(tmp_path / name, NAMED)
