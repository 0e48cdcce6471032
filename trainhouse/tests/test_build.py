"""Building from a configuration: mistakes are named by key, and a checkpoint may not name foreign code."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest
import torch

from trainhouse.checkpoints.checkpoint import Checkpoint, load_checkpoint
from trainhouse.configuration.create import create
from trainhouse.configuration.errors import UserError
from trainhouse.configuration.views import Part
from trainhouse.tests.tiny import tiny_config, tiny_run
from trainhouse.training.build_data import build_data, rebuild_data
from trainhouse.training.rebuild_module import rebuild_module
from trainhouse.training.train import train

NET = "src.models.simple_net.SimpleNet"
CNN = "src.models.cnn.CNN"
GIVEN = {"input_shape": (4,), "outputs": 2}


class Typed:
    """Takes one argument of each kind that a configuration can hold."""

    def __init__(
        self,
        whole: int = 1,
        number: float = 1.0,
        text: str | None = None,
        flag: bool = False,
        sizes: Sequence[int] = (),
        kind: Literal["min", "max"] | None = None,
        table: dict[str, int] | None = None,
    ) -> None:
        self.values = (whole, number, text, flag, list(sizes), kind, table)


@pytest.fixture
def checkpoint(made_once: Any) -> Checkpoint:
    return load_checkpoint(tiny_run(made_once))


def with_model(checkpoint: Checkpoint, **changes: Any) -> Checkpoint:
    changed = {f"model.{name}": value for name, value in changes.items()}
    return replace(checkpoint, config=checkpoint.config.with_values(changed))


def test_create_builds_what_the_node_says() -> None:
    node = {"whole": 3, "number": 2, "text": "a", "flag": True, "sizes": [1, 2], "kind": "max", "table": {"a": 1}}
    built = create(Part({"_target_": f"{__name__}.Typed", **node}), "key")
    assert built.values == (3, 2, "a", True, [1, 2], "max", {"a": 1})


def test_create_leaves_out_nothing_of_a_partial_object() -> None:
    make = create(Part({"_target_": "torch.optim.SGD", "_partial_": True, "lr": 0.5}), "optimizer")
    assert make([torch.nn.Parameter(torch.zeros(1))]).param_groups[0]["lr"] == 0.5


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("whole", "3", "expected a whole number, got '3'"),
        ("whole", True, "expected a whole number, got True"),
        ("whole", 1.5, "expected a whole number, got 1.5"),
        ("number", "fast", "expected a number, got 'fast'"),
        ("text", 3, "expected a string, or null, got 3"),
        ("flag", "yes", "expected true or false, got 'yes'"),
        ("sizes", 5, "expected a list of whole numbers, got 5"),
        ("sizes", [1, "b"], "expected a list of whole numbers, got [1, 'b']"),
        ("kind", "least", "expected one of min, max, null, got 'least'"),
        ("table", [1], "expected a mapping, or null, got [1]"),
    ],
)
def test_a_value_of_the_wrong_type_is_named_by_key(name: str, value: Any, expected: str) -> None:
    with pytest.raises(UserError) as caught:
        create(Part({"_target_": f"{__name__}.Typed", name: value}), "data.augmentation")
    assert str(caught.value) == f"data.augmentation.{name}: {expected}"


@pytest.mark.parametrize(
    ("node", "message"),
    [
        ({"_target_": NET, "hiden_sizes": [8]}, r"^model\.hiden_sizes: .*SimpleNet takes no.*mean 'hidden_sizes'"),
        ({"_target_": NET, "outputs": 3}, r"^model\.outputs: is set by the program; leave it out$"),
        ({"_target_": NET, "activation": "relo"}, r"^model\.activation: expected one of relu.*'relo'"),
        ({"_target_": NET, "dropout": 2.0}, r"^model\.dropout: expected a number from 0 to below 1, got 2\.0$"),
        ({"_target_": "src.models.cnn.CNN"}, r"^model: takes images of shape.*\(4,\)"),
        ({"_target_": "src.models.simple_net.SimpelNet"}, r"^model\._target_: cannot load.*mean 'SimpleNet'"),
        ({"_target_": "src.models.nothing.Net"}, r"^model\._target_: cannot load 'src\.models\.nothing\.Net'"),
        ({}, r"^model\._target_: expected 'package\.module\.Name', got None"),
    ],
)
def test_a_mistake_in_the_model_is_named_by_key(node: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        create(Part(node), "model", **GIVEN)


@pytest.mark.parametrize(
    ("target", "name", "taken", "refused"),
    [
        (NET, "hidden_sizes", [[64], [128, 64], []], [[0], [64, -1], [1.5], [True], 64, "64", None]),
        (NET, "dropout", [0, 0.99], [-0.1, 1, 1.0, math.nan, True, None]),
        (CNN, "dropout", [0, 0.99], [-0.1, 1, 1.0, math.nan, True, None]),
        (CNN, "channels", [[4], [4, 8]], [[0], [4, -1], [1.5], [True], [], 4, "4", None]),
    ],
)
def test_a_value_out_of_a_networks_range_is_refused_with_its_key(
    target: str, name: str, taken: list[Any], refused: list[Any]
) -> None:
    for value in taken:
        create(Part({"_target_": target, name: value}), "model", input_shape=(8, 8), outputs=2)
    for value in refused:
        with pytest.raises(UserError, match=rf"^model\.{name}: expected .*, got "):
            create(Part({"_target_": target, name: value}), "model", input_shape=(8, 8), outputs=2)


def test_a_missing_argument_is_named_by_key() -> None:
    with pytest.raises(UserError, match=rf"^model\.outputs: required by {NET}, but not set$"):
        create(Part({"_target_": NET}), "model", input_shape=(4,))


def test_a_rebuilt_module_predicts_as_the_trained_one_did(checkpoint: Checkpoint) -> None:
    module = rebuild_module(checkpoint)
    assert not module.training
    for name, value in module.state_dict().items():
        assert torch.equal(value, checkpoint.state_dict[name]), name


@pytest.mark.parametrize(
    "changes",
    [
        {"_target_": "os.system", "command": "touch trace"},
        {"_target_": "torch.load", "f": "trace"},
        {"_target_": "src.models.simple_net.prod"},
        {"_target_": "torch.nn.modules.module.torch.load"},
        {"_target_": "torch.nnx.Linear"},
        {"_target_": "src.data.fake.read_fake"},
        {"hidden_sizes": [{"_target_": "os.system", "command": "touch trace"}]},
        {"_args_": [{"_target_": "os.system", "command": "touch trace"}]},
    ],
)
def test_a_checkpoint_whose_model_names_foreign_code_is_refused(
    changes: dict[str, Any], checkpoint: Checkpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"best_model\.ckpt: model\S* (is .*only name torch\.nn\.Module|may not stand)"):
        rebuild_module(with_model(checkpoint, **changes))
    assert not list(tmp_path.iterdir())


def test_weights_that_do_not_fit_the_config_are_refused_with_the_file(checkpoint: Checkpoint) -> None:
    with pytest.raises(UserError, match=r"best_model\.ckpt: its weights don't fit.*size mismatch"):
        rebuild_module(with_model(checkpoint, hidden_sizes=[9]))


def test_rebuilt_data_is_the_data_trained_on(checkpoint: Checkpoint) -> None:
    data = rebuild_data(checkpoint, {"batch_size": 7})
    assert data.fingerprint == checkpoint.provenance["data_fingerprint"]
    assert data.batch_size == 7


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"batchsize": 3}, r"^data\.batchsize: not a key.*did you mean 'batch_size'"),
        ({"zzz": 3}, r"^data\.zzz: not a key of the data that the checkpoint knows$"),
        (
            {"_target_": "numpy.load"},
            r"best_model\.ckpt: data\._target_ is 'numpy\.load'; .*read_\.\* in src\.data, train",
        ),
        ({"_target_": "trainhouse.arrays.npy.np.load"}, r"best_model\.ckpt: data\._target_ .* is really 'numpy"),
        ({"_target_": NET}, r"best_model\.ckpt: data\._target_ is '.*SimpleNet'"),
    ],
)
def test_other_data_for_a_checkpoint_is_checked(
    overrides: dict[str, Any], message: str, checkpoint: Checkpoint
) -> None:
    with pytest.raises(UserError, match=message):
        rebuild_data(checkpoint, overrides)


def test_data_that_the_model_cannot_take_is_refused_with_both_facts(checkpoint: Checkpoint, tmp_path: Path) -> None:
    wider = {"columns": 5, "path": str(tmp_path / "wide.npy")}
    build_data(checkpoint.config.data.with_values(wider), seed=0)
    with pytest.raises(UserError, match=r"wide\.npy has input_shape \(5,\), but the model was trained on \(4,\)"):
        rebuild_data(checkpoint, wider)


@pytest.mark.parametrize("key", ["split", "split_seed", "fold", "folds"])
def test_a_checkpoints_split_cannot_change_afterwards(key: str, checkpoint: Checkpoint) -> None:
    with pytest.raises(UserError, match=f"^data.{key}: decides which rows the model was trained on"):
        rebuild_data(checkpoint, {key: 7})
    assert rebuild_data(checkpoint, {key: checkpoint.config.data.get(key)}).row_count("val"), "typed as it was"


def test_data_is_rebuilt_with_the_fold_of_the_checkpoint_and_one_from_before_there_were_folds_without(
    checkpoint: Checkpoint,
) -> None:
    data = dict(checkpoint.config.data.plain)
    folded = replace(checkpoint, config=checkpoint.config.with_values({"data.fold": 2, "data.folds": 6}))
    del data["fold"], data["folds"]
    old = replace(checkpoint, config=checkpoint.config.with_values({"data": data}))
    typed = {"path": data["path"]}  # which nobody has signed
    rows = {name: rebuild_data(one, typed).row_count("val") for name, one in (("folded", folded), ("old", old))}
    assert rows == {"folded": 9, "old": 6}


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["data.fold=5"], "^data.fold: expected one of 0 to 4, as data.folds is 5, got 5"),
        (["monitor=val/accc", "mode=max"], r"^monitor: 'val/accc' is not logged; did you mean 'val/acc'\?"),
        (["mode=null"], "^mode: null leaves open which val/loss is the best; set mode=min$"),
        (["monitor=val/acc"], "^mode: min would take the worst val/acc for the best; set mode=max$"),
        (["trainer.limit_val_batches=0"], "needs validation"),
        (["trainer.max_steps=3", "data.batch_size=5"], "^trainer.max_steps: the run ends after 3 batches"),
        (["optimizer.betas=[2,0.9]"], "^optimizer: Invalid beta"),
        (["scheduler=cosine", "scheduler.warmup=2"], "^scheduler.warmup: expected a number from 0 to 1, got 2$"),
        (["data.split=[0.9,0,0.1]"], r"^monitor: val/loss needs validation rows.*monitor=train/loss"),
        (
            ["loss=mse"],
            "^loss: mse is for regression, but this is classification; for that there are loss=auto, loss=bce",
        ),
    ],
)
def test_a_run_that_cannot_work_ends_before_it_leaves_anything(
    overrides: list[str], message: str, tmp_path: Path, made_once: Callable[..., Path]
) -> None:
    config = tiny_config(tiny_run(made_once).parent / "tiny_data" / "rows.npy", *overrides)
    with pytest.raises(UserError, match=message):
        train(config, tmp_path)
    assert not list(tmp_path.iterdir())
