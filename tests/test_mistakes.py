"""A mistake on the command line ends in one line that names the key or file, and the fix."""

from pathlib import Path

import pytest
from conftest import run_script

# Command, and what its one line must say.
MISTAKES = [
    ("train.py trainer.max_epoch=3", "did you mean 'trainer.max_epochs'?"),
    ("train.py sed=1", "did you mean 'seed'?"),
    ("train.py lr=0.1", "did you mean 'optimizer.lr'?"),
    ("train.py modle=cnn", "did you mean 'model'?"),
    ("train.py model=simplenet", "did you mean 'simple_net'?"),
    ("train.py +trainer.max_epcohs=3", "did you mean 'max_epochs'?"),
    ("train.py data.batch_size=0", "data.batch_size: expected a whole number from 1 up, got 0"),
    ("train.py model=cnn", "model: takes images"),
    ("train.py data=npy", "data.features: required"),
    ("train.py data=npy data.features=nowhere.npy", "nowhere.npy does not exist"),
    ("train.py monitor=val/los", "did you mean 'val/loss'?"),
    ("train.py data.split=[1,0,0]", "needs validation rows"),
    ("train.py trainer.precision=fp16x", "trainer.precision: expected one of"),
    ("train.py trainer.devices=0", "trainer: "),
    ("train.py name=a/b", "name: expected a folder name"),
    ("train.py model._target_=src.models.simple_net.SimpleNett", "did you mean 'SimpleNet'?"),
    ("train.py data=csv data.file=nowhere.csv data.target=y", "nowhere.csv does not exist"),
    ("train.py name=${nothing}", "nothing"),
    ("eval.py", "ckpt_path: required"),
    ("eval.py ckpt_path=nowhere", "ckpt_path: nowhere does not exist"),
    ("eval.py ckpt_path=https://example.com/a.ckpt", "is an address"),
    ("infer.py input=rows.npy output=p.csv", "checkpoints/final_model.ckpt does not exist"),
    ("infer.py output=p.csv", "input: required"),
    ("select_best_model.py runs=nowhere", "runs: nowhere is not a folder"),
]


@pytest.mark.parametrize(("command", "line"), MISTAKES, ids=[command for command, _ in MISTAKES])
def test_a_mistake_ends_in_one_line_that_names_the_fix(command: str, line: str, tmp_path: Path) -> None:
    script, *arguments = command.split()
    done = run_script(script, *arguments, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert line in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert "Traceback" not in done.stderr + done.stdout
