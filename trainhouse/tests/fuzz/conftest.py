"""A run whose files are damaged."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from trainhouse.configuration.settings import Train
from trainhouse.tests.common import composed, run_script
from trainhouse.tests.fuzz.examples import OVERRIDES


@pytest.fixture(scope="session")
def searched(made_once: Callable[[str, Callable[[Path], None]], Path]) -> Path:
    """A working folder with a table and a search of two trials in it; only read it."""

    def make(folder: Path) -> None:
        random = np.random.default_rng(0)
        lines = ["width,height,color,kind"]
        for width, height, color in zip(
            *random.normal(size=(2, 120)), random.choice(["red", "green"], 120), strict=True
        ):
            lines.append(f"{width:.5f},{height:.5f},{color},{'yes' if width > 0.3 else 'no'}")
        (folder / "rows.csv").write_text("\n".join(lines) + "\n")
        search = ("-m", "sweep=optuna", "hydra.sweeper.n_trials=2", "hydra.sweep.dir=sweep", "trainer.max_epochs=2")
        done = run_script(
            "train.py", *search, *OVERRIDES, "logger=none", "optimizer.lr=interval(1e-3,1e-2)", cwd=folder
        )
        assert done.returncode == 0, done.stdout + done.stderr

    return made_once("fuzzed", make)


@pytest.fixture
def place(searched: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of that folder to damage, as the working folder."""
    copied = tmp_path / "here"
    shutil.copytree(searched, copied)
    monkeypatch.chdir(copied)
    return copied


@pytest.fixture(scope="session")
def config() -> Train:
    return composed(*OVERRIDES)
