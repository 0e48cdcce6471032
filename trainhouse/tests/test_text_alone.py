"""A table whose columns are all text is trained on, resumed, evaluated and predicted for, as one with numbers is."""

import csv
import json

import numpy as np
import pytest

from trainhouse.tests.common import run_script

ROWS = 120


@pytest.mark.parametrize("embedding", [(), ("data.embedding_dim=4",)], ids=["one-hot", "embedded"])
def test_a_table_of_text_alone_is_trained_on_and_predicted_for(tmp_path, embedding):
    random = np.random.RandomState(0)
    colours, sizes = random.choice(["red", "green", "blue"], ROWS), random.choice(["S", "M", ""], ROWS)
    labels = np.where(colours == "red", "yes", "no")
    lines = [f"{one},{other},{label}" for one, other, label in zip(colours, sizes, labels, strict=True)]
    (tmp_path / "t.csv").write_text("\n".join(["colour,size,y", *lines]) + "\n")
    options = ["data=csv", "data.file=t.csv", "data.target=y", *embedding, "trainer=cpu", "optimizer.lr=0.03"]
    train = run_script("train.py", *options, "trainer.max_epochs=20", "hydra.run.dir=outputs/run", cwd=tmp_path)
    assert train.returncode == 0, train.stderr
    assert "Warning" not in train.stderr
    done = run_script("train.py", "resume=last", "trainer.max_epochs=22", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    metrics = json.loads((tmp_path / "outputs/run/metrics.json").read_text())
    assert metrics["metrics"]["test/acc"] > 0.9
    done = run_script("eval.py", "ckpt_path=outputs/run", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    done = run_script("infer.py", "ckpt_path=outputs/run", "input=t.csv", "output=p.csv", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    with open(tmp_path / "p.csv") as file:
        predicted = [row["prediction"] for row in csv.DictReader(file)]
    assert np.mean(np.array(predicted) == labels) > 0.9
