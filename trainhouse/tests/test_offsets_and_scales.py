"""What a network gets is what a float64 standardisation would give it, at any offset, scale, dtype and layout."""

import copy
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from src.data.preprocessing import Preprocessing
from trainhouse.arrays.batches import Batches
from trainhouse.arrays.datamodule import DataModule
from trainhouse.arrays.labels import class_names, encode_classes, find_classes, known_classes
from trainhouse.arrays.moments import Moments, moments_of, needs_float64
from trainhouse.arrays.npy import read_npy
from trainhouse.arrays.precision import as_wide_as_needed
from trainhouse.arrays.spec import Dataset, DataSpec, Rows
from trainhouse.configuration.errors import UserError
from trainhouse.tables.raw_rows import read_raw_rows
from trainhouse.tables.read_table import read_table

N = 400
RANDOM = np.random.RandomState(3)
NORMAL = RANDOM.standard_normal((N, 3))
JULIAN = 2460000.5 + 0.2 * RANDOM.random_sample((N, 3))
SECONDS = 1.7e9 + 20 * NORMAL
COLUMNS = {
    "around 0": NORMAL,
    "a hundred deviations from 0": 100 + NORMAL,
    "Julian dates": JULIAN,
    "seconds of 1970, big-endian": SECONDS.astype(">f8"),
    "nanoseconds of 1970": (1.7e18 + 1e6 * NORMAL).astype(np.int64),
    "whole numbers above 2^53": 2**53 + 1 + np.arange(3 * N).reshape(N, 3),
    "whole numbers above 2^24": (2**31 - 1000 * np.abs(NORMAL) * 100).astype(np.int32),
    "unsigned": (4e9 + 1e4 * NORMAL).astype(np.uint32),
    "tiny": 1e-60 * (5 + NORMAL),
    "tiny in float32": (1e-38 * (2 + NORMAL)).astype(np.float32),
    "huge": 1e37 * (5 + NORMAL),
    "far in float32": (1e6 + 10 * NORMAL).astype(np.float32),
    "half precision": (10 + NORMAL).astype(np.float16),
    "bytes": RANDOM.randint(0, 256, (N, 3)).astype(np.uint8) // [1, 100, 255],
    "small whole numbers": (3000 * NORMAL).clip(-30000, 30000).astype(np.int16),
    "truth": NORMAL > 0.5,
    "each column its own": np.stack([JULIAN[:, 0], 1e-12 * NORMAL[:, 1], 1e12 * NORMAL[:, 2]], axis=1),
    "one number far outside": np.where(np.arange(3 * N).reshape(N, 3) % N == 7, 1e9, NORMAL),
}


def standardised(x: np.ndarray, train: np.ndarray) -> np.ndarray:
    """What float64 holds of the numbers, in extended precision: the reference does not round what it measures."""
    exact = x.astype(np.float64).astype(np.longdouble)
    mean, std = exact[train].mean(axis=0), exact[train].std(axis=0)
    return ((exact - mean) / np.where(std > 0, std, 1)).astype(np.float64)


def assert_standardised(found: torch.Tensor, x: np.ndarray, train: np.ndarray) -> None:
    """Up to the rounding of float64, which a float64 mean of numbers above 2^53 has too."""
    exact = x.astype(np.float64)
    least = 4 * np.finfo(np.float64).eps * np.max(np.abs(exact[train].mean(axis=0)) / exact[train].std(axis=0))
    np.testing.assert_allclose(found, standardised(x, train), rtol=1e-5, atol=1e-5 + least)


def served(dataset: Dataset, **options: object) -> tuple[DataModule, torch.Tensor, torch.Tensor]:
    """Return the data, all its rows as batches have them, and as the first layer maps them."""
    data = DataModule(as_wide_as_needed(dataset), 64, 0, [0.6, 0.2, 0.2], 0, 0, **options)  # type: ignore[arg-type]
    rows, train = data.parts["train"]
    layer = Preprocessing(data.spec)
    layer.fit(rows, train, data.source)
    stored = torch.cat([x for x, _ in data.eval_batches("all")])
    return data, stored, layer(stored)


@pytest.mark.parametrize("name", COLUMNS)
@pytest.mark.parametrize("in_memory", [True, False], ids=["in memory", "memory-mapped"])
def test_rows_of_an_array_reach_the_network_as_float64_would_standardise_them(
    name: str, in_memory: bool, tmp_path: Path
) -> None:
    x = COLUMNS[name]
    x = x.astype(np.uint8) if name == "bytes" else x
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "y.npy", np.arange(N) % 2)
    dataset = read_npy(str(tmp_path / "x.npy"), str(tmp_path / "y.npy"))
    data, stored, found = served(dataset, in_memory=in_memory)
    assert found.dtype == torch.float32
    assert_standardised(found, x, data.parts["train"][1])
    alone = torch.cat([torch.tensor(batch) for batch in read_raw_rows(tmp_path / "x.npy", data.spec, 1)[1]])
    assert torch.equal(alone, stored), "inference, a row at a time"


@pytest.mark.parametrize("name", [name for name in COLUMNS if COLUMNS[name].dtype.kind in "iuf"])
def test_rows_of_a_table_reach_the_network_as_float64_would_standardise_them(name: str, tmp_path: Path) -> None:
    x = COLUMNS[name]
    lines = [f"{a},{b},{c},{number % 2}" for number, (a, b, c) in enumerate(x.tolist())]
    (tmp_path / "x.csv").write_text("\n".join(["a,b,c,y", *lines]) + "\n")
    data, stored, found = served(read_table(str(tmp_path / "x.csv"), "y", str(tmp_path / "processed")))
    assert_standardised(found, x, data.parts["train"][1])
    alone = torch.cat([torch.tensor(batch) for batch in read_raw_rows(tmp_path / "x.csv", data.spec, 1)[1]])
    assert torch.equal(alone, stored), "inference, a row at a time"
    again = read_table(str(tmp_path / "x.csv"), "y", str(tmp_path / "processed"), like=data.spec)
    np.testing.assert_array_equal(again.rows.x, stored)


@pytest.mark.parametrize("name", ["around 0", "a hundred deviations from 0", "one number far outside"])
def test_only_rows_that_need_it_are_served_in_float64(name: str) -> None:
    spec = DataSpec("classification", (3,), "float32", 2)
    _, stored, _ = served(Dataset(spec, Rows(COLUMNS[name], np.arange(N) % 2), "x"))
    assert (stored.dtype == torch.float64) == (name == "a hundred deviations from 0")


@pytest.mark.parametrize("value", [0.1, 1 / 3, 1.7e9 + 0.3, 1e-50, 2**53, 0.0])
def test_a_constant_column_becomes_zero_and_a_number_beside_it_its_difference(value: float) -> None:
    spec = DataSpec("classification", (1,), "float32", 2)
    x = np.full((N, 1), value)
    data, _, found = served(Dataset(spec, Rows(x, np.arange(N) % 2), "x"))
    assert not found.any()
    layer = Preprocessing(data.spec)
    layer.fit(Rows(x, x), None, "x")
    beside = torch.full((1, 1), value, dtype=torch.float64) + 8
    assert layer(beside).item() == pytest.approx(8, rel=1e-6)


def test_a_column_that_differs_by_rounding_alone_is_constant() -> None:
    column = np.where(np.arange(90) % 2 == 0, 0.1 + 0.2, 0.3)[:, None]
    mean, std = moments_of(column)
    assert std.tolist() == [1.0]
    assert mean[0] == pytest.approx(0.3)


def test_a_column_whose_numbers_are_too_alike_is_named() -> None:
    x = np.stack([NORMAL[:, 0], 1e-200 * NORMAL[:, 1]], axis=1)
    layer = Preprocessing(DataSpec("classification", (2,), "float64", 2, columns=("a", "b")))
    with pytest.raises(
        UserError, match=r"^x\.csv: column b: its values differ by less than 1e-140; scale the column up"
    ):
        layer.fit(Rows(x, x), None, "x.csv")


@pytest.mark.parametrize("size", [1, 7, N])
def test_moments_are_the_same_whatever_the_chunks(size: int) -> None:
    values = np.array(JULIAN)
    values[RANDOM.random_sample(values.shape) < 0.3] = np.nan
    values[:50, 1] = np.nan  # the first chunks know nothing of it
    moments = Moments(3)
    for start in range(0, N, size):
        moments.add(values[start : start + size].copy())
    exact = values.astype(np.longdouble)
    np.testing.assert_allclose(moments.mean, np.nanmean(exact, axis=0).astype(float), rtol=1e-15)
    np.testing.assert_allclose(moments.std, np.nanstd(exact, axis=0).astype(float), rtol=1e-8)


def test_missing_numbers_among_far_ones_become_the_mean() -> None:
    x = np.array(JULIAN)
    x[::7, 1] = np.nan
    spec = DataSpec("classification", (3,), "float32", 2, missing="mean")
    data, _, found = served(Dataset(spec, Rows(x, np.arange(N) % 2), "x"))
    assert data.spec.dtype == "float64"
    assert not found[::7, 1].any()
    train = data.parts["train"][1]
    expected = (x[:, 1] - np.nanmean(x[train, 1])) / np.nanstd(x[train, 1])
    known = ~np.isnan(x[:, 1])
    np.testing.assert_allclose(found[known, 1], expected[known], atol=1e-5)


def far_layer() -> Preprocessing:
    layer = Preprocessing(DataSpec("classification", (3,), "float64", 2))
    layer.fit(Rows(JULIAN, JULIAN), None, "x")
    return layer


def test_what_float64_knows_survives_a_copy_a_file_and_a_cast(tmp_path: Path) -> None:
    layer, x = far_layer(), torch.from_numpy(JULIAN)
    expected = layer(x)
    torch.save(layer.state_dict(), tmp_path / "layer.pt")
    loaded = Preprocessing(DataSpec("classification", (3,), "float64", 2))
    loaded.load_state_dict(torch.load(tmp_path / "layer.pt", weights_only=True))
    assert torch.equal(loaded(x), expected)
    assert torch.equal(copy.deepcopy(layer)(x), expected)
    cast = torch.nn.Sequential(copy.deepcopy(layer)).to(torch.bfloat16)
    assert cast[0].mean.dtype == torch.float64
    assert torch.equal(cast(x), expected.bfloat16())
    assert torch.equal(cast.float()(x), expected), "and back again"


def test_the_exported_layer_takes_raw_rows() -> None:
    layer, x = far_layer(), torch.from_numpy(JULIAN)
    exported = torch.export.export(layer, (x,)).module()
    assert torch.equal(exported(x), layer(x))
    assert torch.equal(torch.jit.trace(layer, x)(x), layer(x))


def test_a_device_without_float64_gets_float32() -> None:
    batches = Batches(Rows(JULIAN, SECONDS), None, 8, wide=True)
    assert batches[0, 0][0].dtype == batches[0, 0][1].dtype == torch.float64
    batches.narrow()
    assert batches[0, 0][0].dtype == batches[0, 0][1].dtype == torch.float32


@pytest.mark.parametrize(
    ("column", "far", "needed"),
    [
        (2000 + 10 * np.arange(50.0), 64, False),  # float32 holds these exactly
        (0.1 + np.arange(50.0), 64, False),
        (1000.1 + np.arange(50.0) / 50, 64, True),
        (1000.1 + np.arange(50.0) / 50, 1e6, False),
        (np.full(50, 0.1), 64, False),
        (np.full(50, 1e9 + 0.1), 64, True),
        (np.full(50, np.nan), 64, False),
    ],
)
def test_float64_is_needed_where_float32_rounds_away_a_part_of_a_deviation(
    column: np.ndarray, far: float, needed: bool
) -> None:
    assert needs_float64(np.stack([np.arange(50.0), column], axis=1), far=far) == needed


def test_classes_that_are_numbers_above_2_to_the_53_are_kept_apart_in_other_data() -> None:
    written = 2**53 + np.arange(6) % 2
    classes = find_classes(written, "y.npy")
    spec = DataSpec("classification", (1,), "float32", 2, classes=class_names(classes))
    assert encode_classes(written, known_classes(spec, written), "y.npy").tolist() == [0, 1, 0, 1, 0, 1]


def test_on_a_device_without_float64_a_warning_says_what_it_costs(caplog: pytest.LogCaptureFixture) -> None:
    spec = DataSpec("classification", (3,), "float64", 2)
    data = DataModule(Dataset(spec, Rows(JULIAN, np.arange(N) % 2), "x.npy"), 64, 0, [0.6, 0.2, 0.2], 0, 0)
    strategy = SimpleNamespace(root_device=torch.device("mps"))
    data.trainer = SimpleNamespace(strategy=strategy, global_rank=0, world_size=1)  # type: ignore[assignment]
    served_there = {x.dtype for split in ("val", "test") for x, _ in data.eval_batches(split)}
    assert served_there == {torch.float32}
    said = [record.message for record in caplog.records]
    assert len(said) == 1
    assert said[0].startswith("warning: x.npy is float64, which this device has not")
