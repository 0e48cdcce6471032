"""The generated example data: the same bytes on every machine, and never another file's."""

import numpy as np
import pytest

from src.data.fake import generate, read_fake
from trainhouse.configuration.errors import UserError

SIZE = {"rows": 200, "columns": 6, "classes": 3, "noise": 0.5, "seed": 1}


def test_the_file_is_made_on_first_use_and_used_as_it_is_afterwards(tmp_path):
    path = tmp_path / "processed" / "fake.npy"
    first = read_fake(str(path), **SIZE)
    written = path.read_bytes()
    again = read_fake(str(path), **SIZE)
    assert path.read_bytes() == written
    assert sorted(file.name for file in path.parent.iterdir()) == ["fake.npy", "fake.npy.json"]
    assert (first.spec.input_shape, first.spec.classes) == ((6,), ("0", "1", "2"))
    np.testing.assert_array_equal(first.rows.x, again.rows.x)


def test_the_seed_alone_decides_the_rows():
    np.testing.assert_array_equal(generate(**SIZE), generate(**SIZE))
    assert (generate(**SIZE) != generate(**{**SIZE, "seed": 2})).any()


def test_rows_are_the_same_on_every_machine():
    assert generate(**SIZE)[0].tolist() == pytest.approx(
        [-0.717255, 1.203561, -2.558654, 0.248799, -0.296641, 0.495211, 0.0], abs=1e-5
    )


def test_classes_lie_in_clusters_in_the_first_half_of_the_columns():
    rows = generate(rows=3000, columns=8, classes=2, noise=0.1, seed=0)
    x = rows[:, :-1]
    nearest = np.array([np.argsort(((x[:, :4] - row[:4]) ** 2).sum(axis=1))[1] for row in x[:200]])
    assert (rows[nearest, -1] == rows[:200, -1]).mean() > 0.95
    assert np.abs(x[:, 4:].mean(axis=0)).max() < 0.1
    assert np.abs(x[:, 4:].std(axis=0) - 1).max() < 0.1


@pytest.mark.parametrize("other", [{"rows": 100}, {"columns": 7}])
def test_a_file_of_another_size_is_refused_with_both_shapes(tmp_path, other):
    path = str(tmp_path / "fake.npy")
    read_fake(path, **SIZE)
    asked = {**SIZE, **other}
    with pytest.raises(UserError, match=rf"data\.path: .*fake\.npy has shape \(200, 7\), .*\({asked['rows']}, "):
        read_fake(path, **asked)


@pytest.mark.parametrize(("name", "value"), [("classes", 4), ("noise", 0.7), ("seed", 2)])
def test_a_file_that_was_made_with_other_values_is_refused_with_both(tmp_path, name, value):
    path = str(tmp_path / "fake.npy")
    read_fake(path, **SIZE)
    with pytest.raises(UserError, match=rf"^data\.{name}: .*fake\.npy was made with {SIZE[name]}, not {value}; delete"):
        read_fake(path, **{**SIZE, name: value})


def test_a_file_that_does_not_say_what_it_was_made_with_is_used_as_it_is(tmp_path):
    read_fake(str(tmp_path / "fake.npy"), **SIZE)
    (tmp_path / "fake.npy.json").unlink()
    assert len(read_fake(str(tmp_path / "fake.npy"), **{**SIZE, "seed": 2}).rows.x) == 200


@pytest.mark.parametrize("text", ["{", "5"])
def test_a_damaged_record_is_named(tmp_path, text):
    read_fake(str(tmp_path / "fake.npy"), **SIZE)
    (tmp_path / "fake.npy.json").write_text(text)
    with pytest.raises(UserError, match=r"fake\.npy\.json: damaged"):
        read_fake(str(tmp_path / "fake.npy"), **SIZE)


def test_a_file_for_a_trained_model_is_never_generated(tmp_path):
    spec = read_fake(str(tmp_path / "fake.npy"), **SIZE).spec
    with pytest.raises(UserError, match=r"^data\.path: .*other\.npy does not exist"):
        read_fake(str(tmp_path / "other.npy"), **SIZE, like=spec)
    assert not (tmp_path / "other.npy").exists()


def test_a_place_that_can_not_be_written_is_named_with_its_key(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"^data\.path: cannot write .*file/fake\.npy: "):
        read_fake(str(tmp_path / "file" / "fake.npy"), **SIZE)
