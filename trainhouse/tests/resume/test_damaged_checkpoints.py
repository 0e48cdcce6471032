"""A run resumes from the newest checkpoint that is whole, or says that there is none."""

import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from trainhouse.configuration.errors import UserError
from trainhouse.tests.resume.continued import Payload, content, resumed
from trainhouse.tests.test_exact_resume import differing, outcome
from trainhouse.training.resume import newest_checkpoint


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip_weights(path: Path) -> None:
    """Damage the bytes of a weight, which the file's list of contents says nothing of."""
    weight = torch.load(path, weights_only=True)["state_dict"]["network.layers.1.weight"].numpy().tobytes()
    whole = path.read_bytes()
    assert weight in whole
    path.write_bytes(whole.replace(weight, bytes(byte ^ 1 for byte in weight)))


def flip_middle(path: Path) -> None:
    whole = bytearray(path.read_bytes())
    middle = len(whole) // 2
    whole[middle : middle + 64] = bytes(byte ^ 0xFF for byte in whole[middle : middle + 64])
    path.write_bytes(whole)


DAMAGES: dict[str, Callable[[Path], object]] = {
    "truncated": truncate,
    "bytes flipped in the middle": flip_middle,
    "bytes of a weight flipped": flip_weights,
    "no bytes": lambda path: path.write_bytes(b""),
    "zeros": lambda path: path.write_bytes(bytes(path.stat().st_size)),
    "a table": lambda path: path.write_text("epoch,loss\n1,2\n"),
    "code": lambda path: path.write_bytes(pickle.dumps(Payload(Path("touched").absolute()))),
    "code in torch's own format": lambda path: torch.save({"project": Payload(Path("touched").absolute())}, path),
    "another checkpoint": lambda path: torch.save({"state_dict": {}}, path),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_checkpoint_is_passed_over_for_the_one_before(
    damage: str, killed: Path, caplog: pytest.LogCaptureFixture
) -> None:
    DAMAGES[damage](killed / "checkpoints/last.ckpt")
    assert newest_checkpoint(killed / "checkpoints") == killed / "checkpoints/epoch_002.ckpt"
    assert caplog.text.count(f"warning: {killed}/checkpoints/last.ckpt") == 1
    assert not Path("touched").exists()


def test_a_run_whose_newest_checkpoints_are_damaged_ends_as_one_that_never_stopped(
    killed: Path, made: Path, caplog: pytest.LogCaptureFixture
) -> None:
    truncate(killed / "checkpoints/last.ckpt")
    truncate(killed / "checkpoints/epoch_002.ckpt")
    resumed(killed)
    assert f"resume  from {killed}/checkpoints/epoch_001.ckpt" in caplog.text
    assert differing(outcome(made / "outputs/run"), outcome(killed)) == []


def test_without_any_whole_checkpoint_it_ends_in_one_line(killed: Path) -> None:
    kinds = ["truncated", "no bytes", "code"]
    for kind, path in zip(kinds, sorted((killed / "checkpoints").iterdir()), strict=True):
        DAMAGES[kind](path)
    before = content(Path())
    with pytest.raises(UserError, match=r"outputs/run/checkpoints: none of its checkpoints can be read") as refused:
        resumed(killed)
    assert "\n" not in str(refused.value)
    assert content(Path()) == before
