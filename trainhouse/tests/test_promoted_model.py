"""A model is promoted, and predicts, as a user does it."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from trainhouse.tests.common import run_script


@pytest.fixture(scope="module")
def promoted(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project whose run was promoted."""
    folder = tmp_path_factory.mktemp("promoted") / "project"
    shutil.copytree(project, folder, symlinks=True)
    done = run_script("select_best_model.py", cwd=folder, fresh=True)
    assert done.returncode == 0, done.stderr
    assert "outputs/run" in done.stdout
    return folder


def test_the_best_model_is_promoted_with_its_origin(promoted: Path) -> None:
    final = promoted / "checkpoints/final_model.ckpt"
    assert final.read_bytes() == (promoted / "outputs/run/checkpoints/best_model.ckpt").read_bytes()
    record = json.loads((promoted / "checkpoints/final_model.json").read_text())
    assert record["run"] == "outputs/run"
    assert record["metric"] == "val/loss"
    assert len(record["sha256"]) == 64


def test_predictions_equal_those_of_eval_on_the_same_rows(promoted: Path) -> None:
    done = run_script("eval.py", "ckpt_path=outputs/run", "split=all", "hydra.run.dir=all", cwd=promoted)
    assert done.returncode == 0, done.stderr
    rows = np.load(promoted / "data/processed/fake_data.npy")
    np.save(promoted / "with_labels.npy", rows)
    np.savez_compressed(promoted / "rows.npz", x=rows[:, :-1])
    expected = [line.split(",")[2:] for line in (promoted / "all/predictions.csv").read_text().splitlines()]
    for source in ("with_labels.npy", "rows.npz"):
        done = run_script(
            "infer.py", f"input={source}", "output=p.csv", "batch_size=64", "overwrite=true", cwd=promoted
        )
        assert done.returncode == 0, done.stderr
        found = [line.split(",")[1:] for line in (promoted / "p.csv").read_text().splitlines()]
        assert found == expected
    assert expected[0] == ["prediction", *(f"probability_{name}" for name in range(4))]


def test_inference_leaves_nothing_but_its_output(promoted: Path) -> None:
    before = set(promoted.rglob("*"))
    np.save(promoted / "few.npy", np.zeros((3, 20), dtype=np.float32))
    done = run_script("infer.py", "input=few.npy", "output=few.parquet", cwd=promoted, fresh=True)
    assert done.returncode == 0, done.stderr
    assert set(promoted.rglob("*")) - before == {promoted / "few.npy", promoted / "few.parquet"}


def test_digits_train_from_the_raw_file_and_predict_from_shuffled_columns(promoted: Path) -> None:
    import gzip

    done = run_script("train.py", "data=digits", "trainer.max_epochs=2", "hydra.run.dir=outputs/digits", cwd=promoted)
    assert done.returncode == 0, done.stderr
    done = run_script("eval.py", "ckpt_path=outputs/digits", "split=all", "hydra.run.dir=digits", cwd=promoted)
    assert done.returncode == 0, done.stderr
    expected = [line.split(",")[2:] for line in (promoted / "digits/predictions.csv").read_text().splitlines()]
    lines = gzip.decompress((promoted / "data/raw/digits.csv.gz").read_bytes()).decode().splitlines()
    order = np.random.RandomState(0).permutation(65)
    shuffled = "\n".join(",".join(np.array(line.split(","))[order]) for line in lines)
    (promoted / "shuffled.csv.gz").write_bytes(gzip.compress(shuffled.encode()))
    done = run_script(
        "infer.py", "input=shuffled.csv.gz", "output=digits.csv", "ckpt_path=outputs/digits", cwd=promoted
    )
    assert done.returncode == 0, done.stderr
    found = [line.split(",")[1:] for line in (promoted / "digits.csv").read_text().splitlines()]
    assert [row[0] for row in found] == [row[0] for row in expected]
    numbers = [np.array([row[1:] for row in rows[1:]], dtype=float) for rows in (found, expected)]
    np.testing.assert_allclose(*numbers, atol=1e-6)  # some kernels round by where in memory a row is


def test_inference_on_rows_of_another_width_says_both_widths(promoted: Path) -> None:
    np.save(promoted / "narrow.npy", np.zeros((3, 7), dtype=np.float32))
    done = run_script("infer.py", "input=narrow.npy", "output=narrow.csv", cwd=promoted)
    assert done.returncode == 1
    assert done.stderr == "error: input: rows of narrow.npy have shape (7,), the model takes (20,)\n"


@pytest.mark.parametrize("output", ["same.npy", "model.npy"])
def test_predictions_never_overwrite_what_they_are_made_from(output: str, promoted: Path) -> None:
    np.save(promoted / "same.npy", np.zeros((3, 20), dtype=np.float32))
    shutil.copy(promoted / "checkpoints/final_model.ckpt", promoted / "model.npy")
    before = (promoted / output).read_bytes()
    done = run_script("infer.py", "input=same.npy", "ckpt_path=model.npy", f"output={output}", cwd=promoted)
    assert done.returncode == 1
    assert "itself, which would be overwritten" in done.stderr
    assert (promoted / output).read_bytes() == before


def test_a_table_without_a_header_does_not_lose_its_first_row(promoted: Path) -> None:
    lines = [",".join(f"{row}.{column}" for column in range(10, 30)) for row in range(3)]
    (promoted / "bare.csv").write_text("\n".join(lines))
    done = run_script("infer.py", "input=bare.csv", "output=bare_p.csv", cwd=promoted)
    assert done.returncode == 1
    assert "has no header" in done.stderr
