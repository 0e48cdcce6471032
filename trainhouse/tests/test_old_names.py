"""Files of older versions name things by where they were then; those names still lead to them, and to nothing else."""

from importlib import import_module
from pathlib import Path

import pytest

from trainhouse.configuration import schema
from trainhouse.configuration.create import create
from trainhouse.configuration.old_names import MOVED, current_name, with_current_names
from trainhouse.configuration.targets import check_part, locate
from trainhouse.configuration.views import Part


@pytest.mark.parametrize("old", MOVED)
def test_every_module_that_has_moved_is_where_the_table_says(old: str) -> None:
    assert not (schema.CONF.parent / f"{old.replace('.', '/')}.py").exists()
    import_module(MOVED[old])


@pytest.mark.parametrize(
    ("group", "name", "today"),
    [
        ("data", "src.data.csv.read_csv", "read_table"),
        ("data", "trainhouse.arrays.csv.read_csv", "read_table"),
        ("data", "src.data.fake.read_fake", "read_fake"),  # has not moved
        ("data", "src.data.npy.read_npy", "read_npy"),
        ("callbacks", "src.training.callbacks.EpochCheckpoint", "EpochCheckpoint"),
        ("callbacks", "src.training.callbacks.LastCheckpoint", "LastCheckpoint"),
        ("callbacks", "src.training.callbacks.ProgressBar", "ProgressBar"),
        ("scheduler", "src.training.schedules.cosine", "cosine"),
    ],
)
def test_names_that_configurations_have_had_still_lead_to_what_they_meant(group: str, name: str, today: str) -> None:
    check_part(group, {"_target_": name}, "old.ckpt")
    assert locate(name, group).__name__ == today


def test_what_an_old_name_stands_for_is_built_at_any_depth() -> None:
    inner = {"_target_": "src.data.npy.read_npy", "_partial_": True}
    built = create(Part({"_target_": "builtins.dict", "inner": inner, "all": [inner]}), "key")
    assert built["inner"].func is built["all"][0].func is locate("trainhouse.arrays.npy.read_npy", "key")


def test_names_of_others_are_left_as_they_are() -> None:
    for name in ("src.models.cnn.CNN", "src.data.csvs.read", "torch.nn.ReLU", "src", "src.data"):
        assert current_name(name) == name
    assert with_current_names({"a": [{"b": "src.data.csv.read_csv"}]}) == {"a": [{"b": "src.data.csv.read_csv"}]}


def test_a_file_of_the_users_own_in_an_old_place_goes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "src" / "data").mkdir(parents=True)
    (tmp_path / "src" / "data" / "csv.py").write_text("def read_csv(): ...\n")
    monkeypatch.setattr(schema, "CONF", tmp_path / "conf")
    assert current_name("src.data.csv.read_csv") == "src.data.csv.read_csv"
    assert current_name("src.data.csv.read_other") == "trainhouse.tables.read_table.read_other"
