"""Texts that a model does not know are counted and named; what means the same is taken for it; nothing in silence."""

import csv
import logging

import numpy as np
import pytest
import torch

from trainhouse.arrays.datamodule import DataModule
from trainhouse.arrays.fingerprint import fingerprint
from trainhouse.arrays.labels import encode_classes
from trainhouse.arrays.row_preprocessing import RowPreprocessing
from trainhouse.arrays.spec import Dataset, DataSpec, Rows
from trainhouse.arrays.split import split_rows
from trainhouse.arrays.texts import code_of
from trainhouse.checkpoints.checkpoint import load_checkpoint
from trainhouse.configuration.errors import UserError
from trainhouse.tables.raw_rows import read_raw_rows
from trainhouse.tables.read_table import read_table
from trainhouse.tests.common import run_script

CITIES = DataSpec("regression", (1,), "float32", 1, columns=("city",), categories={"city": ("Lyon", "Oslo")})


@pytest.mark.parametrize(
    ("text", "categories", "code"),
    [
        ("TRUE", ("False", "True"), 1),
        ("false", ("False", "True"), 0),
        ("3.0", ("1", "3", "?"), 1),
        ("3", ("1.0", "3.0"), 1),
        ("1e2", ("1", "100"), 1),
        (" red ", ("blue", "red"), 1),
        ("cafe\u0301", ("caf\u00e9", "the"), 0),
        ("7", ("007", "A1"), -1),
        ("007", ("7", "A1"), -1),
        ("Red", ("blue", "red"), 1),
        (" RED ", ("blue", "red"), 1),
        ("Red", ("RED", "red"), -1),
        ("red", ("RED", "red"), 1),
        ("STRASSE", ("Stra\u00dfe", "Weg"), 0),
        ("3.0", ("3", "03", "3.00"), -1),
        ("3.00", ("3", "03", "3.00"), 2),
        ("1", ("False", "True"), -1),
        ("nan", ("1", "2"), -1),
        ("", ("", "a"), 0),
    ],
)
def test_a_text_is_taken_for_the_only_category_that_means_the_same(text, categories, code):
    assert code_of(text, categories) == code


def test_later_labels_are_taken_for_the_class_that_means_the_same():
    classes = np.array(["False", "True"])
    assert encode_classes(np.array(["TRUE", "False", "false", " True"]), classes, "t.csv").tolist() == [1, 0, 0, 1]
    with pytest.raises(UserError, match=r"t\.csv: the label in row 1 is maybe, which is not one of the 2 classes"):
        encode_classes(np.array(["TRUE", "maybe"]), classes, "t.csv")


def write(path, cities):
    path.write_text("n,city\n" + "".join(f"1,{city}\n" for city in cities))
    return path


def codes(path, spec=CITIES):
    return np.concatenate(list(read_raw_rows(path, spec, 64)[1]))[:, 0].tolist()


def test_unknown_texts_are_counted_and_named(tmp_path, caplog):
    caplog.set_level("INFO")
    cities = write(tmp_path / "x.csv", ["Oslo", "Rome", "", "Rome", "Bonn", "Kiel", "Graz", " Lyon"])
    assert codes(cities) == [1, -1, -1, -1, -1, -1, -1, 0]
    column = f"warning: {cities}: column city:"
    assert caplog.messages == [
        f"{column} 5 of 7 texts are unknown to the model: 'Rome' (2), 'Bonn' (1), 'Kiel' (1) and 1 more",
        f"{column} reads ' Lyon' as 'Lyon'",
        f"{cities}: missing cells: city in 1 of 8 rows",
    ]


def test_a_file_of_known_texts_says_nothing(tmp_path, caplog):
    codes(write(tmp_path / "x.csv", ["Oslo", "Lyon", "Lyon"]))
    assert not caplog.messages


def test_a_column_of_unknown_texts_alone_is_refused_before_a_row_is_predicted(tmp_path):
    _, batches = read_raw_rows(write(tmp_path / "x.csv", ["ROME", "BONN", ""] * 9), CITIES, 4)
    with pytest.raises(UserError, match=r"x\.csv, column city: the model knows none .* \('ROME', 'BONN'\), but 'Lyon'"):
        next(iter(batches))


def test_a_known_text_far_behind_many_unknown_ones_is_enough(tmp_path, caplog):
    assert codes(write(tmp_path / "x.csv", ["Rome"] * 600_000 + ["Oslo"]))[-2:] == [-1, 1]  # past a block of 1 MiB
    assert "column city: 600000 of 600001 texts are unknown to the model: 'Rome' (600000)" in caplog.text


def test_empty_cells_alone_are_missing_not_unknown(tmp_path):
    assert codes(write(tmp_path / "x.csv", ["", ""])) == [-1, -1]


TABLE = "colour,a,y\n" + "".join(
    f"{'violet' if i == 3 else ['red', 'blue'][i % 2]},{i % 7}.5,{i % 2}\n" for i in range(60)
)
Y = np.arange(60) % 2


@pytest.fixture
def read(tmp_path):
    def reading(like: DataSpec | None = None, text: str = TABLE):
        (tmp_path / "t.csv").write_text(text)
        return read_table(str(tmp_path / "t.csv"), "y", str(tmp_path / "processed"), like=like)

    return reading


def seed_with_row_3_in(split: str) -> int:
    return next(seed for seed in range(99) if 3 in split_rows(Y, [0.8, 0.1, 0.1], seed)[split])


@pytest.mark.parametrize("split", ["val", "test"])
def test_categories_are_those_of_the_training_rows(read, split, caplog):
    dataset = read()
    with caplog.at_level(logging.INFO):
        data = DataModule(dataset, 8, 0, [0.8, 0.1, 0.1], seed_with_row_3_in(split), seed=0)
    assert data.spec.categories == {"colour": ("blue", "red")}
    assert data.spec.unlearned == {"colour": ("violet",)}
    assert caplog.messages == ["note: column colour: 'violet' in no training row, so unknown to the model"]
    coded = data.parts["all"][0].x[:, 0]
    np.testing.assert_array_equal(np.delete(coded, 3), np.delete((np.arange(60) + 1) % 2, 3))
    layer = RowPreprocessing(data.spec)
    layer.fit(*data.parts["train"], "t.csv")
    x = layer(torch.tensor(np.array(data.parts["all"][0].x)))
    assert x.shape == (60, 3)
    assert x[3, 1:].tolist() == [0, 0]
    assert x[4, 1:].tolist() == [0, 1]


def test_a_category_in_training_rows_stays_one(read):
    data = DataModule(read(), 8, 0, [0.8, 0.1, 0.1], seed_with_row_3_in("train"), seed=0)
    assert data.spec.categories == {"colour": ("blue", "red", "violet")}
    assert not data.spec.unlearned


def test_the_name_of_the_data_does_not_depend_on_the_split(read):
    data = DataModule(read(), 8, 0, [0.8, 0.1, 0.1], seed_with_row_3_in("val"), seed=0)
    assert data.fingerprint == fingerprint(read(like=data.spec)) == fingerprint(read())


def test_rows_of_the_same_file_get_the_codes_of_training_when_they_are_evaluated(read):
    trained = DataModule(read(), 8, 0, [0.8, 0.1, 0.1], seed_with_row_3_in("test"), seed=0)
    again = DataModule(read(like=trained.spec), 8, 0, None, 0, seed=0, like=trained.spec)
    assert again.spec == trained.spec
    np.testing.assert_array_equal(again.parts["all"][0].x, trained.parts["all"][0].x)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run on a table with truth values and whole numbers that pandas wrote, and tables of later rows."""
    folder = tmp_path_factory.mktemp("texts")
    random = np.random.RandomState(0)
    flags, numbers = random.rand(200) < 0.5, random.randint(0, 6, 200)
    rows = [(flag, str(k), f"{k * 10 + 5}.5") for flag, k in zip(flags, numbers, strict=True)]
    rows[:40] = [(flag, "?", size) for flag, _, size in rows[:40]]

    def write(name, rows):
        with open(folder / name, "w", newline="") as file:
            csv.writer(file).writerows([("flag", "k", "size", "y"), *rows])

    labelled = [(*row, "yes" if row[0] else "no") for row in rows]
    write("train.csv", labelled)
    write("excel.csv", [(str(flag).upper(), k if k == "?" else f"{k}.0", size, y) for flag, k, size, y in labelled])
    write("other.csv", [("ja" if flag else "nein", k, size, y) for flag, k, size, y in labelled])
    odd = [(*labelled[0][:2], "1e9", labelled[0][3]), ("maybe", *labelled[1][1:]), *labelled[2:]]
    write("odd.csv", odd)
    options = [
        "data=csv",
        "data.file=train.csv",
        "data.target=y",
        "data.columns={k: category}",
        "trainer.max_epochs=8",
        "optimizer.lr=1e-2",
    ]
    done = run_script("train.py", *options, "trainer=cpu", "logger=none", "hydra.run.dir=run", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder


def test_the_folder_says_what_each_column_is(trained):
    with open(trained / "run" / "data_columns.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["column"], row["kind"]) for row in rows] == [
        ("flag", "category"),
        ("k", "category"),
        ("size", "number"),
    ]


def test_a_table_that_was_saved_by_another_program_predicts_the_same(trained):
    outputs = []
    for name in ("train", "excel"):
        done = run_script("infer.py", f"input={name}.csv", f"output={name}_p.csv", "ckpt_path=run", cwd=trained)
        assert done.returncode == 0, done.stderr
        outputs.append((trained / f"{name}_p.csv").read_text())
    assert outputs[0] == outputs[1]
    assert "column flag: reads 'TRUE' as 'True', 'FALSE' as 'False'" in done.stdout.replace(
        "reads 'FALSE' as 'False', 'TRUE' as 'True'", "reads 'TRUE' as 'True', 'FALSE' as 'False'"
    )
    done = run_script("eval.py", "data.file=excel.csv", "ckpt_path=run", "hydra.run.dir=same", cwd=trained)
    assert done.returncode == 0, done.stderr
    assert "its test split" in done.stdout  # it is the same data


@pytest.mark.parametrize("script", ["infer.py", "eval.py"])
def test_both_commands_refuse_a_column_that_is_written_in_another_way(trained, script):
    arguments = ["input=other.csv", "output=o.csv"] if script == "infer.py" else ["data.file=other.csv"]
    done = run_script(script, *arguments, "ckpt_path=run", cwd=trained)
    assert done.returncode == 1
    assert "other.csv, column flag: the model knows none of its texts (" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (trained / "o.csv").exists()


@pytest.mark.parametrize("script", ["infer.py", "eval.py"])
def test_both_commands_name_unknown_texts_and_numbers_far_outside(trained, script):
    arguments = ["input=odd.csv", "output=o.csv"] if script == "infer.py" else ["data.file=odd.csv", "hydra.run.dir=o"]
    done = run_script(script, *arguments, "ckpt_path=run", cwd=trained)
    assert done.returncode == 0, done.stderr
    assert "warning: odd.csv: column flag: 1 of 200 texts are unknown to the model: 'maybe' (1)" in done.stdout
    (low, high) = load_checkpoint(trained / "run").data_spec.ranges[2]
    assert (low, high) == (5.5, 55.5)
    said = "column size: 1 of 200 numbers are far outside the 5.5 to 55.5 of training; row 0 has 1e+09"
    assert f"warning: odd.csv: {said}" in done.stdout


def test_splits_that_come_as_rows_of_their_own_have_the_codes_of_training():
    """Of a, b and c the training rows have only a and c: their codes move together in every split."""
    spec = DataSpec(
        "regression", (1,), "float32", 1, columns=("letter",), categories={"letter": ("a", "b", "c")}, missing="mean"
    )

    def rows(*codes: int) -> Rows:
        x = np.array(codes, dtype=np.float32)[:, None]
        return Rows(x, np.arange(len(x), dtype=np.float32)[:, None])

    data = DataModule(
        Dataset(spec, rows(0, 2, 2, 0), "letters", val=rows(2, 1, 0), test=rows(0, 2, -1)), 2, 0, [1, 0, 0], 0, 0
    )
    assert data.spec.categories == {"letter": ("a", "c")}
    assert [data.parts[split][0].x[:, 0].tolist() for split in ("val", "test")] == [[1, 2, 0], [0, 1, -1]]
