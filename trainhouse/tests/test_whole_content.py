"""All of a data set's content counts, however large: what is resumed and evaluated is what was trained on."""

import hashlib
import json
import os
from pathlib import Path

import numpy as np
import pytest

from trainhouse.arrays import fingerprint as fingerprints
from trainhouse.arrays import hash_cache
from trainhouse.arrays.fingerprint import fingerprint, has_other_form, is_named, sampled
from trainhouse.arrays.spec import Dataset, DataSpec, Rows
from trainhouse.checkpoints.checkpoint import load_checkpoint
from trainhouse.configuration.errors import UserError
from trainhouse.predicting.evaluate_checkpoint import evaluate_checkpoint
from trainhouse.tests.common import composed
from trainhouse.training.train import train

ROWS = 6000
LONG_AGO = 1_700_000_000


@pytest.fixture(autouse=True)
def small_is_large(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Arrays above 100 kB are large, and files of this very moment are remembered."""
    monkeypatch.setattr(fingerprints, "_LARGE", 100_000)
    monkeypatch.setattr(fingerprints, "_BLOCK", 30_000)
    monkeypatch.setattr(hash_cache, "_RECENT", -1.0)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))


def table(seed: int = 0) -> np.ndarray:
    return np.random.RandomState(seed).standard_normal((ROWS, 8)).astype(np.float32)


def dataset(x: np.ndarray) -> Dataset:
    spec = DataSpec(task="classification", input_shape=x.shape[1:], dtype="float32", outputs=2, classes=("a", "b"))
    return Dataset(spec, Rows(x, np.arange(len(x)) % 2), "rows")


def mapped(path: Path) -> Dataset:
    return dataset(np.asarray(np.load(path, mmap_mode="r")))


def all_but_the_samples(x: np.ndarray) -> np.ndarray:
    """Replace every row but those 1,024 that older versions have looked at."""
    other, kept = table(seed=1)[: len(x)], np.linspace(0, len(x) - 1, 1024).astype(np.int64)
    other[kept] = x[kept]
    return other


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of the large arrays whose content is read."""
    found: list[int] = []
    inner = fingerprints._hash_in_blocks
    monkeypatch.setattr(
        fingerprints, "_hash_in_blocks", lambda array, name: (found.append(len(array)), inner(array, name))[1]
    )
    return found


def test_rows_that_no_sample_has_seen_count_too() -> None:
    x = table()
    assert sampled(dataset(all_but_the_samples(x))) == sampled(dataset(x)), "which older versions took for the same"
    assert fingerprint(dataset(all_but_the_samples(x))) != fingerprint(dataset(x))


@pytest.mark.parametrize("row", [0, 1, 937, 938, 3001, ROWS - 1])
def test_a_single_number_counts_wherever_it_is(row: int) -> None:
    x = table()
    before = fingerprint(dataset(x))
    x[row, 3] = np.nextafter(x[row, 3], 9)
    assert fingerprint(dataset(x)) != before


def test_the_order_of_blocks_counts() -> None:
    x = table()
    rows = 30_000 * ROWS // x.nbytes
    swapped = np.concatenate([x[rows : 2 * rows], x[:rows], x[2 * rows :]])
    assert fingerprint(dataset(swapped)) != fingerprint(dataset(x))


def test_the_name_is_the_hash_of_the_blocks_however_many_threads_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    x = table()
    rows, inner = 30_000 * ROWS // x.nbytes, hashlib.sha256()
    for start in range(0, ROWS, rows):
        inner.update(hashlib.sha256(x[start : start + rows].tobytes()).digest())
    y = np.arange(ROWS) % 2
    whole = hashlib.sha256()
    for array, content in ((x, inner.digest()), (y, hashlib.sha256(y.tobytes()).digest())):
        whole.update(f"{array.shape}{array.dtype}".encode() + content)
    for threads in (1, 3):
        monkeypatch.setattr(fingerprints, "available_cores", lambda threads=threads: threads)
        assert fingerprint(dataset(x))[8:] == whole.hexdigest()[:16]


def test_equal_rows_have_one_name_wherever_and_however_they_are_stored(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", table())
    np.save(tmp_path / "wide.npy", np.hstack([table(), table(seed=2)]))
    view = dataset(np.asarray(np.load(tmp_path / "wide.npy", mmap_mode="r"))[:, :8])
    in_memory = fingerprint(dataset(table()))
    assert fingerprint(mapped(tmp_path / "x.npy")) == in_memory
    assert fingerprint(view) == in_memory
    assert fingerprint(dataset(np.asfortranarray(table()))) == in_memory


def test_names_of_older_versions_still_compare_as_they_did() -> None:
    x = table()
    old = sampled(dataset(x))
    assert len(old) == 16
    assert is_named(dataset(x), old)
    assert is_named(dataset(all_but_the_samples(x)), old)
    assert not is_named(dataset(x + 1), old)
    small = dataset(x[:50])
    assert fingerprint(small) == sampled(small), "which is that of all content, and stays"


def test_another_shape_or_type_is_known_without_reading(reads: list[int]) -> None:
    name = fingerprint(dataset(table()))
    reads.clear()
    for other in (table()[:-1], table()[:, :7], table().astype(np.float64), table().reshape(ROWS, 4, 2)):
        assert has_other_form(dataset(other), name)
        assert not is_named(dataset(other), name)
    assert reads == []
    assert is_named(dataset(table()), name)
    assert reads == [ROWS]


def test_a_file_is_read_once_and_again_when_it_has_changed(tmp_path: Path, reads: list[int]) -> None:
    path = tmp_path / "x.npy"
    np.save(path, table())
    first = fingerprint(mapped(path))
    assert fingerprint(mapped(path)) == first
    assert len(reads) == 1
    assert json.loads((tmp_path / "caches/trainhouse/fingerprints.json").read_text())
    np.save(path, all_but_the_samples(table()))
    other = fingerprint(mapped(path))
    assert other != first
    assert len(reads) == 2
    assert fingerprint(dataset(all_but_the_samples(table()))) == other


def test_a_change_that_hides_its_time_is_seen(tmp_path: Path, reads: list[int]) -> None:
    path = tmp_path / "x.npy"
    np.save(path, table())
    os.utime(path, (LONG_AGO, LONG_AGO))
    first = fingerprint(mapped(path))
    writable = np.load(path, mmap_mode="r+")
    writable[100, 0] += 1
    writable.flush()
    os.utime(path, (LONG_AGO, LONG_AGO))
    assert path.stat().st_mtime == LONG_AGO
    assert fingerprint(mapped(path)) != first


def test_parts_of_one_file_are_kept_apart(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.hstack([table(), table(seed=2)]))
    both = np.asarray(np.load(tmp_path / "x.npy", mmap_mode="r"))
    names = [fingerprint(dataset(both[:, :8])), fingerprint(dataset(both[:, 8:])), fingerprint(dataset(both[:, :8]))]
    assert names[0] == names[2] == fingerprint(dataset(table()))
    assert names[1] == fingerprint(dataset(table(seed=2)))


def test_a_file_that_was_written_a_moment_ago_is_not_remembered(
    tmp_path: Path, reads: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hash_cache, "_RECENT", 60.0)
    np.save(tmp_path / "x.npy", table())
    for _ in range(2):
        fingerprint(mapped(tmp_path / "x.npy"))
    assert len(reads) == 2


@pytest.mark.parametrize(
    "text", ["", "[1]", "{", '{"a": 1}', "[" * 100_000, '{"KEY": "zz"}'], ids=lambda text: text[:12]
)
def test_what_is_remembered_may_be_damaged_or_missing(text: str, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", table())
    place = tmp_path / "caches/trainhouse/fingerprints.json"
    place.parent.mkdir(parents=True)
    key = hash_cache.key_of(mapped(tmp_path / "x.npy").rows.x)
    assert key
    place.write_text(text.replace('"KEY"', json.dumps(key)))
    assert fingerprint(mapped(tmp_path / "x.npy")) == fingerprint(dataset(table()))
    assert hash_cache.get(key), "it is written again"


def test_a_folder_that_cannot_be_written_to_is_no_mistake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.save(tmp_path / "x.npy", table())
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert fingerprint(mapped(tmp_path / "x.npy")) == fingerprint(dataset(table()))


def test_the_oldest_are_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hash_cache, "_MOST", 2)
    keys = []
    for number in range(3):
        np.save(tmp_path / f"{number}.npy", table(number))
        fingerprint(mapped(tmp_path / f"{number}.npy"))
        keys.append(hash_cache.key_of(mapped(tmp_path / f"{number}.npy").rows.x))
    assert [bool(hash_cache.get(str(key))) for key in keys] == [False, True, True]


@pytest.mark.parametrize("change", ["content", "rows"])
def test_resume_and_evaluation_refuse_a_large_file_that_was_replaced(
    change: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    x, y = table(), np.arange(ROWS) % 2
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "y.npy", y)
    data = ["data=npy", f"data.features={tmp_path}/x.npy", f"data.labels={tmp_path}/y.npy"]
    config = composed(*data, "data.batch_size=512", "trainer=cpu", "trainer.max_epochs=1", "preflight=false")
    train(config, tmp_path / "run")
    last = tmp_path / "run/checkpoints/last.ckpt"
    np.save(tmp_path / "x.npy", all_but_the_samples(x) if change == "content" else x[:-1])
    np.save(tmp_path / "y.npy", y if change == "content" else y[:-1])
    config = config.with_values({"trainer.max_epochs": 2})
    with pytest.raises(UserError, match=r"x\.npy: has changed since the run was started"):
        train(config, tmp_path / "run", resume_from=last)
    with pytest.raises(UserError, match=r"x\.npy: has changed since .* was trained"):
        evaluate_checkpoint(
            [load_checkpoint(last)], composed(f"ckpt_path={last}", config_name="eval"), tmp_path / "eval"
        )
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "y.npy", y)
    assert train(config, tmp_path / "run", resume_from=last).epochs == 2
