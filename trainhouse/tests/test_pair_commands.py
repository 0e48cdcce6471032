"""A user's own classes by the commands of the project: in a folder of their own, each command a process of its own."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trainhouse.tests.pair_house import clone, outcome, read_checkpoint
from trainhouse.tests.test_exact_resume import differing

pytestmark = pytest.mark.slow  # a dozen processes that import torch

SHORT = ["trainer=cpu", "trainer.max_epochs=3", "logger=none", "threads=1"]


@pytest.fixture(scope="session")
def house(made_once: Callable[[str, Callable[[Path], None]], Path]) -> Path:
    """The project with the pairs in its `src` and `conf`; runs go to folders of their own."""
    return made_once("pair_house", clone)


def command(house: Path, script: str, *arguments: str) -> list[str]:
    return [sys.executable, str(house / script), *arguments]


def done(house: Path, script: str, *arguments: str) -> str:
    ended = subprocess.run(
        command(house, script, *arguments), cwd=house, capture_output=True, text=True, timeout=120, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout + ended.stderr


def trained(house: Path, name: str, folder: Path, *overrides: str) -> Path:
    done(house, "train.py", f"experiment={name}", *SHORT, f"hydra.run.dir={folder}", *overrides)
    return folder


def metrics_of(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "metrics.json").read_text())


@pytest.fixture(scope="session", params=["mnist_template", "weighted"])
def run(request: pytest.FixtureRequest, house: Path, made_once: Callable[..., Path]) -> tuple[str, Path]:
    name: str = request.param
    made = made_once(f"command_{name}", lambda folder: trained(house, name, folder / "run") and None)
    return name, made / "run"


def test_a_run_that_was_killed_is_resumed_bit_for_bit(house: Path, run: tuple[str, Path], tmp_path: Path) -> None:
    name, whole = run
    folder = tmp_path / "killed"
    often = "callbacks.last_checkpoint.every_n_train_steps=1"
    arguments = [f"experiment={name}", *SHORT, f"hydra.run.dir={folder}", often]
    with open(tmp_path / "out", "w") as out:
        process = subprocess.Popen(
            command(house, "train.py", *arguments), cwd=house, stdout=out, stderr=out, start_new_session=True
        )
    last, deadline = folder / "checkpoints" / "last.ckpt", time.monotonic() + 60
    while not last.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.002)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert last.exists(), (tmp_path / "out").read_text()
    assert metrics_of(folder)["status"] == "running"
    position = read_checkpoint(last)["callbacks"]["ExactResume"]
    assert (position["epoch"], position["batch"]) < (3, 0)
    said = done(house, "train.py", f"resume={folder}")
    assert "resume  from" in said
    assert differing(outcome(whole), outcome(folder)) == []
    assert metrics_of(folder)["exact"] is True


def test_the_file_alone_gives_the_same_test_numbers(house: Path, run: tuple[str, Path], tmp_path: Path) -> None:
    _, folder = run
    checkpoint = tmp_path / "model.ckpt"
    checkpoint.write_bytes((folder / "checkpoints" / "best_model.ckpt").read_bytes())
    done(house, "eval.py", f"ckpt_path={checkpoint}", f"hydra.run.dir={tmp_path / 'eval'}", "trainer=cpu")
    expected = {name: value for name, value in metrics_of(folder)["metrics"].items() if name.startswith("test/")}
    assert expected
    assert metrics_of(tmp_path / "eval")["metrics"] == expected


def test_rows_of_another_folder_are_predicted(house: Path, made_once: Callable[..., Path], tmp_path: Path) -> None:
    made = made_once("command_weighted", lambda folder: trained(house, "weighted", folder / "run") and None)
    (tmp_path / "rows").mkdir()
    for number in range(11):
        np.save(tmp_path / "rows" / f"row_{number:02d}.npy", np.random.default_rng(number).normal(size=6))
    output = tmp_path / "p.csv"
    arguments = [f"ckpt_path={made / 'run'}", f"data.predict_dir={tmp_path / 'rows'}", f"output={output}"]
    done(house, "infer.py", *arguments, "accelerator=cpu")
    with open(output, newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["file"] for row in rows] == [f"row_{number:02d}.npy" for number in range(11)]
    for row in rows:
        probabilities = [float(row[f"p_{index}"]) for index in range(3)]
        assert sum(probabilities) == pytest.approx(1, abs=1e-5)
        assert int(row["class"]) == int(np.argmax(probabilities))


def test_a_sweep_is_run_and_its_best_is_selected(house: Path, tmp_path: Path) -> None:
    folder = tmp_path / "sweep"
    swept = done(
        house, "train.py", "-m", "experiment=weighted", *SHORT, "model.lr=1e-4,3e-2", f"hydra.sweep.dir={folder}"
    )
    assert "2 trials: 2 complete" in swept
    with open(folder / "results.csv", newline="") as file:
        assert [row["state"] for row in csv.DictReader(file)] == ["COMPLETE", "COMPLETE"]
    final = tmp_path / "final.ckpt"
    done(house, "select_best_model.py", f"runs={folder}", f"final_model={final}", "metric=val/f1", "mode=max")
    values = [metrics_of(folder / job)["metrics"]["val/f1"] for job in ("0", "1")]
    best = folder / str(int(values[1] > values[0])) / "checkpoints" / "best_model.ckpt"
    assert final.read_bytes() == best.read_bytes()


SPY = """
import json
from pathlib import Path

from src.data.weighted import RareDataModule


class SpiedDataModule(RareDataModule):
    def __init__(self, log: str, **arguments):
        super().__init__(**arguments)
        self.log = Path(log)

    def setup(self, stage: str) -> None:
        super().setup(stage)
        parts = {name: list(getattr(self, name).indices) for name in ("train", "val", "test")}
        with open(self.log / f"{'fit' if stage == 'fit' else 'test'}_{self.trainer.global_rank}", "a") as file:
            file.write(json.dumps(parts) + "\\n")
"""


def test_a_split_without_a_generator_is_the_same_on_every_rank_and_in_every_act(house: Path, tmp_path: Path) -> None:
    (house / "src" / "data" / "spied.py").write_text(SPY)
    spied = "data._target_=src.data.spied.SpiedDataModule"
    splits: dict[str, set[str]] = {}
    for name, overrides in {
        "one": [],
        "two": ["trainer.devices=2", "trainer.strategy=ddp"],
        "other": ["model.lr=0.1", "trainer.max_epochs=1"],
        "seed": ["seed=1", "trainer.max_epochs=1"],
    }.items():
        log = tmp_path / f"log_{name}"
        log.mkdir()
        run = trained(house, "weighted", tmp_path / name, spied, f"+data.log={log}", *overrides)
        if name == "two":
            done(house, "eval.py", f"ckpt_path={run}", f"hydra.run.dir={tmp_path / 'eval'}", "trainer=cpu")
            assert metrics_of(run)["exact"] is True
            assert {path.name for path in log.iterdir()} == {"fit_0", "fit_1", "test_0", "test_1"}
        splits[name] = {line for path in log.iterdir() for line in path.read_text().splitlines()}
    assert len(splits["one"]) == 1
    assert splits["one"] == splits["two"] == splits["other"]
    assert splits["seed"] != splits["one"]
