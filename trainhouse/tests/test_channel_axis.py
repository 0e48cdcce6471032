"""Which numbers of a row share a mean: those of a column, a feature or a channel, by the shape and not by the dtype."""

from pathlib import Path

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf

from src.data.preprocessing import Preprocessing
from trainhouse.arrays.npy import read_npy
from trainhouse.arrays.spec import AUTO, BY_DTYPE, DataSpec, channel_axis_of
from trainhouse.checkpoints.checkpoint import load_checkpoint
from trainhouse.configuration.errors import UserError
from trainhouse.tests.common import composed, run_script
from trainhouse.training.train import train

RANDOM = np.random.RandomState(3)
LAYOUTS = [
    ((12, 3), "float32", AUTO, (0, 1), 1),
    ((12, 3), "uint8", AUTO, (0, 1), 1),
    ((12, 3), "int64", AUTO, (0, 1), 1),
    ((3, 12), "float32", 0, (0, 2), 0),
    ((3, 12), "uint8", -2, (0, 2), 0),
    ((28, 28), "uint8", AUTO, (0, 1, 2), None),
    ((28, 28), "float32", "all", (0, 1, 2), None),
    ((1, 8, 8), "uint8", AUTO, (0, 2, 3), 0),
    ((8, 8, 3), "uint8", AUTO, (0, 1, 2), 2),
    ((8, 8, 6), "uint8", -1, (0, 1, 2), 2),
    ((5, 6, 6), "float32", AUTO, (0, 2, 3), 0),
    ((4,), "uint8", AUTO, (0,), 0),
    ((4,), "float32", "all", (0, 1), None),
]


@pytest.mark.parametrize(("shape", "dtype", "choice", "together", "axis"), LAYOUTS)
def test_each_column_feature_or_channel_has_a_mean_of_its_own(
    shape: tuple[int, ...], dtype: str, choice: int | str, together: tuple[int, ...], axis: int | None, tmp_path: Path
) -> None:
    scales = np.arange(1, np.prod(shape) + 1).reshape(shape) % 11 + 1
    x = (np.abs(RANDOM.standard_normal((90, *shape))) * scales * 3).astype(dtype)
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "y.npy", np.arange(90) % 2)
    dataset = read_npy(str(tmp_path / "x.npy"), str(tmp_path / "y.npy"), channel_axis=choice)
    assert dataset.spec.channel_axis == axis
    layer = Preprocessing(dataset.spec)
    layer.fit(dataset.rows, np.arange(60), "x.npy")
    found, train = layer(torch.from_numpy(x)), x[:60].astype(np.float64)
    mean, std = train.mean(axis=together, keepdims=True), train.std(axis=together, keepdims=True)
    expected = (x - mean) / std
    is_last = len(shape) == 3 and axis == 2
    np.testing.assert_allclose(found, np.moveaxis(expected, -1, 1) if is_last else expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("choice", [2, -3, "columns", True])
def test_an_axis_that_rows_do_not_have_is_refused(choice: int | str) -> None:
    with pytest.raises(
        UserError, match=r"^data\.channel_axis: expected auto, all, or an axis of rows of shape \(12, 3\)"
    ):
        channel_axis_of((12, 3), "float32", choice)


def test_what_rows_are_taken_for_is_said_where_their_shape_could_mean_something_else() -> None:
    def says(shape: tuple[int, ...], dtype: str, choice: int | str = AUTO) -> str:
        return Preprocessing(DataSpec("classification", shape, dtype, 2, channel_axis=choice)).how_it_reads

    each = "each with a mean and a deviation of its own"
    assert says((12, 3), "float32") == f"rows of shape (12, 3) are 12 steps of 3 features, {each}"
    assert says((3, 12), "uint8", 0) == f"rows of shape (3, 12) are 12 steps of 3 features, {each}"
    assert says((784,), "uint8") == f"rows of 784 bytes are 784 columns, {each}; images need a shape"
    assert says((28, 28), "uint8") == "rows of shape (28, 28) have one mean and one deviation for all their numbers"
    assert says((7, 8, 8), "float32") == f"rows of shape (7, 8, 8) have 7 channels, {each}"
    assert [says((4,), "float32"), says((1, 8, 8), "uint8"), says((8, 8, 3), "float32")] == ["", "", ""]


def test_what_older_versions_fitted_is_used_as_it_was() -> None:
    record = DataSpec("classification", (4,), "uint8", 2, classes=("0", "1")).to_dict()
    del record["channel_axis"]
    layer = Preprocessing(DataSpec.from_dict(record))
    layer.load_state_dict({"mean": torch.tensor([100.0]), "std": torch.tensor([50.0])})
    assert layer(torch.tensor([[0, 50, 100, 200]], dtype=torch.uint8)).tolist() == [[-2, -1, 0, 2]]
    assert channel_axis_of((12, 3), "float32", BY_DTYPE) is None
    assert channel_axis_of((4,), "float32", BY_DTYPE) == 0
    assert channel_axis_of((8, 8, 3), "uint8", BY_DTYPE) == 2


def test_a_run_of_an_older_version_is_resumed_and_evaluated_as_it_was_begun(tmp_path: Path) -> None:
    """Bytes in columns had one mean for all; its configuration and its checkpoints say nothing of an axis."""
    x = np.stack([np.arange(90), np.arange(90) % 2], axis=1).astype(np.uint8)
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "y.npy", np.arange(90) % 2)
    data = ["data=npy", f"data.features={tmp_path / 'x.npy'}", f"data.labels={tmp_path / 'y.npy'}"]
    words = ["model=linear", "trainer=cpu", "preflight=false", "callbacks.progress_bar=null"]
    run = tmp_path / "run"
    train(composed(*data, *words, "data.channel_axis=by_dtype", "trainer.max_epochs=1"), run)
    config = OmegaConf.load(run / "config.yaml")
    del config.data["channel_axis"]
    OmegaConf.save(config, run / "config.yaml")
    for path in (run / "checkpoints").glob("*.ckpt"):
        content = torch.load(path, weights_only=True)
        for part in (content["project"]["spec"], content["project"]["facts"], content["project"]["config"]["data"]):
            del part["channel_axis"]
        for name in ("mean", "std"):
            content["state_dict"][f"preprocessing.{name}"] = content["state_dict"][f"preprocessing.{name}"].float()
        torch.save(content, path)
    typed = [f"++{key}" for key in data[1:]]  # nobody has signed its paths
    for words in (["train.py", "resume=run", "trainer.max_epochs=2", *typed], ["eval.py", "ckpt_path=run", *data[1:]]):
        done = run_script(*words, cwd=tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr
    checkpoint = load_checkpoint(run / "checkpoints" / "last.ckpt")
    assert checkpoint.epoch == 2
    assert checkpoint.state_dict["preprocessing.mean"].shape == (1,)
