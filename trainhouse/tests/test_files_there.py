"""A file that is not there is named before anything heavy is imported; what may be something else is left alone."""

import sys
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf

from trainhouse.configuration.annotations import Accelerator, Devices
from trainhouse.configuration.errors import UserError
from trainhouse.configuration.values import fits
from trainhouse.launching import files_there
from trainhouse.launching.files_there import check_files, check_files_of_sweep
from trainhouse.machine.devices import has_no_gpu
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
        ({"trainer": {"accelerator": "cpu", "devices": 0}}, r"^trainer\.devices: expected a number from 1 up"),
        ({"trainer": {"accelerator": "cuda", "devices": 1}}, r"^trainer\.accelerator: cuda, and there is none"),
        ({"accelerator": "gpu"}, r"^accelerator: gpu, and there is none"),
        ({"input": "there.csv", "output": "./there.csv"}, r"^output: there\.csv is the input itself"),
        ({"output": "there.csv"}, r"^output: there\.csv is there already; name another file, or add overwrite=true"),
    ],
)
def test_what_is_not_there_is_named(
    config: dict[str, Any], line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_place(tmp_path, monkeypatch)
    monkeypatch.setattr(files_there, "checked", lambda *_: None)
    monkeypatch.setattr(files_there, "has_no_gpu", lambda: True)
    with pytest.raises(UserError, match=line):
        check_files(OmegaConf.create(config), "train")


def test_what_else_is_wrong_goes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("infer", ["input=no.npy", "output=x.csv", "ckpt_path=no.ckpt", "batch_size=0"])
    with pytest.raises(UserError, match=r"^batch_size: expected a whole number from 1 up, got 0$"):
        check_files(config, "infer")


def test_a_file_among_the_values_of_a_sweep_is_named_before_the_first_trial(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_place(tmp_path, monkeypatch)
    swept = OverridesParser.create().parse_overrides(["data.file=there.csv,'no.csv'", "data.sheet=a,b"])
    jobs = [OmegaConf.create({"data": {"_target_": target, "file": "there.csv"}}) for target in (TABLE, OWN)]
    with pytest.raises(UserError, match=r"^data\.file: no\.csv does not exist"):
        check_files_of_sweep(jobs[:1], swept)
    check_files_of_sweep(jobs[1:], swept)  # what it is to one's own function, nobody knows


def test_a_gpu_may_be_there_if_anything_speaks_for_one(tmp_path: Path) -> None:
    assert has_no_gpu(tmp_path, "libnone.so.1") == (sys.platform == "linux")
    (tmp_path / "nvidiactl").touch()
    assert not has_no_gpu(tmp_path, "libnone.so.1")


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
