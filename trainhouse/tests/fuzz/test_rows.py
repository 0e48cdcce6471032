"""Damaged arrays and tables are read right, or refused in one clear line, and nothing else happens."""

import shutil
from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
from hypothesis import given

from trainhouse.arrays.npy import read_npy
from trainhouse.arrays.spec import DataSpec
from trainhouse.checkpoints.checkpoint import load_checkpoint
from trainhouse.configuration.errors import UserError
from trainhouse.tables.raw_rows import read_raw_rows
from trainhouse.tables.read_table import read_table
from trainhouse.tests.fuzz.damage import damaged
from trainhouse.tests.fuzz.examples import chances, examples
from trainhouse.tests.fuzz.watched import outcome


def all_rows(path: Path, spec: DataSpec) -> np.ndarray:
    """Return the rows of a file as a model of that spec takes them."""
    _, batches = read_raw_rows(path, spec, 16)
    return np.concatenate(list(batches))


@examples(100)
@given(random=chances)
def test_damaged_arrays_are_read_or_refused(random: Random, place: Path) -> None:
    spec = DataSpec("regression", (3,), "float32", 1)
    x = np.arange(120, dtype="float32").reshape(40, 3)
    np.save("x.npy", x)
    np.savez("x.npz", x=x)
    np.savez_compressed("packed.npz", x=x)
    for name in ("x.npy", "x.npz", "packed.npz"):
        path = place / f"damaged-{name}"
        path.write_bytes(damaged(Path(name).read_bytes(), random))
        found = outcome(lambda path=path: all_rows(path, spec), place)
        if name.endswith(".npz") and not isinstance(found, UserError):  # whose bytes have a check sum
            assert np.array_equal(found, x)
    outcome(lambda: read_npy("damaged-x.npy"), place)


@examples(40)
@given(random=chances)
def test_a_damaged_table_is_read_or_refused(random: Random, place: Path) -> None:
    spec = load_checkpoint(place / "sweep/0").data_spec
    path = place / "damaged.csv"
    path.write_bytes(damaged((place / "rows.csv").read_bytes(), random))
    outcome(lambda: all_rows(path, spec), place)
    outcome(lambda: all_rows(path, replace(spec, columns=(), categories=None)), place)
    for like in (None, spec):
        shutil.rmtree("processed", ignore_errors=True)
        outcome(lambda like=like: read_table(str(path), "kind", "processed", like=like), place)


@examples(15)
@given(random=chances)
def test_a_damaged_copy_of_a_table_is_made_again(random: Random, place: Path) -> None:
    shutil.rmtree("processed", ignore_errors=True)
    read_table("rows.csv", "kind", "processed")
    kept = next(Path("processed").rglob("spec.json"))
    kept.write_bytes(damaged(kept.read_bytes(), random))
    assert not isinstance(outcome(lambda: read_table("rows.csv", "kind", "processed"), place), UserError)
