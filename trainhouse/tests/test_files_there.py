"""A file that is not there is named before anything heavy is imported; what may be something else is left alone."""

from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from trainhouse.configuration.annotations import Accelerator, Devices
from trainhouse.configuration.errors import UserError
from trainhouse.configuration.values import fits
from trainhouse.launching import files_there
from trainhouse.launching.files_there import check_files
from trainhouse.tests.common import CONF

TABLE, OWN = "trainhouse.tables.read_table.read_table", "src.data.mine.read_mine"


@pytest.mark.parametrize(
    ("config", "line"),
    [
        ({"ckpt_path": "no.ckpt"}, r"^ckpt_path: no\.ckpt does not exist"),
        ({"ckpt_path": "a.ckpt"}, r"^ckpt_path: a\.ckpt is a folder, not a checkpoint file$"),
        ({"init_from": "sweep"}, r"^init_from: sweep is a sweep; give the folder of one of its runs"),
        ({"ckpt_path": "there.csv", "input": "no.npy"}, r"^input: no\.npy does not exist \(relative paths start at /"),
        ({"data": {"_target_": TABLE, "file": "no.csv"}}, r"^data\.file: no\.csv does not exist"),
        ({"data": {"_target_": TABLE, "file": "there.csv", "test_file": "x"}}, r"^data\.test_file: x does not exist"),
    ],
)
def test_what_is_not_there_is_named(
    config: dict[str, Any], line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_place(tmp_path, monkeypatch)
    monkeypatch.setattr(files_there, "checked", lambda *_: None)
    with pytest.raises(UserError, match=line):
        check_files(OmegaConf.create(config), "train")


def test_what_else_is_wrong_goes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("infer", ["input=no.npy", "output=x.csv", "ckpt_path=no.ckpt", "batch_size=0"])
    with pytest.raises(UserError, match=r"^batch_size: expected a whole number from 1 up, got 0$"):
        check_files(config, "infer")


@pytest.mark.parametrize(
    "config",
    [
        {"ckpt_path": "???", "input": None, "init_from": None, "resume": None},
        {"ckpt_path": "sweep", "input": "there.csv", "data": {}},
        {"resume": "run", "data": {"_target_": TABLE, "file": "no.csv"}},
        {"data": {"_target_": TABLE, "file": "no*.csv", "val_file": None, "test_file": "${.file}"}},
        {"data": {"_target_": OWN, "file": "made when it is read"}},
    ],
)
def test_what_is_there_or_may_be_something_else_is_left_alone(
    config: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_place(tmp_path, monkeypatch)
    check_files(OmegaConf.create(config), "train")


def in_place(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    Path("a.ckpt").mkdir()
    Path("sweep").mkdir()
    Path("sweep/results.csv").touch()
    Path("there.csv").touch()


def test_names_of_accelerators_and_numbers_of_devices_that_can_not_be_are_known_at_once() -> None:
    assert all(
        fits(value, Accelerator) for value in ("auto", "gpu", "hpu", "registered_by_a_package", {"_target_": "x"})
    )
    assert not fits("gpuu", Accelerator)
    assert all(fits(value, Devices) for value in (1, -1, [0, 1], "auto", "2", "0, 1", "-1"))
    assert not any(fits(value, Devices) for value in ("abc", "two", ""))
