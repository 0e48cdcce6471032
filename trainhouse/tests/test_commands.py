"""Training and evaluation, run as a user runs them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from trainhouse.tests.common import ROOT, read_history, run_script


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
    assert len([*run.glob("events.out.tfevents.*")]) == 1
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
    assert "eval.py ckpt_path=outputs/run" in log


def test_config_yaml_is_resolved_and_gives_the_same_run_again(project: Path, tmp_path: Path) -> None:
    config = OmegaConf.load(project / "outputs/run/config.yaml")
    del config["hydra"]
    assert "${" not in OmegaConf.to_yaml(config)
    done = run_script("train.py", f"--config-path={project}/outputs/run", "--config-name=config", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    again = metrics(only("outputs/*/*", tmp_path))
    assert again["metrics"] == metrics(project / "outputs/run")["metrics"]


def test_eval_reports_the_test_numbers_of_training_to_the_last_digit(project: Path, tmp_path: Path) -> None:
    done = run_script("eval.py", "ckpt_path=outputs/run", f"hydra.run.dir={tmp_path}/eval", cwd=project)
    assert done.returncode == 0, done.stderr
    found = metrics(tmp_path / "eval")
    trained = metrics(project / "outputs/run")["metrics"]
    assert found["metrics"] == {name: value for name, value in trained.items() if name.startswith("test/")}
    assert found["split"] == "test"
    assert set(found["per_class"]["0"]) == {"precision", "recall", "f1", "rows"}
    assert (tmp_path / "eval/figures/confusion_matrix.png").stat().st_size > 0
    assert "precision" in done.stdout
    (events,) = (tmp_path / "eval/run").glob("events*")
    shown = EventAccumulator(str(events), size_guidance={"images": 0}).Reload()
    (point,) = shown.Scalars("test/acc")
    step = torch.load(project / "outputs/run/checkpoints/best_model.ckpt", weights_only=True)["global_step"]
    assert (point.step, point.value) == (step - 1, pytest.approx(found["metrics"]["test/acc"]))
    assert "confusion_matrix" in " ".join(shown.Tags()["images"])


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


def test_regression_from_arrays_of_ones_own(tmp_path: Path) -> None:
    random = np.random.RandomState(0)
    x = random.standard_normal((400, 5)).astype(np.float64)
    np.save(tmp_path / "X.npy", x)
    np.save(tmp_path / "y.npy", 1000 + 50 * (x @ np.arange(5)))
    files = ["data=npy", "data.features=X.npy", "data.labels=y.npy"]
    short = ["optimizer.lr=1e-2", "optimizer.weight_decay=0", "trainer.max_epochs=30"]  # there is no noise
    done = run_script("train.py", *files, *short, "hydra.run.dir=outputs/r", cwd=tmp_path)
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
    done = run_script("train.py", "-m", "seed=1,2", "trainer.max_epochs=1", "data.rows=200", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    sweep = only("outputs/*/sweep_*", tmp_path)
    for job in ("0", "1"):
        for name in ("config.yaml", "logs/training.log", "metrics.json", "checkpoints/best_model.ckpt"):
            assert (sweep / job / name).is_file()
    assert OmegaConf.load(sweep / "1/config.yaml").seed == 2


def test_one_failing_job_does_not_stop_a_sweep(tmp_path: Path) -> None:
    small = ["trainer.max_epochs=1", "data.rows=200", "logger=none"]
    done = run_script("train.py", "-m", "model=cnn,linear", *small, cwd=tmp_path)
    assert done.returncode == 1
    assert "model: takes images" in done.stdout
    assert "1 of the sweep's 2 trials failed" in done.stderr
    assert metrics(only("outputs/*/sweep_*/1", tmp_path))["status"] == "completed"


def test_runs_of_the_same_second_do_not_share_a_folder(tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    (tmp_path / "conf.txt").touch()
    arguments = ["trainer.max_epochs=1", "data.rows=200", "hydra.run.dir=outputs/same"]
    with ThreadPoolExecutor(3) as pool:
        done = list(pool.map(lambda _: run_script("train.py", *arguments, cwd=tmp_path), range(3)))
    assert sorted(result.returncode for result in done) == [0, 1, 1]
    assert all("never overwritten" in result.stderr for result in done if result.returncode)


def test_a_folder_in_which_no_run_began_can_be_named_again(tmp_path: Path) -> None:
    folder = "hydra.run.dir=outputs/mine"
    done = run_script("train.py", "data=npy", "data.features=nowhere.npy", folder, cwd=tmp_path)
    assert done.returncode == 1
    done = run_script("train.py", "trainer.max_epochs=1", "data.rows=200", folder, cwd=tmp_path)
    assert done.returncode == 0, done.stderr


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
        done = run_script("infer.py", "ckpt_path=run", f"input={name}.csv", f"output={name}_p.csv", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        expected = [line.split(",")[2:] for line in (tmp_path / name / "predictions.csv").read_text().splitlines()]
        assert [line.split(",")[1:] for line in (tmp_path / f"{name}_p.csv").read_text().splitlines()] == expected


def test_a_reader_that_has_seen_enough_is_no_error(tmp_path: Path) -> None:
    """As in `python train.py --help | head`."""
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, str(ROOT / "train.py"), "--help"]
    done = subprocess.run(command, cwd=tmp_path, stdout=write, stderr=subprocess.PIPE, text=True, check=False)
    os.close(write)
    assert (done.returncode, done.stderr) == (1, "")
