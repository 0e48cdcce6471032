"""A checkpoint's model is a plain network that is exported with its preprocessing, and then needs none of this."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.export import Dim, export, load, save

from src.models.cnn import CNN
from src.models.linear import Linear
from src.models.simple_net import SimpleNet
from trainhouse import load_predictor
from trainhouse.arrays.datamodule import DataModule
from trainhouse.arrays.spec import Dataset, DataSpec, Rows
from trainhouse.predicting.predictor import Predictor
from trainhouse.tests.tiny import CLASSES, TARGETS, tiny_data, tiny_module, tiny_run

IMAGES = DataSpec(task="classification", input_shape=(1, 8, 8), dtype="uint8", outputs=3, classes=("a", "b", "c"))
TABLE = DataSpec(
    task="classification",
    input_shape=(3,),
    dtype="float32",
    outputs=2,
    classes=("a", "b"),
    columns=("x", "kind", "y"),
    categories={"kind": ("u", "v")},
    missing="mean",
)


def served(spec: DataSpec) -> DataModule:
    if spec in (CLASSES, TARGETS):
        return tiny_data(spec)
    random = np.random.RandomState(0)
    x = random.randint(0, 2, (40, *spec.input_shape)).astype(spec.dtype)
    y = np.arange(40) % spec.outputs
    return DataModule(Dataset(spec, Rows(x, y), "tiny"), 5, 0, [0.6, 0.2, 0.2], split_seed=0, seed=0)


@pytest.mark.parametrize(
    ("spec", "network"),
    [
        (CLASSES, SimpleNet((4,), 3, hidden_sizes=(8,), dropout=0.5, batch_norm=True)),
        (TARGETS, Linear((4,), 2)),
        (IMAGES, CNN((1, 8, 8), 3, channels=(2, 3))),
        (TABLE, SimpleNet((4,), 2, hidden_sizes=(8,))),
    ],
)
def test_an_exported_model_predicts_the_same_for_any_number_of_rows(spec: DataSpec, network: nn.Module) -> None:
    data = served(spec)
    predictor = Predictor(tiny_module(data, network), data.spec).eval()
    exported = export(predictor, (predictor.example,), dynamic_shapes=({0: Dim("rows")},)).module()
    rows = torch.from_numpy(np.array(data.parts["train"][0].x))
    for count in (1, 2, 7, len(rows)):
        assert torch.equal(exported(rows[:count]), predictor(rows[:count]))


@pytest.mark.filterwarnings("ignore:The given buffer is not writable")  # torch 2.11, of what it reads
def test_the_three_lines_of_the_docs_do_it(
    made_once: Callable[[str, Callable[[Path], None]], Path], tmp_path: Path
) -> None:
    predictor = load_predictor(tiny_run(made_once))
    save(export(predictor, (predictor.example,), dynamic_shapes=({0: Dim("rows")},)), tmp_path / "model.pt2")
    rows = torch.randn(5, 4)
    said = load(tmp_path / "model.pt2").module()(rows)
    assert torch.equal(said, predictor(rows))
    assert torch.allclose(said.sum(dim=1), torch.ones(5))
