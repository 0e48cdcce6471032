"""The first layer learns its numbers from the training rows alone and turns stored rows into standard ones."""

import numpy as np
import pytest
import torch

from src.data.preprocessing import Preprocessing
from trainhouse.arrays.finite_rows import check_rows
from trainhouse.arrays.spec import DataSpec, Rows
from trainhouse.configuration.errors import UserError

TRAIN = np.sort(np.random.default_rng(0).permutation(90)[:60])


def spec_of(*shape: int, dtype: str = "float32", **facts) -> DataSpec:
    return DataSpec("classification", shape, dtype, 2, **facts)


def fitted(spec: DataSpec, x: np.ndarray, train: np.ndarray | None = None, **options) -> Preprocessing:
    layer = Preprocessing(spec, **options)
    layer.fit(Rows(x, np.zeros(len(x))), train, "rows.npy")
    return layer


def table_spec(**facts) -> DataSpec:
    names = ("age", "city", "height", "sex")
    return spec_of(4, columns=names, categories={"city": ("Lyon", "Oslo", "Rome"), "sex": ("f", "m")}, **facts)


# The city codes are Rome, Lyon, unknown, missing, Oslo; of the sexes one is unknown.
TABLE = np.array([[30, 2, 1, 0], [40, 0, 2, 1], [50, -1, 3, 1], [60, np.nan, 4, 0], [70, 1, 5, 9]], np.float32)


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(1)


@pytest.fixture(params=[1, 100, 2**24], ids=["a row a chunk", "a few rows a chunk", "one chunk"])
def _chunks(request, monkeypatch):
    monkeypatch.setattr("trainhouse.arrays.moments.CHUNK_BYTES", request.param)


@pytest.mark.usefixtures("_chunks")
@pytest.mark.parametrize("scale", [1, 1e4], ids=["around 0", "far from 0"])
def test_columns_get_mean_and_deviation_of_the_training_rows_alone(scale, random):
    x = (random.normal(size=(90, 5)) * [0.1, 1, 2, 5, 50] + [0, scale, -scale, 5, 5]).astype(np.float32)
    x[np.setdiff1d(np.arange(90), TRAIN)] += 1000
    layer = fitted(spec_of(5), x, TRAIN)
    rows = x[TRAIN].astype(np.float64)
    np.testing.assert_allclose(layer.mean, rows.mean(axis=0), rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(layer.std, rows.std(axis=0), rtol=1e-6)
    np.testing.assert_allclose(layer(torch.from_numpy(x[TRAIN])).mean(dim=0), np.zeros(5), atol=1e-2)


def test_without_row_numbers_all_rows_are_learned_from(random):
    x = random.normal(size=(90, 2)).astype(np.float32)
    np.testing.assert_allclose(fitted(spec_of(2), x).mean, x.mean(axis=0), rtol=1e-5)


def test_a_constant_column_becomes_zero():
    x = np.full((90, 1), 1e5 / 3, np.float32)
    assert fitted(spec_of(1), x)(torch.from_numpy(x)).abs().max() < 1e-2


@pytest.mark.usefixtures("_chunks")
def test_a_missing_number_counts_for_nothing_and_becomes_the_mean(random):
    x = random.normal(3, 2, size=(90, 3)).astype(np.float32)
    x[random.random((90, 3)) < 0.3] = np.nan
    layer = fitted(spec_of(3, missing="mean"), x, TRAIN)
    np.testing.assert_allclose(layer.mean, np.nanmean(x[TRAIN], axis=0), rtol=1e-5)
    np.testing.assert_allclose(layer.std, np.nanstd(x[TRAIN], axis=0), rtol=1e-5)
    out = layer(torch.from_numpy(x))
    assert torch.equal(out == 0, torch.from_numpy(np.isnan(x)))
    assert torch.isfinite(out).all()


@pytest.mark.usefixtures("_chunks")
@pytest.mark.parametrize(
    ("value", "missing", "row"),
    [(np.nan, "error", 70), (np.inf, "error", 3), (-np.inf, "mean", 3)],
)
def test_a_number_that_is_not_finite_is_refused_with_its_file_row_and_column(value, missing, row):
    x = np.zeros((90, 3), np.float32)
    x[row, 1] = value
    for columns, where in (((), "1"), (("a", "b", "c"), "b")):
        with pytest.raises(UserError, match=rf"^rows\.npy: row {row}, column {where} is {value}") as refused:
            fitted(spec_of(3, columns=columns, missing=missing), x, TRAIN)
        assert ("data.missing=mean" in str(refused.value)) == bool(np.isnan(value))


def test_a_number_too_large_for_float32_is_refused_in_rows_of_any_split():
    x = np.zeros((90, 3))
    x[70, 1] = 1e300
    with pytest.raises(UserError, match=r"^rows\.npy: row 70, column 1 is 1e\+300, too large for float32"):
        fitted(spec_of(3), x, TRAIN)
    with pytest.raises(UserError, match=r"^test\.npy: row 70, column 1 is 1e\+300, too large for float32"):
        check_rows(Rows(x, np.zeros(90)), "test.npy", "mean", ())


@pytest.mark.parametrize(
    ("shape", "columns", "place"),
    [
        ((3,), (), "column 2 holds no number in any training row; leave it out$"),
        ((3,), ("a", "b", "c"), r"column c holds no number in any training row; leave it out \(data\.drop=\[c\]\)"),
        ((3, 2, 2), (), "channel 2 holds no number in any training row"),
    ],
)
def test_a_column_that_is_missing_in_every_training_row_is_refused(shape, columns, place, random):
    x = random.normal(size=(90, *shape)).astype(np.float32)
    x[TRAIN, 2] = np.nan
    with pytest.raises(UserError, match=rf"^rows\.npy: {place}"):
        fitted(spec_of(*shape, columns=columns, missing="mean"), x, TRAIN)


def test_a_pixel_that_is_not_finite_is_refused_with_its_place():
    x = np.zeros((90, 2, 4, 4), np.float32)
    x[80, 1, 2, 3] = np.nan
    with pytest.raises(UserError, match=r"rows\.npy: row 80, column 1, 2, 3 is nan"):
        fitted(spec_of(2, 4, 4), x)


def test_categories_become_one_hot_and_an_unknown_one_zeros():
    layer = fitted(table_spec(missing="mean"), TABLE)
    out = layer(torch.from_numpy(TABLE))
    assert out.shape == (5, *layer.output_shape) == (5, 7)
    np.testing.assert_allclose(out[:, 0], (TABLE[:, 0] - 50) / np.sqrt(200), rtol=1e-6)
    np.testing.assert_allclose(out[:, 1], (TABLE[:, 2] - 3) / np.sqrt(2), rtol=1e-6)
    assert out[:, 2:5].tolist() == [[0, 0, 1], [1, 0, 0], [0, 0, 0], [0, 0, 0], [0, 1, 0]]
    assert out[:, 5:].tolist() == [[1, 0], [0, 1], [0, 1], [1, 0], [0, 0]]


def test_categories_become_learned_vectors_and_an_unknown_one_zeros():
    layer = fitted(table_spec(missing="mean"), TABLE, embedding_dim=6)
    out = layer(torch.from_numpy(TABLE))
    assert out.shape == (5, *layer.output_shape) == (5, 14)
    city, sex = out[:, 2:8], out[:, 8:]
    assert torch.equal(sex[0], sex[3])
    assert len(city[[0, 1, 4]].unique(dim=0)) == 3
    assert out.requires_grad
    assert not city[2:4].any()
    assert not sex[4].any()


def test_a_missing_category_is_taken_where_a_missing_number_is_refused():
    x = np.array([[30, -1, 1, 0], [40, 0, np.nan, 1]], np.float32)
    with pytest.raises(UserError, match="row 1, column height is nan"):
        fitted(table_spec(), x)


@pytest.mark.usefixtures("_chunks")
@pytest.mark.parametrize(
    ("shape", "axes", "first"),
    [((3, 5, 6), (0, 2, 3), (3, 5, 6)), ((5, 6, 3), (0, 1, 2), (3, 5, 6)), ((8, 9), (0, 1, 2), (8, 9))],
    ids=["channels first", "channels last", "no channels"],
)
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_images_are_standardised_channel_by_channel_and_come_out_channels_first(shape, axes, first, dtype, random):
    x = random.integers(0, 256, size=(90, *shape)).astype(dtype)
    layer = fitted(spec_of(*shape, dtype=dtype, channel_axis="all" if len(shape) == 2 else "auto"), x, TRAIN)
    np.testing.assert_allclose(layer.mean, np.atleast_1d(x[TRAIN].mean(axis=axes, dtype=np.float64)), rtol=1e-6)
    np.testing.assert_allclose(layer.std, np.atleast_1d(x[TRAIN].std(axis=axes, dtype=np.float64)), rtol=1e-6)
    out = layer(torch.from_numpy(x))
    assert (out.dtype, out.shape) == (torch.float32, (90, *first))
    assert layer.output_shape == first
    as_stored = out.movedim(1, -1) if shape == (5, 6, 3) else out
    mean, std = (np.mean(x[TRAIN], axis=axes, keepdims=True), np.std(x[TRAIN], axis=axes, keepdims=True))
    np.testing.assert_allclose(as_stored, (x - mean) / std, atol=1e-4)


def test_columns_of_bytes_are_standardised_one_by_one(random):
    x = np.stack([random.integers(0, 256, 90), random.integers(0, 2, 90)], axis=1).astype(np.uint8)
    layer = fitted(spec_of(2, dtype="uint8"), x, TRAIN)
    np.testing.assert_allclose(layer.mean, x[TRAIN].mean(axis=0), rtol=1e-12)
    out = layer(torch.from_numpy(x[TRAIN]))
    np.testing.assert_allclose(out.std(dim=0, correction=0), [1, 1], rtol=1e-5)


@pytest.mark.parametrize("embedding_dim", [0, 3])
def test_what_was_learned_travels_in_the_state_dict(embedding_dim):
    spec = table_spec(missing="mean")
    layer = fitted(spec, TABLE, embedding_dim=embedding_dim)
    fresh = Preprocessing(spec, embedding_dim)
    assert not torch.equal(fresh.mean, layer.mean)
    fresh.load_state_dict(layer.state_dict())
    x = torch.from_numpy(TABLE)
    assert torch.equal(fresh(x), layer(x))


def test_a_layer_that_is_loaded_in_float64_standardises_as_one_that_was_converted(random):
    rows = random.standard_normal((50, 4)).astype(np.float32)
    layer, loaded = fitted(spec_of(4), rows), Preprocessing(spec_of(4)).double()
    loaded.load_state_dict(layer.state_dict())
    assert torch.equal(loaded(torch.from_numpy(rows)), layer.double()(torch.from_numpy(rows)))
