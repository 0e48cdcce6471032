"""Arrays and tables that are right, and others with one fault each."""

import gzip
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np


def arrays(folder: Path) -> None:
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
        "two_rows": x[:2],
        "y_two_rows": y[:2],
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
    (folder / "ünï cödé").mkdir()
    np.save(folder / "ünï cödé" / "X 1.npy", x)
    np.save(folder / "ünï cödé" / "y 1.npy", y)


def tables(folder: Path) -> None:
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
    column("dates", 0, lambda i: "01/02/2020")
    column("names", 0, lambda i: f"id{i}")
    column("huge", 0, lambda i: "1e300")
    column("no_numbers", 0, lambda i: "")
    column("decimal_commas", 0, lambda i: f'"{rows[i][0]}"'.replace(".", ","))
    column("number", 4, lambda i: float(i) / 7)
    column("negative_label", 4, lambda i: i % 3 - 1)
    column("label_nan", 4, lambda i: "nan" if i == 5 else i)
    text = (folder / "t.csv").read_text()
    (folder / "latin.csv").write_bytes(text.replace("x\n", "é\n").encode("latin-1"))
    (folder / "bom.csv").write_text("\ufeff" + text)
    (folder / "crlf.csv").write_bytes(text.replace("\n", "\r\n").encode())
    (folder / "blank.csv").write_text("\n\n")
    (folder / "empty.csv").touch()
    (folder / "folder.csv").mkdir()
    (folder / "not_gzip.csv.gz").write_text(text)
    (folder / "cut.csv.gz").write_bytes(gzip.compress(text.encode())[:-200])
    shutil.copy(folder / "t.csv", folder / "ünï cödé" / "t 1.csv")


def for_the_run(folder: Path) -> None:
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
        "f_twice": [["c0"] * 20, *cells],
        "f_no_header": cells,
        "f_short_row": [header, cells[0], cells[1][:2]],
        "f_five": [row[:5] for row in [header, *cells]],
        "f_no_rows": [header],
    }
    for name, table in tables.items():
        (folder / f"{name}.csv").write_text("".join(",".join(row) + "\n" for row in table))


def _with(array: np.ndarray, where: Any, value: float) -> np.ndarray:
    changed = array.copy()
    changed[where] = value
    return changed
