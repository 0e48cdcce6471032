"""The commands, run as a user runs them, from training to prediction."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from omegaconf import OmegaConf

from trainhouse.tests.conftest import ROOT, read_history, run_script


def metrics(folder: Path) -> dict:
    return json.loads((folder / "metrics.json").read_text())


def only(pattern: str, folder: Path) -> Path:
    found = list(folder.glob(pattern))
    assert len(found) == 1, found
    return found[0]


def test_a_run_leaves_the_whole_experiment_folder(project: Path) -> None:
    run = project / "outputs/run"
    for name in (
        ".hydra/overrides.yaml",
        "checkpoints/best_model.ckpt",
        "checkpoints/epoch_005.ckpt",
        "checkpoints/last.ckpt",
        "config.yaml",
        "figures/loss_curve.png",
        "logs/metrics.csv",
        "logs/training.log",
        "metrics.json",
    ):
        assert (run / name).stat().st_size > 0, name
    assert list(run.glob("logs/events.out.tfevents.*"))
    assert not list(run.rglob("*.part"))
    assert sorted(path.name for path in (run / "checkpoints").iterdir()) == [
        "best_model.ckpt",
        "epoch_005.ckpt",
        "last.ckpt",
    ]


def test_the_history_has_one_row_per_epoch_and_agrees_with_the_final_metrics(project: Path) -> None:
    rows = read_history(project / "outputs/run/logs/metrics.csv")
    final = metrics(project / "outputs/run")
    assert [row["epoch"] for row in rows] == [1, 2, 3, 4, 5, 6]
    best = min(rows, key=lambda row: row["val/loss"])
    assert final["best_epoch"] == best["epoch"]
    assert final["metrics"]["val/loss"] == best["val/loss"]
    assert final["status"] == "completed"
    assert final["train_samples_per_second"] > 0


def test_the_log_holds_what_the_terminal_said(project: Path) -> None:
    log = (project / "outputs/run/logs/training.log").read_text()
    for line in (project / "stdout.txt").read_text().splitlines():
        assert line in log
    assert "python eval.py ckpt_path=outputs/run" in log


def test_config_yaml_is_resolved_and_gives_the_same_run_again(project: Path, tmp_path: Path) -> None:
    config = OmegaConf.load(project / "outputs/run/config.yaml")
    del config["hydra"]
    assert "${" not in OmegaConf.to_yaml(config)
    done = run_script("train.py", f"--config-path={project}/outputs/run", "--config-name=config", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    again = metrics(only("outputs/*/*", tmp_path))
    assert again["metrics"] == metrics(project / "outputs/run")["metrics"]


def test_eval_reports_the_test_numbers_of_training_to_the_last_digit(project: Path, tmp_path: Path) -> None:
    done = run_script("eval.py", "ckpt_path=outputs/run", f"hydra.run.dir={tmp_path}/eval", cwd=project, fresh=True)
    assert done.returncode == 0, done.stderr
    found = metrics(tmp_path / "eval")
    trained = metrics(project / "outputs/run")["metrics"]
    assert found["metrics"] == {name: value for name, value in trained.items() if name.startswith("test/")}
    assert found["split"] == "test"
    assert set(found["per_class"]["0"]) == {"precision", "recall", "f1", "rows"}
    assert (tmp_path / "eval/figures/confusion_matrix.png").stat().st_size > 0
    assert "precision" in done.stdout


def test_eval_takes_another_split_other_data_and_other_batches(project: Path, tmp_path: Path) -> None:
    rows = np.load(project / "data/processed/fake_data.npy")
    np.save(tmp_path / "x.npy", rows[:300, :-1])
    np.save(tmp_path / "y.npy", rows[:300, -1].astype(int))
    common = ["ckpt_path=outputs/run", "predictions=false"]
    done = run_script("eval.py", *common, "split=val", "data.batch_size=7", f"hydra.run.dir={tmp_path}/a", cwd=project)
    assert done.returncode == 0, done.stderr
    trained = metrics(project / "outputs/run")["metrics"]
    assert metrics(tmp_path / "a")["metrics"]["val/acc"] == trained["val/acc"]
    assert metrics(tmp_path / "a")["metrics"]["val/loss"] == pytest.approx(trained["val/loss"], rel=1e-5)
    files = [f"data.features={tmp_path}/x.npy", f"data.labels={tmp_path}/y.npy"]
    done = run_script("eval.py", *common, *files, "split=all", f"hydra.run.dir={tmp_path}/b", cwd=project)
    assert done.returncode == 0, done.stderr
    assert metrics(tmp_path / "b")["rows"] == 300
    assert "all/acc" in metrics(tmp_path / "b")["metrics"]
    done = run_script("eval.py", *common, *files, f"hydra.run.dir={tmp_path}/c", cwd=project)
    assert metrics(tmp_path / "c")["rows"] < 60, "what the model was trained on is left out"


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
        done = run_script("infer.py", f"input={source}", "output=p.csv", "batch_size=64", cwd=promoted)
        assert done.returncode == 0, done.stderr
        found = [line.split(",") for line in (promoted / "p.csv").read_text().splitlines()]
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
    done = run_script("infer.py", "input=shuffled.csv.gz", "output=p.csv", "ckpt_path=outputs/digits", cwd=promoted)
    assert done.returncode == 0, done.stderr
    assert [line.split(",") for line in (promoted / "p.csv").read_text().splitlines()] == expected


def test_regression_from_arrays_of_ones_own(tmp_path: Path) -> None:
    random = np.random.RandomState(0)
    x = random.standard_normal((400, 5)).astype(np.float64)
    np.save(tmp_path / "X.npy", x)
    np.save(tmp_path / "y.npy", 1000 + 50 * (x @ np.arange(5)))
    files = ["data=npy", "data.features=X.npy", "data.labels=y.npy"]
    done = run_script("train.py", *files, "hydra.run.dir=outputs/r", "optimizer.lr=1e-2", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert metrics(tmp_path / "outputs/r")["metrics"]["test/r2"] > 0.95
    done = run_script("eval.py", "ckpt_path=outputs/r", "hydra.run.dir=e", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "e/figures/predicted_against_true.png").is_file()
    done = run_script("infer.py", "input=X.npy", "output=p.jsonl", "ckpt_path=outputs/r", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    first = json.loads((tmp_path / "p.jsonl").read_text().splitlines()[0])
    assert first["prediction"] == pytest.approx(1000 + 50 * (x[0] @ np.arange(5)), abs=60)


def test_a_sweep_puts_its_jobs_in_folders_of_the_same_form(project: Path, tmp_path: Path) -> None:
    done = run_script("train.py", "-m", "seed=1,2", "trainer.max_epochs=1", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    sweep = only("outputs/*/sweep_*", tmp_path)
    for job in ("0", "1"):
        for name in ("config.yaml", "logs/training.log", "metrics.json", "checkpoints/best_model.ckpt"):
            assert (sweep / job / name).is_file()
    assert OmegaConf.load(sweep / "1/config.yaml").seed == 2


def test_one_failing_job_does_not_stop_a_sweep(tmp_path: Path) -> None:
    done = run_script("train.py", "-m", "model=cnn,linear", "trainer.max_epochs=1", cwd=tmp_path)
    assert done.returncode == 1
    assert "model: takes images" in done.stdout
    assert "1 of the sweep's 2 jobs failed" in done.stderr
    assert metrics(only("outputs/*/sweep_*/1", tmp_path))["status"] == "completed"


def test_runs_of_the_same_second_do_not_share_a_folder(tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    (tmp_path / "conf.txt").touch()
    arguments = ["trainer.max_epochs=1", "hydra.run.dir=outputs/same"]
    with ThreadPoolExecutor(3) as pool:
        done = list(pool.map(lambda _: run_script("train.py", *arguments, cwd=tmp_path), range(3)))
    assert sorted(result.returncode for result in done) == [0, 1, 1]
    assert all("never overwritten" in result.stderr for result in done if result.returncode)


def test_an_existing_run_is_never_overwritten(project: Path) -> None:
    before = (project / "outputs/run/.hydra/overrides.yaml").read_bytes()
    done = run_script("train.py", "seed=5", "hydra.run.dir=outputs/run", cwd=project)
    assert done.returncode == 1
    assert "outputs/run already holds a run" in done.stderr
    assert (project / "outputs/run/.hydra/overrides.yaml").read_bytes() == before


def test_eval_refuses_a_key_that_the_checkpoint_does_not_know(project: Path, tmp_path: Path) -> None:
    folder = f"hydra.run.dir={tmp_path}/e"
    done = run_script("eval.py", "ckpt_path=outputs/run", "data.batchsize=3", folder, cwd=project)
    assert done.returncode == 1
    assert "data.batchsize" in done.stderr
    assert "did you mean 'batch_size'?" in done.stderr


def test_inference_on_rows_of_another_width_says_both_widths(promoted: Path) -> None:
    np.save(promoted / "narrow.npy", np.zeros((3, 7), dtype=np.float32))
    done = run_script("infer.py", "input=narrow.npy", "output=p.csv", cwd=promoted)
    assert done.returncode == 1
    assert done.stderr == "error: input: rows of narrow.npy have shape (7,), the model takes (20,)\n"


def test_a_folder_in_which_no_run_began_can_be_named_again(tmp_path: Path) -> None:
    folder = "hydra.run.dir=outputs/mine"
    done = run_script("train.py", "data=npy", "data.features=nowhere.npy", folder, cwd=tmp_path)
    assert done.returncode == 1
    done = run_script("train.py", "trainer.max_epochs=1", folder, cwd=tmp_path)
    assert done.returncode == 0, done.stderr


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
    done = run_script("infer.py", "input=bare.csv", "output=p.csv", cwd=promoted)
    assert done.returncode == 1
    assert "has no header" in done.stderr


def test_flags_and_digits_as_text_are_predicted_as_they_were_evaluated(tmp_path: Path) -> None:
    random = np.random.RandomState(0)
    rows = [
        f"{random.choice(['True', 'False'])},{random.choice(['007', '012', 'A1'])},{random.randint(9)},{label}"
        for label in random.choice(["yes", "no"], 120)
    ]
    (tmp_path / "t.csv").write_text("\n".join(["flag,zip,size,label", *rows]))
    subset = [row for row in rows if "A1" not in row]  # here `zip` looks like a number
    (tmp_path / "u.csv").write_text("\n".join(["flag,zip,size,label", *subset]))
    options = ["data=csv", "data.file=t.csv", "data.target=label", "trainer.max_epochs=2", "hydra.run.dir=run"]
    assert run_script("train.py", *options, cwd=tmp_path).returncode == 0
    for name, split in (("t", ["split=all"]), ("u", ["data.file=u.csv"])):
        done = run_script("eval.py", "ckpt_path=run", *split, f"hydra.run.dir={name}", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        done = run_script("infer.py", "ckpt_path=run", f"input={name}.csv", "output=p.csv", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        expected = [line.split(",")[2:] for line in (tmp_path / name / "predictions.csv").read_text().splitlines()]
        assert [line.split(",") for line in (tmp_path / "p.csv").read_text().splitlines()] == expected


def test_a_reader_that_has_seen_enough_is_no_error(tmp_path: Path) -> None:
    """As in `python train.py --help | head`."""
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, str(ROOT / "train.py"), "--help"]
    done = subprocess.run(command, cwd=tmp_path, stdout=write, stderr=subprocess.PIPE, text=True, check=False)
    os.close(write)
    assert (done.returncode, done.stderr) == (1, "")
