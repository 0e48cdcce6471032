"""A training takes the cores that are free; what it has taken is kept."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from omegaconf import OmegaConf
from torch import nn

from trainhouse.checkpoints.checkpoint import load_checkpoint
from trainhouse.configuration.bounded import read_json
from trainhouse.configuration.errors import UserError
from trainhouse.configuration.settings import Train
from trainhouse.fast import giving_way as way
from trainhouse.runs.layout import CONFIG, LAST_CHECKPOINT
from trainhouse.training import threads as chosen
from trainhouse.training.resume import resume
from trainhouse.training.threads import is_small_step, operations, set_threads
from trainhouse.training.train import train

SHORT = ["data.rows=200", "data.batch_size=128", "trainer.max_epochs=1", "trainer.accelerator=cpu", "logger=none"]


@pytest.fixture(autouse=True)
def as_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    before = torch.get_num_threads()
    monkeypatch.chdir(tmp_path)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("network", "shape", "count"),
    [
        (nn.Linear(20, 10), (1, 20), 2 * 20 * 10),
        (nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8)), (1, 3, 5, 5), 2 * 3 * 8 * 9 * 25),
        (nn.ConvTranspose2d(8, 3, 2, stride=2), (1, 8, 5, 5), 2 * 3 * 8 * 4 * 25),
        (nn.LSTM(4, 6, batch_first=True), (1, 7, 4), 2 * 7 * (24 * 4 + 24 * 6)),
        (nn.GRU(4, 6, batch_first=True), (1, 7, 4), 2 * 7 * (18 * 4 + 18 * 6)),
        # Four projections, two layers, and the products of queries, keys and values.
        (nn.TransformerEncoderLayer(4, 2, 8), (5, 1, 4), 2 * 5 * (4 * 16 + 2 * 32 + 2 * 5 * 4)),
        (nn.Flatten(), (1, 3), 0),
    ],
)
def test_a_multiplication_and_its_sum_are_two_operations(
    network: nn.Module, shape: tuple[int, ...], count: int
) -> None:
    assert operations(network, torch.zeros(shape)) == count


def test_counting_operations_leaves_no_trace() -> None:
    network = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4).eval(), nn.Dropout(0.5), nn.Linear(4, 2))
    generator, weights = torch.get_rng_state(), {name: part.clone() for name, part in network.state_dict().items()}
    operations(network, torch.ones(2, 3))
    assert [part.training for part in network] == [True, False, True, True], "what is frozen stays frozen"
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        operations(network, torch.ones(2, 5))
    assert network.training
    assert torch.equal(torch.get_rng_state(), generator)
    assert all(torch.equal(part, weights[name]) for name, part in network.state_dict().items())
    assert torch.backends.mha.get_fastpath_enabled()
    assert network(torch.ones(2, 3)).requires_grad


@pytest.mark.parametrize(("width", "is_small"), [(16, True), (8192, False)])
def test_a_step_is_small_by_its_operations(width: int, is_small: bool) -> None:
    class Batches:
        batch_size = 128

        def __getitem__(self, key: tuple[int, int]) -> tuple[torch.Tensor, None]:
            return torch.zeros(4, 32), None

    assert is_small_step(nn.Linear(32, width), Batches()) is is_small  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("machine", "beside", "width", "expected"),
    [(4, False, 512, 4), (4, True, 512, 2), (4, False, 2, 1)],
)
def test_a_run_keeps_the_threads_that_it_began_with(
    machine: int,
    beside: bool,
    width: int,
    expected: int,
    typed: Callable[..., Train],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.chdir(tmp_path)
    caplog.set_level("INFO")
    monkeypatch.setattr(chosen, "_OF_TORCH", 8)
    monkeypatch.setattr(chosen, "available_cores", lambda: machine)
    monkeypatch.setattr(chosen, "cores_to_use", lambda: machine // 2 if beside else machine)
    command = [*SHORT, f"model.hidden_sizes=[{width},{width}]"]
    config = typed(*command)
    train(config, tmp_path)
    assert config.threads is None, "the caller's"
    assert any("another training is at work here" in line for line in caplog.messages) is beside
    found = OmegaConf.load(tmp_path / CONFIG).threads, load_checkpoint(tmp_path / LAST_CHECKPOINT).config.threads
    assert (torch.get_num_threads(), *found) == (expected, expected, expected)

    set_threads(3)
    monkeypatch.setattr(chosen, "cores_to_use", lambda: machine + 2)
    longer = [*command, "trainer.max_epochs=2"]
    assert resume(tmp_path, typed(*longer), longer).epochs == 2
    assert torch.get_num_threads() == OmegaConf.load(tmp_path / CONFIG).threads == expected


def test_threads_that_somebody_has_set_are_left(
    typed: Callable[..., Train], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(chosen, "cores_to_use", lambda: 1)
    train(typed(*SHORT, "threads=2"), tmp_path)
    assert torch.get_num_threads() == OmegaConf.load(tmp_path / CONFIG).threads == 2


def test_threads_spin_less_while_another_training_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(way, "_SECONDS", 0.01)
    beside = threading.Event()

    def has_pool() -> bool:
        return any(thread.name == "cores-pool" for thread in threading.enumerate())

    def wait_for(expected: bool) -> None:
        until = time.monotonic() + 10
        while has_pool() is not expected:
            assert time.monotonic() < until
            time.sleep(0.01)

    with way.giving_way(beside.is_set):
        assert not has_pool()
        beside.set()
        wait_for(True)
        beside.clear()
        wait_for(False)
        beside.set()
        wait_for(True)
    wait_for(False)


def test_more_threads_than_cores_are_said(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(chosen, "available_cores", lambda: 2)
    set_threads(3)
    assert caplog.messages == ["warning: threads: 3 wait for one another on 2 cores"]


def test_more_threads_than_any_use_are_refused() -> None:
    with pytest.raises(UserError, match=r"^threads: 1000000 would keep each other from working on \d+ cores; give"):
        set_threads(1_000_000)


def test_a_run_of_an_older_version_says_that_its_threads_are_not_known(
    typed: Callable[..., Train], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("trainhouse.training.train.with_threads_kept", lambda built, trainer: built.settings)
    command = [*SHORT, "model.hidden_sizes=[512,512]"]
    train(typed(*command), tmp_path)
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(chosen, "_OF_TORCH", 2)
    monkeypatch.setattr(chosen, "cores_to_use", lambda: 2)
    longer = [*command, "trainer.max_epochs=2"]
    resume(tmp_path, typed(*longer), longer)
    assert any(line.endswith("how many threads it had before was not recorded") for line in caplog.messages)
    assert read_json(tmp_path / "metrics.json")["exact"] is False


def test_evaluation_and_inference_take_the_same_number_whoever_is_at_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chosen, "_OF_TORCH", 8)
    monkeypatch.setattr(chosen, "available_cores", lambda: 4)
    monkeypatch.setattr(chosen, "cores_to_use", lambda: 2)
    set_threads(None)
    assert torch.get_num_threads() == 4
    set_threads(None, shares=True)
    assert torch.get_num_threads() == 2
