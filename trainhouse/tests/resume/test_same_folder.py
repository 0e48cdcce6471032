"""A run that was stopped resumes in its folder as if it had never stopped."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from trainhouse.checkpoints.checkpoint import load_checkpoint
from trainhouse.checkpoints.writing import AtomicCheckpointIO
from trainhouse.tests.common import composed, run_script
from trainhouse.tests.resume.continued import OPTIONS, content, resumed
from trainhouse.tests.test_exact_resume import differing, outcome
from trainhouse.training.train import train


@pytest.mark.parametrize(
    "command", [["resume=outputs/run"], [*OPTIONS, "resume=last"]], ids=["folder", "same command with last"]
)
def test_the_command_resumes_in_the_folder_of_the_run(command: list[str], killed: Path, made: Path) -> None:
    log, config, hydra = killed / "logs/training.log", killed / "config.yaml", killed / ".hydra/overrides.yaml"
    before, text_before, inode = content(Path()), log.read_text(), log.stat().st_ino
    config_before, hydra_before = config.read_text().splitlines()[2:], hydra.read_bytes()
    done = run_script("train.py", *command, cwd=Path.cwd())
    assert done.returncode == 0, done.stderr
    assert f"resume  from {killed}/checkpoints/last.ckpt" in done.stdout
    assert "epoch 3/3" in done.stdout
    assert "epoch 2/3" not in done.stdout
    new = {name for name in set(content(Path())) - set(before) if "/figures/" not in name}  # of a kind drawn once
    assert new == {f"{killed}/checkpoints/epoch_003.ckpt", f"{killed}/checkpoints/best_model.ckpt"}
    assert log.stat().st_ino == inode
    assert log.read_text().startswith(text_before)
    assert len(log.read_text()) > len(text_before)
    assert config.read_text().splitlines()[2:] == config_before
    assert hydra.read_bytes() == hydra_before
    assert differing(outcome(made / "outputs/run"), outcome(killed)) == []


class Killed(BaseException):
    """Ends the program where it stands."""


@pytest.mark.parametrize("number", [2, 3, 6])
def test_a_run_killed_at_any_checkpoint_it_writes_ends_as_one_never_killed(
    number: int, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(made / "rows.npy", tmp_path)
    monkeypatch.chdir(tmp_path)
    written = []
    save = AtomicCheckpointIO.save_checkpoint

    def save_or_die(self: Any, checkpoint: Any, path: Any, storage_options: Any = None) -> None:
        written.append(path)
        if len(written) == number:
            raise Killed
        save(self, checkpoint, path, storage_options)

    with monkeypatch.context() as patch:
        patch.setattr(AtomicCheckpointIO, "save_checkpoint", save_or_die)
        with pytest.raises(Killed):
            train(composed(*OPTIONS), tmp_path / "run")
    assert len(written) == number
    resumed(tmp_path / "run")
    assert differing(outcome(made / "outputs/run"), outcome(tmp_path / "run")) == [], [Path(p).name for p in written]


def test_a_run_without_a_checkpoint_starts_from_the_beginning(
    killed: Path, made: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.rmtree(killed / "checkpoints")
    resumed(killed)
    assert f"{killed} has no checkpoint yet: it starts from the beginning" in caplog.text
    assert differing(outcome(made / "outputs/run"), outcome(killed)) == []


def test_what_killed_writes_have_left_is_removed(killed: Path) -> None:
    left = [killed / ".tmp-a.part", killed / "checkpoints/.tmp-b.part", killed / "logs/.tmp-c.part"]
    for path in left:
        path.write_bytes(b"half")
    left.append(killed / "checkpoints/.tmp-d.part")  # of a preflight
    left[-1].mkdir()
    (left[-1] / "tried.ckpt").write_bytes(b"half")
    resumed(killed)
    assert not [path for path in left if path.exists()]


def test_a_folder_that_was_moved_is_resumed_and_knows_its_best_model(
    run: Path, made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = composed(*OPTIONS, "optimizer.lr=1.0", "trainer.max_epochs=3")
    train(whole.with_values({"trainer.max_epochs": 2}), Path("first"))
    train(whole, Path("whole"))
    best = json.loads(Path("whole/metrics.json").read_text())["best_epoch"]
    assert best <= 2, "so that the best model is one from before the move"
    Path("first").rename("moved")
    result = resumed(Path("moved"), "trainer.max_epochs=3")
    assert differing(outcome(Path("whole")), outcome(Path("moved"))) == []
    assert (result.best_epoch, result.best_model) == (best, "checkpoints/best_model.ckpt")
    assert load_checkpoint("moved").epoch == best
    assert not Path("first").exists()
