"""A run is called after its data and its model; on data of one's own after the file, made into a good folder's name."""

import pytest
from hydra import compose, initialize_config_dir

from trainhouse.configuration.run_name import folder_name
from trainhouse.configuration.settings import Train
from trainhouse.configuration.values import fits
from trainhouse.configuration.views import annotations
from trainhouse.tests.common import CONF

CSV, NPY = ("data=csv", "data.target=y"), ("data=npy",)


def name_of(*overrides: str) -> str:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return str(compose("train", [*overrides], return_hydra_config=True).name)


@pytest.mark.parametrize(
    ("overrides", "name"),
    [
        ((), "fake-simple_net"),
        (("data=digits", "model=cnn"), "digits-cnn"),
        ((*CSV, "data.file=titanic.csv"), "titanic-simple_net"),
        ((*CSV, "data.file=/data/a.csv.gz", "model=linear"), "a-linear"),
        ((*CSV, "data.file='my table, v=2.csv'"), "my_table_v_2-simple_net"),
        (CSV, "csv-simple_net"),
        ((*CSV, "data.file=3"), "csv-simple_net"),
        ((*CSV, "data.file='${nowhere}'"), "csv-simple_net"),
        ((*NPY, "data.features=x/rows.npy", "data.labels=y.npy"), "rows-simple_net"),
        (("data=digits", "data.file=mine.csv"), "mine-simple_net"),
        (("data=text", "model=language_model"), "text-language_model"),
        (("data=text", "model=language_model", "data.file=novel.txt"), "novel-language_model"),
        ((*CSV, "data.file=titanic.csv", "name=first"), "first"),
        (("seed='${seed}'",), "fake-simple_net"),
    ],
)
def test_a_run_is_called_after_its_data_and_its_model(overrides: tuple[str, ...], name: str) -> None:
    assert name_of(*overrides) == name


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("titanic.csv", "titanic"),
        ("a.csv.gz", "a"),
        ("C:\\data\\a b.csv", "a_b"),
        ("v1.2.csv", "v1.2"),
        ("noise_0.5", "noise_0.5"),
        (".hidden.csv", "hidden"),
        ("Größe 東京.csv", "Größe_東京"),
        ("Gro\u0308ße.csv", "Größe"),
        ("a=1,b=2;c:3'\"$(x)*.csv", "a_1_b_2_c_3_x"),
        ("..", ""),
        ("=,.csv", ""),
        ("", ""),
        ("\u202eevil\n.csv", "evil"),
    ],
)
def test_the_name_of_any_file_becomes_that_of_a_folder(path: str, name: str) -> None:
    assert folder_name(path) == name


@pytest.mark.parametrize("letter", ["x", "東", "🙂"])
def test_a_very_long_name_fits_a_folder(letter: str) -> None:
    name = folder_name(f"{letter * 300}.csv")
    assert 1 <= len(f"{name}-segmentation".encode()) <= 255 or not name
    assert not name or fits(name, annotations(Train)["name"])
