"""Rows keep their names: in predictions, in the file of the splits; and no file is written over unasked."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from trainhouse.arrays.beside import Beside
from trainhouse.arrays.datamodule import DataModule
from trainhouse.arrays.spec import Dataset, DataSpec, Rows
from trainhouse.configuration.errors import UserError
from trainhouse.configuration.home import with_home
from trainhouse.predicting.row_columns import RowColumns, named_rows
from trainhouse.runs.overwriting import clear_evaluation
from trainhouse.tables.id_columns import IdReader
from trainhouse.tests.common import run_script
from trainhouse.training.split_file import write_splits


def table(path: Path) -> list[dict[str, str]]:
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def write_rows(path: Path, first: int, count: int) -> None:
    rows = [f"{n:04d},p{n // 4},{n % 7}.5,{n % 3},{'b' if n % 7 > 3 else 'a'}" for n in range(first, first + count)]
    path.write_text("\n".join(["id,patient,size,w,label", *rows, ""]))


def test_a_row_is_found_again_from_training_to_prediction(tmp_path: Path) -> None:
    write_rows(tmp_path / "t.csv", 0, 120)
    write_rows(tmp_path / "new.csv", 500, 9)
    options = ["data=csv", "data.file=t.csv", "data.target=label", "data.id_columns=[id]", "data.group_column=patient"]
    options += ["data.weight_column=w", "trainer.max_epochs=2", "hydra.run.dir=run", "logger=none", "figures=false"]
    done = run_script("train.py", *options, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "split by data.group_column" in done.stdout
    assert "weighted by data.weight_column" in done.stdout
    kept = {row["row"]: row for row in table(tmp_path / "run/splits.csv")}
    patients = {name: {int(n) // 4 for n, row in kept.items() if row["split"] == name} for name in ("train", "test")}
    assert len(kept) == 120
    assert not patients["train"] & patients["test"]

    command = ["ckpt_path=run", "hydra.run.dir=ev", "logger=none", "figures=false"]
    assert run_script("eval.py", *command, cwd=tmp_path).returncode == 0
    measured = table(tmp_path / "ev/predictions.csv")
    assert [*measured[0]] == ["row", "id", "target", "prediction", "probability_a", "probability_b"]
    assert {row["row"] for row in measured} == {n for n, row in kept.items() if row["split"] == "test"}
    assert all(row["id"] == kept[row["row"]]["id"] == f"{int(row['row']):04d}" for row in measured)
    first, again = (json.loads((tmp_path / name / "metrics.json").read_text()) for name in ("run", "ev"))
    assert again["targets"] == ["label"]
    assert again["metrics"]["test/loss"] == first["metrics"]["test/loss"]
    assert "already holds a run" in run_script("eval.py", *command, cwd=tmp_path).stderr

    command = ["input=new.csv", "output=p.csv", "ckpt_path=run", "batch_size=4"]
    assert run_script("infer.py", *command, cwd=tmp_path).returncode == 0
    predicted = table(tmp_path / "p.csv")
    assert [(row["row"], row["id"]) for row in predicted] == [(str(n), f"{500 + n:04d}") for n in range(9)]
    refused = run_script("infer.py", *command, cwd=tmp_path)
    assert refused.stderr == "error: output: p.csv is there already; name another file, or add overwrite=true\n"


def test_an_identifier_makes_way_for_the_columns_of_predictions() -> None:
    columns = named_rows(np.array([3]), {"row": ["x"], "id": ["007"]}, {"prediction": np.array([1])})
    assert {name: list(cells) for name, cells in columns.items()} == {
        "row": [3],
        "id_row": ["x"],
        "id": ["007"],
        "prediction": [1],
    }


def test_identifiers_come_in_any_portions_and_a_file_without_them_has_none(tmp_path: Path) -> None:
    write_rows(tmp_path / "t.csv", 0, 10)
    named = RowColumns(IdReader.of(tmp_path / "t.csv", ["id", "absent"]))
    parts = [named.beside({"prediction": np.zeros(size)}) for size in (3, 1, 6)]
    assert [text for part in parts for text in part["id"]] == [f"{n:04d}" for n in range(10)]
    assert [n for part in parts for n in part["row"]] == list(range(10))
    with pytest.raises(UserError, match="has become shorter"):
        named.beside({"prediction": np.zeros(1)})
    assert IdReader.of(tmp_path / "t.csv", ["absent"]) is None
    assert IdReader.of(tmp_path / "t.npy", ["id"]) is None


def data(rows: int, **own: Rows) -> DataModule:
    spec = DataSpec("classification", (1,), "float32", 2, ("a", "b"))
    whole = Rows(np.zeros((rows, 1), np.float32), np.arange(rows) % 2)
    return DataModule(
        Dataset(spec, whole, "t.csv", beside=Beside(times=np.arange(rows)), **own), 4, 0, [0.6, 0.2, 0.2], 0, 0
    )


def test_very_many_rows_have_a_byte_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainhouse.training.split_file._MOST_AS_TEXT", 9)
    write_splits(tmp_path, data(10))
    assert np.load(tmp_path / "splits.npz")["split"].tolist() == [0] * 6 + [1] * 2 + [2] * 2
    assert not (tmp_path / "splits.csv").exists()


def test_only_an_evaluation_is_cleared(tmp_path: Path) -> None:
    def made(name: str, content: str, other: str) -> Path:
        folder = tmp_path / name
        (folder / ".hydra").mkdir(parents=True)
        (folder / "metrics.json").write_text(content)
        (folder / "of a run").mkdir()
        for events in ("events.out.tfevents.1.host", "of a run/events.out.tfevents.1.host"):
            (folder / events).touch()
        (folder / other).write_text("")
        return folder

    evaluation, run = (
        made("e", '{"split": "test", "metrics": {}}', "mine.txt"),
        made("r", '{"status": "x"}', "config.yaml"),
    )
    clear_evaluation(evaluation)
    clear_evaluation(run)
    assert [path.name for path in evaluation.iterdir()] == ["mine.txt"]
    assert (run / "metrics.json").exists()
    assert (run / "events.out.tfevents.1.host").exists()


def test_the_home_folder_is_written_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    given = ["data.file=~/x.csv", "a=[~/b,~/c]", "~scheduler", "notes='~/as it is'", "x=a~/b"]
    assert with_home(given) == ["data.file=/home/me/x.csv", "a=[/home/me/b,/home/me/c]", *given[2:]]
    monkeypatch.setenv("HOME", "/home/of me")
    assert with_home(given) == given
