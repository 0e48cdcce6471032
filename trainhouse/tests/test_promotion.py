"""Promotion: the final model gives way only to a better one on the same data."""

import hashlib
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from trainhouse.configuration.errors import UserError
from trainhouse.reports.finished_runs import find_runs
from trainhouse.reports.promotion import check_final_model, promote
from trainhouse.reports.ranking import rank
from trainhouse.tests.tiny import fake_run


def promote_best(folder: Path, final: Path, metric: str = "val/loss", mode: str = "min", force: bool = False) -> None:
    promote(rank(find_runs(folder), metric, mode, None), final, force)


@pytest.fixture
def final(tmp_path: Path) -> Path:
    """A final model that was promoted from a run with a loss of 0.5 and an accuracy of 0.8."""
    fake_run(tmp_path / "first" / "run", {"val/loss": 0.5, "val/acc": 0.8})
    promote_best(tmp_path / "first", tmp_path / "checkpoints" / "final_model.ckpt")
    return tmp_path / "checkpoints" / "final_model.ckpt"


def weights(final: Path) -> str:
    return zipfile.ZipFile(final).read("weights").decode()


def record(final: Path) -> dict[str, Any]:
    return json.loads(final.with_suffix(".json").read_text())


def test_the_best_run_becomes_the_final_model_with_a_record_of_its_origin(final: Path, tmp_path: Path) -> None:
    run = tmp_path / "first" / "run"
    assert weights(final) == "weights of run"
    found = record(final)
    assert found["sha256"] == hashlib.sha256(final.read_bytes()).hexdigest()
    assert (found["run"], found["checkpoint"]) == (str(run), str(run / "checkpoints" / "best_model.ckpt"))
    assert (found["metric"], found["mode"], found["value"], found["epoch"]) == ("val/loss", "min", 0.5, 3)
    assert found["metrics"] == {"val/loss": 0.5, "val/acc": 0.8}
    assert (found["data"], found["data_fingerprint"], found["git_commit"]) == ("rows.npy", "0123456789abcdef", "c0ffee")
    assert sorted(path.name for path in final.parent.iterdir()) == ["final_model.ckpt", "final_model.json"]


@pytest.mark.parametrize(
    ("metric", "mode", "value", "force", "replaced"),
    [
        ("val/loss", "min", 0.4, False, True),
        ("val/loss", "min", 0.5, False, False),
        ("val/loss", "min", 0.6, False, False),
        ("val/loss", "min", 0.6, True, True),
        ("val/acc", "max", 0.9, False, True),
        ("val/acc", "max", 0.8, False, False),
        ("val/acc", "max", 0.7, False, False),
        ("val/acc", "max", 0.7, True, True),
    ],
)
def test_only_a_better_run_replaces_the_final_model_unless_forced(
    metric: str, mode: str, value: float, force: bool, replaced: bool, final: Path, tmp_path: Path
) -> None:
    before = final.with_suffix(".json").read_text()
    fake_run(tmp_path / "second" / "new", {metric: value})
    promote_best(tmp_path / "second", final, metric, mode, force)
    assert weights(final) == ("weights of new" if replaced else "weights of run")
    assert record(final)["sha256"] == hashlib.sha256(final.read_bytes()).hexdigest()
    assert (final.with_suffix(".json").read_text() == before) != replaced


@pytest.mark.parametrize(
    ("folder", "reason"),
    [("first", "it is the best of these runs already"), ("second", "0.5000 is not beaten by 0.6000")],
)
def test_why_the_final_model_stays_is_said(
    folder: str, reason: str, final: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="trainhouse.reports.promotion")
    fake_run(tmp_path / "second" / "new", {"val/loss": 0.6})
    promote_best(tmp_path / folder, final)
    assert f"{final} stays as it is: " in caplog.text
    assert reason in caplog.text


def test_a_model_of_other_data_is_replaced_only_by_force(final: Path, tmp_path: Path) -> None:
    fake_run(tmp_path / "second" / "new", {"val/loss": 0.1}, fingerprint="f" * 16)
    with pytest.raises(
        UserError, match=r"final_model\.ckpt: was trained on other data \(rows\.npy, 01234567/.*ffffffff/"
    ):
        promote_best(tmp_path / "second", final)
    assert weights(final) == "weights of run"
    promote_best(tmp_path / "second", final, force=True)
    assert weights(final) == "weights of new"


@pytest.mark.parametrize("text", [None, "{", "[]"])
def test_a_final_model_without_a_readable_record_is_not_replaced(text: str | None, final: Path, tmp_path: Path) -> None:
    final.with_suffix(".json").unlink()
    if text is not None:
        final.with_suffix(".json").write_text(text)
    fake_run(tmp_path / "second" / "new", {"val/loss": 0.1})
    with pytest.raises(
        UserError, match=r"final_model\.ckpt: there is no record of where this file comes from.*force=true"
    ):
        promote_best(tmp_path / "second", final)
    assert weights(final) == "weights of run"


def test_a_final_model_that_lacks_the_metric_is_not_replaced(final: Path, tmp_path: Path) -> None:
    fake_run(tmp_path / "second" / "new", {"val/f1": 0.9})
    with pytest.raises(UserError, match=r"final_model\.ckpt: has no val/f1 to compare with.*force=true"):
        promote_best(tmp_path / "second", final, "val/f1", "max")


@pytest.mark.parametrize("force", [False, True])
def test_a_value_that_is_not_finite_is_never_promoted(force: bool, tmp_path: Path) -> None:
    fake_run(tmp_path / "runs" / "a", {"val/loss": None})
    with pytest.raises(UserError, match=r"^metric: val/loss is not finite in any run"):
        promote_best(tmp_path / "runs", tmp_path / "final_model.ckpt", force=force)
    assert not (tmp_path / "final_model.ckpt").exists()


def test_a_checkpoint_with_a_flipped_bit_is_never_promoted(final: Path, tmp_path: Path) -> None:
    run = fake_run(tmp_path / "second" / "new", {"val/loss": 0.1})
    best = run / "checkpoints" / "best_model.ckpt"
    best.write_bytes(best.read_bytes().replace(b"weights of new", b"weights of neW"))
    with pytest.raises(UserError, match=r"best_model\.ckpt: damaged \(the check sum of weights\)"):
        promote_best(tmp_path / "second", final, force=True)
    assert weights(final) == "weights of run"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("x.pt", r"expected a name that ends in \.ckpt, got .*x\.pt"),
        ("folder.ckpt", r".*folder\.ckpt is a folder"),
        ("file/x.ckpt", r".*file is a file, so nothing can be written below it"),
        ("run/checkpoints/last.ckpt", r".*last\.ckpt is in the run .*run, whose files stay"),
    ],
)
def test_a_place_that_can_hold_no_final_model_is_refused_with_its_key(name: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "folder.ckpt").mkdir()
    (tmp_path / "file").touch()
    fake_run(tmp_path / "run", {"val/loss": 0.1})
    with pytest.raises(UserError, match=f"^final_model: {message}"):
        check_final_model(tmp_path / name)


def test_a_place_that_can_not_be_written_is_named_with_its_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(source: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    fake_run(tmp_path / "runs" / "a", {"val/loss": 0.1})
    monkeypatch.setattr("trainhouse.reports.promotion.copy", fail)
    with pytest.raises(UserError, match=r"^final_model: cannot write .*x\.ckpt: No space left on device$"):
        promote_best(tmp_path / "runs", tmp_path / "x.ckpt")
