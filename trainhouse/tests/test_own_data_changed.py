"""A user's DataModule that cuts a file into splits by itself cuts one that has grown in other places: it is said."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from trainhouse.tests.common import run_script

LETTERS = "abcdefgh \n"
TRAINED = ["experiment=language_model", "trainer=cpu", "trainer.max_epochs=1", "logger=none", "preflight=false"]
SMALL = ["model.width=8", "model.layers=1", "data.context=8", "data.file=text.txt"]


def text(seed: int, length: int) -> str:
    return LETTERS + "".join(random.Random(seed).choices(LETTERS, k=length))


@pytest.fixture(scope="module")
def trained(made_once: Callable[[str, Callable[[Path], None]], Path]) -> Path:
    """A folder with a text file and a model of it."""

    def make(folder: Path) -> None:
        (folder / "text.txt").write_text(text(0, 3000))
        done = run_script("train.py", *TRAINED, *SMALL, "hydra.run.dir=run", cwd=folder)
        assert done.returncode == 0, done.stderr

    return made_once("model_of_a_text", make)


@pytest.mark.parametrize("has_grown", [False, True])
def test_data_that_was_another_in_training_is_named(has_grown: bool, trained: Path, tmp_path: Path) -> None:
    before = (trained / "text.txt").read_text()
    (tmp_path / "text.txt").write_text(before + text(1, 2000) if has_grown else before)
    done = run_script("eval.py", f"ckpt_path={trained / 'run'}", "hydra.run.dir=eval", "trainer=cpu", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    said = (
        "Text serves other data than" in done.stdout
        and "its test split may be ones that were trained on" in done.stdout
    )
    assert said == has_grown
