"""Models of several folds don't know the same texts: together each predicts a row as it does alone."""

import csv
from pathlib import Path

import numpy as np
import pytest

from trainhouse.checkpoints.checkpoint import load_checkpoint
from trainhouse.predicting.ensemble import load_members, spec_of_rows
from trainhouse.tests.common import composed, run_script
from trainhouse.tests.test_ensemble import BEST
from trainhouse.training.train import train

N = 60


@pytest.fixture(scope="module")
def sweep(tmp_path_factory) -> Path:
    """Two folds of a table in which a category is in a single row, so that one fold has not learned it."""
    folder = tmp_path_factory.mktemp("folds")
    random = np.random.RandomState(0)
    colours = random.choice(["red", "blue"], N).tolist()
    sizes = random.standard_normal(N)
    labels = ["yes" if (colour == "red") == (size > 0) else "no" for colour, size in zip(colours, sizes, strict=True)]
    for row in range(N):
        rare = [*colours]
        rare[row] = "green"
        lines = [",".join(map(str, one)) for one in zip(rare, sizes, labels, strict=True)]
        (folder / "t.csv").write_text("\n".join(["colour,size,y", *lines]) + "\n")
        options = ["data=csv", f"data.file={folder}/t.csv", "data.target=y", f"data.processed={folder}/processed"]
        if row == 0:
            validated = _first_fold(options)
        if row in validated:
            break
    fast = [*options, "data.folds=2", "trainer.max_epochs=1", "trainer=cpu", "preflight=false"]
    for fold in (0, 1):
        train(composed(*fast, f"data.fold={fold}", "optimizer.lr=0.05"), folder / "sweep" / str(fold))
    (folder / "sweep" / "best.yaml").write_text(BEST)
    return folder


def _first_fold(options) -> set[int]:
    """The rows that validate in fold 0; they depend on the labels alone."""
    from trainhouse.training.build_data import build_data

    data = build_data(composed(*options, "data.folds=2", "data.fold=0").data, 0)
    return set(data.parts["val"][1].tolist())


def probabilities(path: Path) -> np.ndarray:
    with open(path, newline="") as file:
        return np.array([float(row["probability_yes"]) for row in csv.DictReader(file)])


def test_each_member_predicts_as_it_does_alone(sweep):
    known = [load_checkpoint(sweep / "sweep" / name).data_spec.categories["colour"] for name in "01"]
    assert known == [("blue", "red"), ("blue", "green", "red")]
    assert spec_of_rows(load_members(sweep / "sweep")).categories == {"colour": ("blue", "green", "red")}
    (sweep / "new.csv").write_text(
        "colour,size\n" + "".join(f"{c},0.5\n" for c in ("green", "red", "blue", "", "pink"))
    )
    for name in ("sweep", "sweep/0", "sweep/1"):
        output = f"{name.replace('/', '_')}.csv"
        done = run_script("infer.py", f"ckpt_path={name}", "input=new.csv", f"output={output}", cwd=sweep)
        assert done.returncode == 0, done.stderr
        unknown = "2 of 4 texts are unknown" if name == "sweep/0" else "1 of 4 texts are unknown"
        assert f"warning: new.csv: column colour: {unknown} to the model" in done.stdout
    alone = [probabilities(sweep / f"sweep_{name}.csv") for name in "01"]
    assert abs(alone[1][0] - alone[1][4]) > 1e-4  # it has learned green
    np.testing.assert_allclose(probabilities(sweep / "sweep.csv"), np.mean(alone, axis=0), atol=1e-6)


def test_they_are_evaluated_together(sweep):
    done = run_script("eval.py", "ckpt_path=sweep", "hydra.run.dir=evaluated", cwd=sweep)
    assert done.returncode == 0, done.stderr
    with open(sweep / "evaluated/predictions.csv", newline="") as file:
        together = np.array([float(row["probability_yes"]) for row in csv.DictReader(file)])
    alone = []
    for name in "01":
        done = run_script("eval.py", f"ckpt_path=sweep/{name}", f"hydra.run.dir=e{name}", cwd=sweep)
        assert done.returncode == 0, done.stderr
        alone.append(probabilities(sweep / f"e{name}/predictions.csv"))
    np.testing.assert_allclose(together, np.mean(alone, axis=0), atol=1e-6)
