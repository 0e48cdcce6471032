"""Whole numbers that float64 can't tell apart are refused by name; those that it can are columns as they are."""

import numpy as np
import pytest

from trainhouse.arrays.finite_rows import check_rows
from trainhouse.arrays.labels import encode_classes, encode_targets, find_classes, known_classes
from trainhouse.arrays.npy import read_npy
from trainhouse.arrays.precision import as_wide_as_needed
from trainhouse.arrays.spec import DataSpec
from trainhouse.configuration.errors import UserError
from trainhouse.tables.read_table import read_table

ROWS = 60
BITS = np.random.RandomState(0).randint(0, 2, ROWS)
NOISE = np.random.RandomState(1).standard_normal(ROWS).round(3)
TOO_LARGE = {
    "2^60": [2**60 + int(bit) for bit in BITS],
    "minus 2^60": [-(2**60) + int(bit) for bit in BITS],
    "2^63": [2**63 + int(bit) for bit in BITS],
    "nanoseconds within a microsecond": [1_700_000_000_000_000_000 + 17 * row for row in range(ROWS)],
}
FINE = {
    "seconds": [1_700_000_000 + int(bit) for bit in BITS],
    "2^53": [2**53 - int(bit) for bit in BITS],
    "nanoseconds within a minute": [1_700_000_000_000_000_000 + 1_000_000_007 * row for row in range(ROWS)],
    "all of 64 bits": np.random.RandomState(2).randint(-(2**63), 2**63 - 1, ROWS, dtype=np.int64).tolist(),
    "large, but of one step": [2**60 + 4096 * int(bit) for bit in BITS],
    "constant": [2**60 + 1] * ROWS,
}


def read_column(folder, numbers, target=None):
    cells = zip(numbers, NOISE.tolist(), BITS if target is None else target, strict=True)
    (folder / "t.csv").write_text("n,a,y\n" + "".join(f"{n},{a},{y}\n" for n, a, y in cells))
    return read_table(str(folder / "t.csv"), "y", str(folder / "processed"))


def array_of(numbers):
    return np.array(numbers, dtype=np.uint64 if min(numbers) >= 0 else np.int64)


@pytest.mark.parametrize("numbers", TOO_LARGE.values(), ids=TOO_LARGE)
def test_what_float64_cannot_tell_apart_is_refused(tmp_path, numbers):
    end = rf"holds whole numbers beyond 2\^53 that float64 can't tell apart; subtract {min(numbers)} from each"
    with pytest.raises(UserError, match=rf"t\.csv: column n {end}, or leave the column out with data\.drop=\[n\]$"):
        read_column(tmp_path, numbers)
    np.save(tmp_path / "x.npy", np.stack([array_of(BITS).astype(array_of(numbers).dtype), array_of(numbers)], axis=1))
    np.save(tmp_path / "y.npy", BITS)
    with pytest.raises(UserError, match=rf"x\.npy: column 1 {end}$"):
        as_wide_as_needed(read_npy(str(tmp_path / "x.npy"), str(tmp_path / "y.npy"), keep_index=True))
    with pytest.raises(UserError, match=rf"^y\.npy {end}$"):
        encode_targets(array_of(numbers), "y.npy")


@pytest.mark.parametrize("numbers", FINE.values(), ids=FINE)
def test_what_float64_can_tell_apart_is_a_column(tmp_path, numbers):
    x = read_column(tmp_path, numbers).rows.x[:, 0].astype(np.float64)
    assert len(np.unique(x)) == len(set(numbers))
    encode_targets(array_of(numbers), "y.npy")


@pytest.mark.parametrize(("first", "empty"), [(10**19, ""), (-(10**19), "NA"), (10**25, "")])
def test_what_64_bits_do_not_hold_is_looked_at_as_text(tmp_path, first, empty):
    with pytest.raises(UserError, match=rf"column n holds whole numbers .*; subtract {first} from each"):
        read_column(tmp_path, [empty, *(first + int(bit) for bit in BITS[1:])])
    spread = read_column(tmp_path, [empty, *(first + 10**12 * row for row in range(1, ROWS))]).rows.x[1:, 0]
    assert len(np.unique(spread)) == ROWS - 1
    read_column(tmp_path, [f"{value!r}e{20 + row}" for row, value in enumerate((np.abs(NOISE) + 1).tolist())])


def test_several_targets_are_looked_at_too(tmp_path):
    lines = [f"{a},{2**60 + int(bit)},{a}" for a, bit in zip(NOISE, BITS, strict=True)]
    (tmp_path / "t.csv").write_text("\n".join(["a,n,y", *lines]) + "\n")
    with pytest.raises(UserError, match="column n holds whole numbers"):
        read_table(str(tmp_path / "t.csv"), ["n", "y"], str(tmp_path / "processed"), task="regression")


@pytest.mark.parametrize("first", [2**60, 2**63 + 2])
def test_classes_are_whole_numbers_of_any_size_that_64_bits_hold(first):
    labels = array_of([first, first + 1, first])
    classes = find_classes(labels, "y.npy")
    assert encode_classes(labels, classes, "y.npy").tolist() == [0, 1, 0]
    spec = DataSpec("classification", (1,), "float32", 2, tuple(map(str, classes.tolist())))
    known = known_classes(spec, labels)
    assert encode_classes(labels, known, "y.npy").tolist() == [0, 1, 0]
    with pytest.raises(UserError, match="is not one of the 2 classes"):
        encode_classes(labels + labels.dtype.type(5), known, "y.npy")


@pytest.mark.parametrize("cell", ["1e400", "1e3000000", "inf"])
def test_a_cell_beyond_all_numbers_is_infinite(tmp_path, cell):
    data = read_column(tmp_path, [cell if row == 3 else 2**60 + row for row in range(ROWS)])
    with pytest.raises(UserError, match="row 3, column n is inf"):
        check_rows(data.rows, "t.csv", data.spec.missing, data.spec.columns)
