"""What must go well: the row is here because it once did not, or looks like one that must not."""

import shlex
from pathlib import Path

import pytest

from trainhouse.tests.common import run_script

FINE = [
    "train.py data=npy \"data.features='ünï cödé/X 1.npy'\" \"data.labels='ünï cödé/y 1.npy'\" logger=none",
    "train.py data=csv \"data.file='ünï cödé/t 1.csv'\" data.target=t \"hydra.run.dir='out/ünï cödé'\"",
    "train.py data=csv data.file=bom.csv data.target=t logger=none",
    "train.py data=csv data.file=crlf.csv data.target=t logger=none",
    "infer.py ckpt_path=run input=fx.npy \"output='ünï cödé out/p 1.csv'\"",
    "eval.py ckpt_path=run data.features=fx.npy data.labels=fy.npy",
    "train.py monitor=null",
    "select_best_model.py runs=runs/null_split",
    "select_best_model.py runs=runs/good metric=val/acc",
]


@pytest.mark.parametrize("command", FINE)
def test_what_looks_unusual_works(command: str, folder: Path) -> None:
    script, *arguments = shlex.split(command)
    epochs = ["trainer.max_epochs=1"] if script == "train.py" else []
    done = run_script(script, *arguments, *epochs, cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
