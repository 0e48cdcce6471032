"""A run that is resumed keeps the task, columns and categories that it began with, whatever would be decided today."""

from dataclasses import replace

import numpy as np
import pytest

from trainhouse.checkpoints.checkpoint import load_checkpoint
from trainhouse.configuration.errors import UserError
from trainhouse.tests.common import composed, run_script
from trainhouse.training.build_data import build_data

N = 60


@pytest.fixture
def data(tmp_path):
    """The `data` group of a table with row numbers, a category in a single row, and labels 0.0 and 1.0."""
    random = np.random.RandomState(0)
    texts = np.where(random.rand(N) < 0.5, "red", "blue").astype("U5")
    texts[0] = "green"
    lines = "".join(f"{row},{text},{row % 2}.0\n" for row, text in enumerate(texts))
    (tmp_path / "t.csv").write_text(",colour,y\n" + lines)
    options = [f"data.file={tmp_path}/t.csv", "data.target=y", f"data.processed={tmp_path}/processed"]
    return composed("data=csv", *options, "data.split=[0.5,0.25,0.25]").data


def test_what_an_older_version_decided_is_kept(data):
    new = build_data(data, 0).spec
    assert (new.task, new.columns) == ("classification", ("colour",))
    old = replace(
        build_data(data.with_values({"keep_index": True, "task": "regression"}), 0).spec,
        categories={"colour": ("blue", "green", "red")},
        unlearned=None,
        ranges=(),
    )
    for split_seed in range(4):
        resumed = build_data(data.with_values({"split_seed": split_seed}), 0, like=old)
        assert resumed.spec == old
        x, y = resumed.parts["all"][0]
        np.testing.assert_array_equal(x[:, 0], np.arange(N))
        assert x[0, 1] == 1
        np.testing.assert_array_equal(y[:, 0], np.arange(N) % 2)


def test_a_run_is_resumed_with_its_own_categories(tmp_path):
    rows = "".join(f"{'violet' if i == 3 else ['red', 'blue'][i % 2]},{i % 7}.5,{'ab'[i % 2]}\n" for i in range(80))
    (tmp_path / "t.csv").write_text("colour,a,y\n" + rows)
    options = ["data=csv", "data.file=t.csv", "data.target=y", "logger=none", "trainer=cpu"]
    for seed in range(9):
        spec = build_data(
            composed(
                *options, f"data.file={tmp_path}/t.csv", f"data.processed={tmp_path}/p", f"data.split_seed={seed}"
            ).data,
            0,
        ).spec
        if spec.unlearned:
            break
    begin = [*options, f"data.split_seed={seed}", "trainer.max_epochs=1", "hydra.run.dir=run"]
    assert run_script("train.py", *begin, cwd=tmp_path).returncode == 0
    done = run_script("train.py", "resume=run", "trainer.max_epochs=2", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "task    classification: as in training" in done.stdout
    resumed = load_checkpoint(tmp_path / "run/checkpoints/last.ckpt")
    assert resumed.epoch == 2
    assert (resumed.data_spec, resumed.data_spec.unlearned) == (spec, {"colour": ("violet",)})
    assert resumed.data_spec.ranges == spec.ranges


def test_a_run_whose_table_lost_a_column_is_refused_with_its_name(data):
    spec = build_data(data, 0).spec
    file = data.get("file")
    with open(file) as text:
        content = text.read().replace(",colour,", ",color,")
    with open(file, "w") as text:
        text.write(content)
    with pytest.raises(UserError, match=r"t\.csv has no column 'colour', .* did you mean 'color'"):
        build_data(data, 0, like=spec)
