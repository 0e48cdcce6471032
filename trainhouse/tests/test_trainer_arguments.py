"""Every argument of Lightning's Trainer is followed as it is recorded, or ends in one line that names its key."""

import inspect
import time
from collections.abc import Iterator
from functools import cache, wraps
from pathlib import Path
from typing import Any, ClassVar

import lightning as L
import pytest
import torch
from lightning.pytorch.plugins import AsyncCheckpointIO, TorchCheckpointIO

from trainhouse.checkpoints.writing import AtomicCheckpointIO
from trainhouse.configuration.errors import UserError
from trainhouse.configuration.settings import Trainer
from trainhouse.configuration.targets import check_part
from trainhouse.tests.common import composed
from trainhouse.training.build import build_trainer
from trainhouse.training.trainer_arguments import REFUSED, trial_arguments

PARAMETERS = set(inspect.signature(L.Trainer).parameters)
# What a run does about them is more than to pass them on.
DECIDED = {"enable_checkpointing", "enable_progress_bar", "enable_model_summary", "use_distributed_sampler", "plugins"}


class Recording(L.Trainer):
    """Keeps what it was given."""

    given: ClassVar[dict[str, Any]] = {}

    @wraps(L.Trainer.__init__)
    def __init__(self, **options: Any) -> None:
        type(self).given = options
        super().__init__(**options)


class Unsafe(TorchCheckpointIO):
    """Writes over what was there."""


def part(name: str, **arguments: Any) -> dict[str, Any]:
    return {"_target_": f"lightning.pytorch.{name}", **arguments}


def own(kind: type) -> dict[str, Any]:
    return {"_target_": f"{__name__}.{kind.__name__}"}


# Of each argument that is passed on a value other than its default.
OTHER: dict[str, Any] = {
    "accelerator": part("accelerators.CPUAccelerator"),
    "strategy": part("strategies.DDPStrategy"),
    "devices": 2,
    "num_nodes": 2,
    "precision": "bf16-mixed",
    "fast_dev_run": 3,
    "max_epochs": 7,
    "min_epochs": 2,
    "max_steps": 9,
    "min_steps": 3,
    "max_time": {"minutes": 1},
    "limit_train_batches": 3,
    "limit_val_batches": 0.5,
    "limit_test_batches": 4,
    "overfit_batches": 2,
    "val_check_interval": "00:00:00:05",
    "check_val_every_n_epoch": 3,
    "num_sanity_val_steps": 1,
    "log_every_n_steps": 7,
    "accumulate_grad_batches": 2,
    "gradient_clip_val": 0.5,
    "gradient_clip_algorithm": "value",
    "deterministic": "warn",
    "benchmark": True,
    "inference_mode": False,
    "profiler": part("profilers.SimpleProfiler", filename="where"),
    "detect_anomaly": True,
    "sync_batchnorm": True,
    "reload_dataloaders_every_n_epochs": 2,
    "barebones": True,
}


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    yield
    torch.use_deterministic_algorithms(False)
    torch.backends.cudnn.benchmark = False


@cache
def on_cpu() -> Trainer:
    return composed("trainer=cpu").trainer


def settings(**options: Any) -> Trainer:
    return on_cpu().with_values({"_target_": f"{Recording.__module__}.{Recording.__qualname__}", **options})


def given(folder: Path, **options: Any) -> dict[str, Any]:
    build_trainer(settings(**options), folder, [], [])
    return Recording.given


def test_whatever_lightning_takes_is_passed_on_decided_or_refused() -> None:
    assert OTHER.keys() | DECIDED | REFUSED.keys() == PARAMETERS
    assert sum(map(len, (OTHER, DECIDED, REFUSED))) == len(PARAMETERS)


@pytest.mark.parametrize("name", sorted(OTHER))
def test_what_is_passed_on_is_what_was_set(name: str, tmp_path: Path) -> None:
    value = OTHER[name]
    got = given(tmp_path, **{name: value})[name]
    if isinstance(value, dict) and "_target_" in value:
        assert f"{type(got).__module__}.{type(got).__name__}".startswith("lightning.pytorch.")
        assert type(got).__name__ == value["_target_"].rpartition(".")[2]
    else:
        assert got == value
    check_part("trainer", {**on_cpu().plain, name: value}, "config.yaml")  # on a resume


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_what_others_decide_is_refused_by_name(name: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=rf"^trainer\.{name}: .*; leave it out$"):
        given(tmp_path, **{name: False})
    given(tmp_path, **{name: None})  # sets nothing


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"use_distributed_sampler": False}, "trainer.use_distributed_sampler: data of arrays gives each device"),
        ({"plugins": ["x"]}, "trainer.plugins[0]: expected a mapping with _target_, got 'x'"),
        ({"plugins": [part("profilers.SimpleProfiler")]}, "trainer.plugins[0]._target_: expected a Precision, Cluster"),
        ({"plugins": [own(Unsafe)]}, "trainer.plugins: a run that is killed while Unsafe writes may lose"),
        ({"plugins": [part("plugins.Precision")]}, "trainer.plugins: Precision is a precision of its own; set trainer"),
        ({"strategy": part("profilers.SimpleProfiler")}, "trainer.strategy._target_: expected a Strategy of Lightn"),
        ({"strategy": part("strategies.NoSuch")}, "trainer.strategy._target_: cannot load "),
        ({"strategy": part("strategies.SingleDeviceStrategy", x=1)}, "trainer.strategy.x: "),
        (
            {"strategy": part("strategies.DDPStrategy", find_unused=True)},
            "trainer.strategy.find_unused: lightning.pytorch.strategies.DDPStrategy takes no such argument; did you "
            "mean 'find_unused_parameters'?",
        ),
        (
            {"profiler": part("profilers.PyTorchProfiler", record_shapez=True)},
            "trainer.profiler.record_shapez: lightning.pytorch.profilers.PyTorchProfiler takes no such argument; did",
        ),
        ({"strategy": "no_such"}, "trainer.strategy: You selected an invalid strategy name"),
        ({"profiler": part("profilers.SimpleProfiler", dirpath="x")}, "trainer.profiler.dirpath: a run writes into"),
        (
            {"profiler": part("profilers.SimpleProfiler", filename="../x")},
            "trainer.profiler.filename: '../x' leads out",
        ),
        (
            {"check_val_every_n_epoch": None},
            "trainer.val_check_interval: expected a whole number of batches, or a time",
        ),
        ({"precision": "16-mixed"}, "trainer.precision: 16-mixed needs a GPU; on the CPU use bf16-mixed"),
        ({"fast_dev_run": -1}, "trainer.fast_dev_run: fast_dev_run=-1 is not"),
        ({"devices": [0]}, "trainer.devices: `devices` selected with"),
        ({"gradient_clip_algorithm": "x"}, "trainer.gradient_clip_algorithm: `gradient_clip_algorithm` x is invalid"),
        ({"barebones": True, "profiler": "simple"}, "trainer.barebones: `Trainer(barebones=True, profiler="),
    ],
)
def test_what_cannot_be_followed_names_its_key(options: dict[str, Any], line: str, tmp_path: Path) -> None:
    with pytest.raises(UserError) as refused:
        given(tmp_path, **options)
    assert str(refused.value).startswith(line)


def test_what_a_class_hands_on_to_pytorch_is_passed_on(tmp_path: Path) -> None:
    strategy = part("strategies.DDPStrategy", find_unused_parameters=True)
    profiler = part("profilers.PyTorchProfiler", record_shapes=True)
    given(tmp_path, strategy=strategy, profiler=profiler)


def test_checkpoints_are_written_safely_whoever_hands_them_on(tmp_path: Path) -> None:
    def plugins(*nodes: dict[str, Any]) -> list[Any]:
        return list(given(tmp_path, plugins=[*nodes])["plugins"])

    assert [type(one) for one in plugins()] == [AtomicCheckpointIO]
    (handing_on,) = plugins(part("plugins.AsyncCheckpointIO"))
    assert isinstance(handing_on, AsyncCheckpointIO)
    assert isinstance(handing_on.checkpoint_io, AtomicCheckpointIO)
    assert len(plugins(part("plugins.TorchSyncBatchNorm"))) == 2


def test_a_thread_removes_a_checkpoint_after_the_one_in_its_place_is_written(tmp_path: Path) -> None:
    (saving,) = given(tmp_path, plugins=[part("plugins.AsyncCheckpointIO")])["plugins"]
    old, new, seen = tmp_path / "old.ckpt", tmp_path / "new.ckpt", []
    old.touch()
    write = saving.checkpoint_io.save_checkpoint

    def slowly(*arguments: Any) -> None:
        time.sleep(0.2)
        seen.append(old.exists())
        write(*arguments)

    saving.checkpoint_io.save_checkpoint = slowly
    saving.save_checkpoint({"x": 1}, new)
    saving.remove_checkpoint(old)
    saving.teardown()
    assert seen == [True]
    assert (old.exists(), new.exists()) == (False, True)


def test_a_precision_plugin_computes_in_the_trial_too() -> None:
    plugin = part("plugins.MixedPrecision", precision="bf16-mixed", device="cpu")
    tried = trial_arguments(settings(plugins=[plugin], precision=None))
    assert tried["precision"] is None
    assert [one.precision for one in tried["plugins"]] == ["bf16-mixed"]


def test_a_profile_is_written_into_the_runs_folder(tmp_path: Path) -> None:
    assert given(tmp_path, profiler=OTHER["profiler"])["profiler"].dirpath == str(tmp_path)
