"""The checkpoint file: written whole or not at all, and never trusted when it is read."""

import errno
import io
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from trainhouse.arrays.spec import DataSpec
from trainhouse.checkpoints.checkpoint import load_checkpoint, read
from trainhouse.checkpoints.writing import AtomicCheckpointIO, CheckpointRecord
from trainhouse.configuration.errors import UserError
from trainhouse.configuration.settings import Train
from trainhouse.runs.find_checkpoint import find_checkpoint
from trainhouse.runs.find_run import find_run
from trainhouse.tests.tiny import CLASSES, tiny_run

CONFIG = {
    "seed": 3,
    "model": {"_target_": "src.models.linear.Linear"},
    "loss": {},
    "data": {"_target_": "trainhouse.arrays.npy.read_npy", "embedding_dim": 0},
}
ORIGIN = {"data": "x.npy", "data_fingerprint": "0123456789abcdef"}
RECORD = {
    "format": 1,
    "config": CONFIG,
    "spec": CLASSES.to_dict(),
    "provenance": ORIGIN,
    "epoch": 2,
    "metrics": {},
}
# Each starts with another instruction of a pickle.
OTHER_TEXTS = (b"loss\n1\n", b"a,b\n1,2\n", b"the model\n", b"X", b".")
CONTENT = {"project": RECORD, "state_dict": {"w": torch.arange(5000.0)}}


class Payload:
    """Plain enough to be harmless; what it does when unpickled leaves a file behind."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return open, (str(self.path), "w")


def full_disk(number: int, room: int, buffer: int) -> Callable[[int, str], Any]:
    """Return an `os.fdopen` whose files take `room` bytes, and then fail with the error `number`."""

    class FullDisk(io.FileIO):
        left = room

        def write(self, data: Any) -> int:
            self.left -= len(data)
            if self.left < 0:
                raise OSError(number, os.strerror(number))
            return super().write(data)

    return lambda handle, mode: io.BufferedWriter(FullDisk(handle, mode), buffer) if buffer else FullDisk(handle, mode)


@pytest.mark.parametrize("buffer", [0, 1024, 2**20], ids=["unbuffered", "small buffer", "fails at the flush"])
@pytest.mark.parametrize("room", [0, 3000])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_leaves_the_old_checkpoint_and_is_named_as_the_cause(
    number: int, room: int, buffer: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "last.ckpt"
    AtomicCheckpointIO().save_checkpoint(CONTENT, path)
    before = path.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(os, "fdopen", full_disk(number, room, buffer))
        with pytest.raises(OSError, match=os.strerror(number)) as caught:
            AtomicCheckpointIO().save_checkpoint({**CONTENT, "more": 1}, path)
    assert caught.value.errno == number
    assert "last.ckpt" in str(caught.value)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_content_that_cannot_be_saved_leaves_the_old_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "last.ckpt"
    AtomicCheckpointIO().save_checkpoint(CONTENT, path)
    before = path.read_bytes()
    with pytest.raises((pickle.PicklingError, AttributeError)):
        AtomicCheckpointIO().save_checkpoint({**CONTENT, "code": lambda: 0}, path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("force", [None, "1"])
@pytest.mark.parametrize(
    "save", [torch.save, lambda content, path: path.write_bytes(pickle.dumps(content, protocol=2))]
)
@pytest.mark.filterwarnings("ignore:.*TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD")
def test_a_checkpoint_that_holds_code_is_refused_and_the_code_does_not_run(
    save: Callable[[Any, Path], None], force: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if force:
        monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", force)
    path, trace = tmp_path / "model.ckpt", tmp_path / "code was here"
    save({**CONTENT, "payload": Payload(trace)}, path)
    with pytest.raises(UserError, match=r"model\.ckpt: not plain data"):
        AtomicCheckpointIO().load_checkpoint(path, weights_only=False)
    assert not trace.exists()


def saved(content: Any) -> bytes:
    file = io.BytesIO()
    torch.save(content, file)
    return file.getvalue()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", r"damaged or not a checkpoint \(0 bytes"),
        *[(text, "not plain data|damaged or not a checkpoint") for text in OTHER_TEXTS],
        (saved(CONTENT)[:3000], r"damaged or not a checkpoint \(3000 bytes"),
        (saved(CONTENT)[:-100], "damaged or not a checkpoint"),
        (saved({"weight": torch.zeros(1)}), r"not a checkpoint of this project.*'project' \(found: weight\)"),
        (saved([1, 2]), r"not a checkpoint of this project.*\(found: list\)"),
        (saved({"project": "mine"}), "not a checkpoint of this project|its record is incomplete"),
        (saved({"project": {**RECORD, "format": 2}}), "format 2 of another version, this one reads 1"),
        (saved({"project": {"format": 1}}), r"its record is incomplete \(KeyError: '(spec|config)'\)"),
        (saved({"project": {**RECORD, "spec": {}}}), "its record is incomplete"),
        (saved({"project": {**RECORD, "spec": [1]}}), "its record is incomplete"),
        (
            saved({**CONTENT, "project": {**RECORD, "config": {**CONFIG, "model": {}}}}),
            r"its record is incomplete \(KeyError: '_target_'\)",
        ),
        (saved({**CONTENT, "project": {**RECORD, "facts": [1]}}), "its record is incomplete"),
        (saved({"project": RECORD}), "its record is incomplete.*state_dict|no state_dict"),
    ],
)
def test_a_file_that_is_no_checkpoint_of_ours_is_refused_with_the_reason(
    data: bytes, reason: str, tmp_path: Path
) -> None:
    path = tmp_path / "model.ckpt"
    path.write_bytes(data)
    with pytest.raises(UserError, match=rf"model\.ckpt: ({reason})"):
        load_checkpoint(path)


def test_beside_a_damaged_checkpoint_the_others_are_named(tmp_path: Path) -> None:
    (tmp_path / "last.ckpt").write_bytes(b"")
    (tmp_path / "epoch_005.ckpt").write_bytes(b"")
    with pytest.raises(UserError, match=r"last\.ckpt: damaged.*others beside it: epoch_005\.ckpt$"):
        read(tmp_path / "last.ckpt")


def test_a_missing_file_is_named_by_the_reader_too(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none\.ckpt"):
        read(tmp_path / "none.ckpt")


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("https://example.org/model.ckpt", "resume: https://example.org/model.ckpt is an address"),
        ("s3://models/model.ckpt", "resume: s3://models/model.ckpt is an address"),
        ("{folder}/none.ckpt", "resume: .*none.ckpt does not exist"),
        ("{folder}", "resume: .* is a folder without checkpoints/best_model.ckpt"),
        ("{folder}/run/checkpoints", "resume: .* folder of checkpoints; .* or the run: resume=.*/run$"),
        ("{folder}/other", "resume: .*/other/checkpoints/best_model.ckpt is a folder, not a checkpoint file$"),
    ],
)
def test_a_path_without_a_checkpoint_is_refused_by_key(path: str, message: str, tmp_path: Path) -> None:
    for name in ("run/checkpoints", "other/checkpoints/best_model.ckpt"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "run/config.yaml").touch()
    with pytest.raises(UserError, match=message):
        find_checkpoint(path.format(folder=tmp_path), "resume")


def test_a_checkpoint_in_shards_is_not_opened_as_torch_would_run_code_from_it(tmp_path: Path) -> None:
    (tmp_path / ".metadata").write_bytes(pickle.dumps(print))
    with pytest.raises(UserError, match=r"init_from: .* is a checkpoint in shards, .* dcp_to_torch .* weights.pt"):
        find_checkpoint(tmp_path, "init_from")
    with pytest.raises(UserError, match=r"resume: .* is a checkpoint in shards, .*=weights.pt, and a new run"):
        find_run(str(tmp_path))


def test_a_run_folder_means_its_best_model(tmp_path: Path) -> None:
    best = tmp_path / "checkpoints" / "best_model.ckpt"
    AtomicCheckpointIO().save_checkpoint(CONTENT, best)
    assert find_checkpoint(tmp_path) == best
    assert load_checkpoint(str(tmp_path)).path == best


FULL = DataSpec(
    "regression", (3,), "float32", 2, (), ("u", "v"), ("age", "city", "pay"), {"city": ("Bo", "Rom")}, "mean"
)


@pytest.mark.parametrize("spec", [CLASSES, FULL], ids=["classes", "categories"])
def test_what_is_recorded_is_what_is_loaded(spec: DataSpec, tmp_path: Path) -> None:
    record = {**RECORD, **CheckpointRecord(Train(CONFIG), spec, ORIGIN).record}
    AtomicCheckpointIO().save_checkpoint({**CONTENT, "project": record}, tmp_path / "a.ckpt")
    found = load_checkpoint(tmp_path / "a.ckpt")
    assert found.spec == spec
    assert (found.config.plain, found.provenance, found.epoch) == (CONFIG, ORIGIN, 2)
    assert torch.equal(found.state_dict["w"], torch.arange(5000.0))


def test_a_run_leaves_checkpoints_that_know_where_they_come_from(made_once: Any) -> None:
    run = tiny_run(made_once)
    last = load_checkpoint(run / "checkpoints" / "last.ckpt")
    assert last.epoch == 2
    assert last.config.data.get("rows") == 60
    assert (last.spec.input_shape, last.spec.classes) == ((4,), ("0", "1", "2"))
    assert last.provenance["data"].endswith("rows.npy")
    assert load_checkpoint(run).epoch in (1, 2)
