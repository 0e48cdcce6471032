"""A promotion that is killed at any of its steps: one rename decides, and the same command repairs what is left."""

import hashlib
import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from trainhouse.configuration.errors import UserError
from trainhouse.machine.locks import try_lock
from trainhouse.reports.finished_runs import find_runs
from trainhouse.reports.promotion import promote
from trainhouse.reports.ranking import rank
from trainhouse.tests.tiny import fake_run

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform has no kill that can't be caught")
STEPS = ("open", "os.rename", "os.remove", "os.mkdir", "os.chmod")


def promote_best(folder: Path, final: Path, force: bool = False) -> None:
    promote(rank(find_runs(folder), "val/loss", "min", None), final, force)


def killed_before(step: int, act: Callable[[], None]) -> bool:
    """Call `act` in a process that is killed before its `step`th access to a file; return whether it got so far."""
    if (process := os.fork()) == 0:
        left = step

        def count(event: str, arguments: tuple[object, ...]) -> None:
            nonlocal left
            if event in STEPS:
                left -= 1
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        try:
            sys.addaudithook(count)
            act()
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(process, 0)[1])


def assert_tied(final: Path, run: Path) -> None:
    """The final model is the best of `run`, its record says so, and nothing else is left."""
    record: dict[str, Any] = json.loads(final.with_suffix(".json").read_text())
    assert final.read_bytes() == (run / "checkpoints" / "best_model.ckpt").read_bytes()
    assert record["sha256"] == hashlib.sha256(final.read_bytes()).hexdigest()
    assert (record["run"], record["metrics"]) == (str(run), json.loads((run / "metrics.json").read_text())["metrics"])
    assert sorted(path.name for path in final.parent.iterdir()) == ["final_model.ckpt", "final_model.json"]


@pytest.mark.parametrize("has_one", [False, True], ids=["the first promotion", "one that replaces a model"])
def test_the_same_command_repairs_what_a_kill_at_any_step_has_left(has_one: bool, tmp_path: Path) -> None:
    old = fake_run(tmp_path / "first" / "old", {"val/loss": 0.5})
    new = fake_run(tmp_path / "second" / "new", {"val/loss": 0.1})
    contents = {(run / "checkpoints" / "best_model.ckpt").read_bytes() for run in (old, new)}
    final = tmp_path / "checkpoints" / "final_model.ckpt"
    step = 1
    while True:
        shutil.rmtree(final.parent, ignore_errors=True)
        if has_one:
            promote_best(tmp_path / "first", final)
        if not killed_before(step, lambda: promote_best(tmp_path / "second", final)):
            break
        assert not final.exists() or final.read_bytes() in contents
        promote_best(tmp_path / "second", final)
        assert_tied(final, new)
        step += 1
    assert step > 10, "no step was seen"


def test_after_a_kill_another_command_finds_the_model_that_is_there(tmp_path: Path) -> None:
    old = fake_run(tmp_path / "first" / "old", {"val/loss": 0.5})
    fake_run(tmp_path / "second" / "new", {"val/loss": 0.1})
    worse = fake_run(tmp_path / "third" / "worse", {"val/loss": 0.9})
    better = fake_run(tmp_path / "fourth" / "better", {"val/loss": 0.3})
    final = tmp_path / "checkpoints" / "final_model.ckpt"
    promote_best(tmp_path / "first", final)
    step = 1
    while json.loads(final.with_suffix(".json").read_text())["run"] == str(old):
        assert killed_before(step, lambda: promote_best(tmp_path / "second", final))
        step += 1
    assert final.read_bytes() == (old / "checkpoints" / "best_model.ckpt").read_bytes(), "the rename has come already"
    promote_best(tmp_path / "third", final)
    assert_tied(final, old)
    assert str(worse) not in final.with_suffix(".json").read_text()
    assert killed_before(step - 1, lambda: promote_best(tmp_path / "second", final))
    promote_best(tmp_path / "fourth", final)
    assert_tied(final, better)


def test_a_promotion_waits_for_another_but_not_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_run(tmp_path / "runs" / "new", {"val/loss": 0.1})
    monkeypatch.setattr("trainhouse.reports.promotion.of_this_machine", lambda name: tmp_path / name)
    monkeypatch.setattr("trainhouse.reports.promotion._PATIENCE", 0.2)
    other = try_lock(tmp_path / "promotion")
    assert other is not None
    with pytest.raises(UserError, match=r"^final_model: another select_best_model\.py is at work"):
        promote_best(tmp_path / "runs", tmp_path / "final_model.ckpt")
    other.close()
    promote_best(tmp_path / "runs", tmp_path / "final_model.ckpt")


def test_the_part_of_another_file_stays(tmp_path: Path) -> None:
    fake_run(tmp_path / "runs" / "new", {"val/loss": 0.1})
    final = tmp_path / "checkpoints" / "final_model.ckpt"
    final.parent.mkdir()
    others = final.parent / ".tmp-predictions.csv-abc.part"
    others.touch()
    promote_best(tmp_path / "runs", final)
    assert others.exists()


def test_a_checkpoint_of_another_run_is_never_promoted_with_the_numbers_of_the_folder(tmp_path: Path) -> None:
    run = fake_run(tmp_path / "runs" / "good", {"val/loss": 0.1})
    digest = hashlib.sha256((run / "checkpoints" / "best_model.ckpt").read_bytes()).hexdigest()
    content = json.loads((run / "metrics.json").read_text())
    (run / "metrics.json").write_text(json.dumps({**content, "best_model_sha256": digest}))
    final = tmp_path / "checkpoints" / "final_model.ckpt"
    promote_best(tmp_path / "runs", final)
    assert_tied(final, run)
    other = fake_run(tmp_path / "elsewhere", {"val/loss": 0.9})
    shutil.copy(other / "checkpoints" / "best_model.ckpt", run / "checkpoints" / "best_model.ckpt")
    with pytest.raises(
        UserError, match=r"good/checkpoints/best_model\.ckpt: is not the file that the numbers in .*good"
    ):
        promote_best(tmp_path / "runs", final, force=True)


@pytest.mark.parametrize("leads", ["../elsewhere/checkpoints/best_model.ckpt", "/dev/zero", "checkpoints/../../x.ckpt"])
def test_a_best_model_outside_the_runs_folder_is_left_out(leads: str, tmp_path: Path) -> None:
    fake_run(tmp_path / "elsewhere", {"val/loss": 0.1})
    run = fake_run(tmp_path / "run", {"val/loss": 0.0}, best_model=leads)
    assert [one.folder.name for one in find_runs(tmp_path)] == ["elsewhere"]
    with pytest.raises(UserError, match=r"metrics\.json: best_model: expected a file of the run's own"):
        find_runs(run)
