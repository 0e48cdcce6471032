"""Texts of few training rows share a category, which unknown texts belong to; a missing one does not."""

import logging

import numpy as np
import pytest
import torch

from trainhouse.arrays.datamodule import DataModule
from trainhouse.arrays.grouped import OTHER
from trainhouse.arrays.row_preprocessing import RowPreprocessing
from trainhouse.arrays.spec import DataSpec
from trainhouse.tables.raw_rows import read_raw_rows
from trainhouse.tables.read_table import read_table

SHOPS = ["big", "mid", "big", "mid", ""] * 30 + [f"s{row}" for row in range(30)]


@pytest.fixture
def read(tmp_path):
    def from_shops(shops=SHOPS, **arguments):
        lines = "".join(f"{shop},{row % 7}.5,{row % 2}\n" for row, shop in enumerate(shops))
        (tmp_path / "t.csv").write_text(f"shop,a,y\n{lines}")
        return read_table(str(tmp_path / "t.csv"), "y", str(tmp_path / "processed"), **arguments)

    return from_shops


def test_rare_texts_are_one_category_with_unknown_ones_at_all_times(read, tmp_path, caplog):
    with caplog.at_level(logging.INFO):
        data = DataModule(read(min_category_rows=10), 8, 0, [0.8, 0.1, 0.1], 0, seed=0)
    assert any("texts of fewer than 10 training rows (" in line for line in caplog.messages)
    spec = DataSpec.from_dict(data.spec.to_dict())
    assert spec.categories == {"shop": ("big", "mid", OTHER)}
    assert spec.grouped == ("shop",)
    expected = [0, 1, 0, 1, -1] * 30 + [2] * 30
    assert data.parts["all"][0].x[:, 0].tolist() == expected
    again = DataModule(read(like=spec), 8, 0, None, 0, seed=0, like=spec)
    assert again.parts["all"][0].x[:, 0].tolist() == expected
    assert again.fingerprint == data.fingerprint
    caplog.clear()
    read(["big", "s3", "never", ""])
    (x,) = read_raw_rows(tmp_path / "t.csv", spec, 8)[1]
    assert x[:, 0].tolist() == [0, 2, 2, -1]
    assert "1 of 3 texts are unknown to the model: 'never' (1)" in caplog.text
    new = DataModule(read(["big", "s3", "never", ""], like=spec), 8, 0, None, 0, seed=0, like=spec)
    np.testing.assert_array_equal(new.parts["all"][0].x, x)
    layer = RowPreprocessing(spec)
    layer.fit(*data.parts["train"], "t.csv")
    assert layer(torch.tensor(x))[:, 1:].tolist() == [[1, 0, 0], [0, 0, 1], [0, 0, 1], [0, 0, 0]]


def test_nothing_is_grouped_unless_asked_or_where_no_text_is_rare(read):
    assert DataModule(read(), 8, 0, [0.8, 0.1, 0.1], 0, seed=0).spec.grouped == ()
    common = read(["big", "mid"] * 60, min_category_rows=10)
    assert DataModule(common, 8, 0, [0.8, 0.1, 0.1], 0, seed=0).spec.categories == {"shop": ("big", "mid")}


def test_unknown_texts_of_a_test_file_are_in_the_group_as_they_are_when_it_is_measured_again(read, tmp_path):
    kinds = ["u", "v"] * 90
    lines = "".join(f"{shop},{kind},{row % 2}\n" for row, (shop, kind) in enumerate(zip(SHOPS, kinds, strict=True)))
    (tmp_path / "train.csv").write_text(f"shop,kind,y\n{lines}")
    (tmp_path / "test.csv").write_text("shop,kind,y\nbig,u,0\ns3,v,1\nnever,w,1\n,,0\n")

    def reading(**arguments):
        test = str(tmp_path / "test.csv")
        return read_table(
            str(tmp_path / "train.csv"), "y", str(tmp_path / "p"), test_file=test, min_category_rows=10, **arguments
        )

    data = DataModule(reading(), 8, 0, [0.8, 0.2, 0], 0, seed=0)
    assert (data.spec.grouped, data.spec.categories["kind"]) == (("shop",), ("u", "v"))
    rows = data.parts["test"][0].x
    assert rows.tolist() == [[0, 0], [2, 1], [2, -1], [-1, -1]]
    again = DataModule(reading(like=data.spec), 8, 0, [0.8, 0.2, 0], 0, seed=0, like=data.spec)
    np.testing.assert_array_equal(again.parts["test"][0].x, rows)
    assert again.fingerprint == data.fingerprint
    new = read_table(str(tmp_path / "test.csv"), "y", str(tmp_path / "p"), like=data.spec)
    np.testing.assert_array_equal(DataModule(new, 8, 0, None, 0, seed=0, like=data.spec).parts["all"][0].x, rows)
