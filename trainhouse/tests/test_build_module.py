"""Whatever class the configuration names decides: all four pairs of plain and Lightning are built, sizes from facts."""

import logging
from pathlib import Path
from typing import Any

import lightning as L
import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from src.training.module import Module
from trainhouse.checkpoints.checkpoint import load_checkpoint
from trainhouse.configuration.config import OPEN
from trainhouse.configuration.errors import UserError
from trainhouse.configuration.settings import Train
from trainhouse.configuration.views import Part
from trainhouse.tests.tiny import tiny_config
from trainhouse.training.build_data import build_data, is_datamodule
from trainhouse.training.build_module import build_module, is_lightning_module
from trainhouse.training.data_card import card_of
from trainhouse.training.rebuild_module import rebuild_module
from trainhouse.training.train import train


class Net(nn.Module):
    """A plain network that asks for what the data knows."""

    def __init__(self, input_shape: tuple[int, ...], outputs: int, width: int = 3) -> None:
        super().__init__()
        self.width = width
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(input_shape[0], outputs))

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


class Own(L.LightningModule):
    """A module that brings all of its own, and keeps the batches that it has seen."""

    monitor = "val/loss"

    def __init__(self, columns: int, labels: list[str] | None = None, part: dict[str, int] | None = None) -> None:
        super().__init__()
        self.columns, self.labels, self.part = columns, labels, part
        self.layer = nn.Linear(columns, 1)
        self.seen: list[Tensor] = []

    def _loss(self, batch: Any) -> Tensor:
        return self.layer(batch[0]).square().mean()

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        self.seen.append(batch[0])
        return self._loss(batch)

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self.log("val/loss", self._loss(batch))

    def configure_optimizers(self) -> Any:
        return torch.optim.SGD(self.parameters(), lr=0.01)


class Reads(Own):
    """Needs a file beside its checkpoint."""

    def __init__(self, columns: int, path: str) -> None:
        super().__init__(columns, Path(path).read_text().split())


class Rows(L.LightningDataModule):
    """Classes of rows of four numbers; says so."""

    def facts(self) -> dict[str, Any]:
        return {"task": "classification", "input_shape": (4,), "outputs": 3, "width": 7}

    def train_dataloader(self) -> Any:
        torch.manual_seed(0)
        return DataLoader(TensorDataset(torch.randn(12, 4), torch.arange(12) % 3), batch_size=6)

    val_dataloader = train_dataloader


class Silent(L.LightningDataModule):
    def train_dataloader(self) -> Any:
        return Rows().train_dataloader()


def named(kind: type, **arguments: Any) -> dict[str, Any]:
    return {"_target_": f"{__name__}.{kind.__name__}", **arguments}


@pytest.fixture
def config(tmp_path: Path) -> Train:
    return tiny_config(tmp_path / "rows.npy", "trainer.max_epochs=1")


def built(config: Train) -> L.LightningModule:
    data = build_data(config.data, config.seed, preprocessed=is_lightning_module(config.model))
    return build_module(config, data, card_of(data, 0))[0]


PAIRS = {
    "network on arrays": (named(Net), None),
    "network on a DataModule": (named(Net), named(Rows)),
    "module on arrays": (named(Own, columns=4), None),
    "module on a DataModule": (named(Own, columns=4), named(Rows)),
}


@pytest.mark.parametrize("pair", PAIRS)
def test_every_pair_trains(pair: str, config: Train, tmp_path: Path) -> None:
    model, data = PAIRS[pair]
    result = train(config.with_values({"model": model, "data": data or config.data.plain}), tmp_path / "run")
    assert (result.epochs, result.monitor) == (1, "val/loss")
    checkpoint = load_checkpoint(tmp_path / "run")
    if data is None or model["_target_"].endswith("Net"):
        assert checkpoint.data_spec.outputs == 3


def test_a_plain_network_gets_the_module_that_the_key_names(config: Train) -> None:
    assert type(built(config.with_values({"model": named(Net), "data": named(Rows)}))) is Module
    own = config.with_values({"model": named(Net), "module": named(Wrapper)})
    module = built(own)
    assert type(module) is Wrapper
    assert isinstance(module.network, Net)


class Wrapper(Module):
    """Another module around networks."""


def test_a_default_of_the_network_is_kept_though_the_data_has_a_fact_of_that_name(config: Train) -> None:
    assert built(config.with_values({"model": named(Net), "data": named(Rows)})).network.width == 3
    assert built(config.with_values({"model": named(Net, width=OPEN), "data": named(Rows)})).network.width == 7


def test_batches_of_arrays_come_standardised_to_a_module_of_ones_own(config: Train, tmp_path: Path) -> None:
    config = config.with_values({"model": named(Own, columns=4), "preflight": False})
    data = build_data(config.data, 0, preprocessed=True)
    module, _ = build_module(config, data, card_of(data, 0))
    L.Trainer(
        max_epochs=1, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False, num_sanity_val_steps=0, log_every_n_steps=1, default_root_dir=str(tmp_path),
    ).fit(module, datamodule=data)  # fmt: skip
    seen = torch.cat(module.seen)
    torch.testing.assert_close(seen.mean(dim=0), torch.zeros(4), atol=1e-4, rtol=0)
    torch.testing.assert_close(seen.std(dim=0, correction=0), torch.ones(4), atol=1e-3, rtol=0)


def test_what_a_run_filled_in_is_in_its_checkpoint(config: Train, tmp_path: Path) -> None:
    model = named(Own, columns=OPEN, part={"outputs": OPEN})
    data = {**config.data.plain, "path": str(tmp_path / "rows.npy")}
    with pytest.raises(UserError, match=r"^model\.columns: .*; add model\.columns"):
        train(config.with_values({"model": model, "data": named(Rows)}), tmp_path / "none")
    model = named(Own, columns=4, part={"outputs": OPEN})
    train(config.with_values({"model": model, "data": data}), tmp_path / "run")
    saved = load_checkpoint(tmp_path / "run")
    assert saved.config.model.get("part") == {"outputs": 3}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"model": named(Net), "data": named(Silent)},
            r"^model: .*Net is a plain network, so Silent has to say what it",
        ),
        (
            {"model": named(Own, columns=4, columsn=3)},
            r"^model\.columsn: .*Own takes no such argument; did you mean 'co",
        ),
        ({"model": named(Own)}, r"^model\.columns: required by .*Own, but not set"),
        (
            {"model": {"_target_": "collections.OrderedDict"}},
            r"^model\._target_: .* is neither a LightningModule nor a",
        ),
        (
            {"data": {"_target_": "torch.nn.ReLU"}},
            r"^data\._target_: torch\.nn\.ReLU is neither a LightningDataModule n",
        ),
        ({"data": {"_target_": "src.data.fake.read_fake"}}, r"^data\.batch_size: is missing; .*array_defaults, _self_"),
    ],
)
def test_what_can_not_be_built_is_named(change: dict[str, Any], message: str, config: Train) -> None:
    with pytest.raises(UserError, match=message):
        built(config.with_values(change))


def test_a_function_that_returns_no_dataset_is_named(config: Train) -> None:
    wrong = config.data.with_values({"_target_": f"{__name__}.read_nothing"})
    with pytest.raises(
        UserError, match=r"^data\._target_: .*read_nothing returned a list, expected a Dataset; or name"
    ):
        build_data(wrong, 0)


def read_nothing(**arguments: Any) -> list[int]:
    return []


def test_kinds_of_classes_are_kept_apart() -> None:
    assert [is_lightning_module(Part(named(kind))) for kind in (Net, Own)] == [False, True]
    assert is_datamodule(Part(named(Rows)))
    assert not is_datamodule(Part({"_target_": f"{__name__}.read_nothing"}))


def test_embeddings_need_the_module_around_a_network(config: Train) -> None:
    own = config.with_values({"model": named(Own, columns=4), "data.embedding_dim": 2})
    with pytest.raises(UserError, match=r"^data\.embedding_dim: "):
        built(own)


def test_a_file_that_the_constructor_reads_is_named(
    config: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("words.txt").write_text("a b")
    caplog.set_level(logging.INFO)
    assert built(config.with_values({"model": named(Reads, columns=4, path="words.txt")})).labels == ["a", "b"]
    assert "note: the model's constructor reads words.txt; evaluation and inference will need it too" in caplog.text


class Pretrained(Net):
    """Would fetch weights."""

    fetched: int = 0

    def __init__(self, input_shape: tuple[int, ...], outputs: int, pretrained: bool = True) -> None:
        super().__init__(input_shape, outputs)
        Pretrained.fetched += pretrained


def test_what_is_restored_fetches_no_weights(config: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainhouse.training.rebuild_module.check_targets", lambda *_, **__: None)  # of a test's class
    train(config.with_values({"model": named(Pretrained)}), tmp_path / "run")
    before = Pretrained.fetched
    rebuild_module(load_checkpoint(tmp_path / "run"))
    assert before == 1
    assert Pretrained.fetched == before
