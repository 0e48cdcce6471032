"""Predictions of one's own pair: rows of several loaders can be kept apart, and what can't predict is named."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from pyarrow import Table, csv, parquet
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

from trainhouse.checkpoints.checkpoint import load_checkpoint
from trainhouse.configuration import targets
from trainhouse.configuration.errors import UserError
from trainhouse.predicting.own_prediction import predict_own
from trainhouse.tests.own import OwnData, OwnModule, own_config
from trainhouse.training.train import train


def table(path: Path) -> dict[str, list[Any]]:
    read: Table = csv.read_csv(path) if path.suffix == ".csv" else parquet.read_table(path)
    return read.to_pydict()


CPU = torch.device("cpu")


class TwoLoaders(OwnData):
    """Serves to predict 3 rows of twos in two batches, and 4 rows of fives in two batches."""

    def predict_dataloader(self) -> Any:
        return [DataLoader(TensorDataset(torch.full((rows, 2), value)), 2) for rows, value in ((3, 2.0), (4, 5.0))]


class OneLoader(TwoLoaders):
    def predict_dataloader(self) -> Any:
        return super().predict_dataloader()[0]


class Predicts(OwnModule):
    def predict_step(self, batch: list[Tensor], batch_idx: int, dataloader_idx: int = 0) -> Tensor:
        return batch[0].sum(dim=1)


class NamesItsLoader(Predicts):
    def prediction_columns(self, output: Tensor) -> dict[str, Any]:
        return {"loader": ["mine"] * len(output), "x": output}


@pytest.fixture(scope="module")
def trained(made_once: Callable[[str, Callable[[Path], None]], Path]) -> Callable[[type, type], Path]:
    def get(module: type, data: type) -> Path:
        def make(folder: Path) -> None:
            train(own_config(module, data, "preflight=false", "trainer.max_epochs=1"), folder)

        name = f"{module.__name__}-{data.__name__}"
        return made_once(f"prediction-{name}", make) / "checkpoints" / "last.ckpt"

    return get


@pytest.fixture(autouse=True)
def may_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a file name the classes above."""
    monkeypatch.setattr(targets, "_NO_PART_OF_THE_LIBRARY", ())


Trained = Callable[[type, type], Path]


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_column_says_which_of_several_loaders(ending: str, trained: Trained, tmp_path: Path) -> None:
    output = tmp_path / f"p.{ending}"
    assert predict_own(load_checkpoint(trained(Predicts, TwoLoaders)), {}, output, CPU) == 7
    assert table(output) == {"loader": [0] * 3 + [1] * 4, "prediction": [4.0] * 3 + [10.0] * 4}


def test_a_list_of_anything_has_one_for_each_of_several_loaders(trained: Trained, tmp_path: Path) -> None:
    output = tmp_path / "p.pt"
    assert predict_own(load_checkpoint(trained(Predicts, TwoLoaders)), {}, output, CPU) == 4
    assert [[batch.tolist() for batch in loader] for loader in torch.load(output)] == [
        [[4.0, 4.0], [4.0]],
        [[10.0, 10.0], [10.0, 10.0]],
    ]


def test_one_loader_is_as_ever(trained: Trained, tmp_path: Path) -> None:
    checkpoint = load_checkpoint(trained(Predicts, OneLoader))
    assert predict_own(checkpoint, {}, tmp_path / "p.csv", CPU) == 3
    assert table(tmp_path / "p.csv") == {"prediction": [4.0] * 3}
    assert predict_own(checkpoint, {}, tmp_path / "p.pt", CPU) == 2
    assert [batch.tolist() for batch in torch.load(tmp_path / "p.pt")] == [[4.0, 4.0], [4.0]]


def test_a_modules_own_column_of_that_name_stays(trained: Trained, tmp_path: Path) -> None:
    predict_own(load_checkpoint(trained(NamesItsLoader, TwoLoaders)), {}, tmp_path / "p.csv", CPU)
    assert table(tmp_path / "p.csv")["loader"] == ["mine"] * 7


def test_a_module_that_can_not_predict_says_so(trained: Trained, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^model: OwnModule has neither predict_step nor forward, so it can't predict"):
        predict_own(load_checkpoint(trained(OwnModule, OneLoader)), {}, tmp_path / "p.csv", CPU)
    assert not (tmp_path / "p.csv").exists()
