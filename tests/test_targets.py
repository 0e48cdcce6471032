"""A configuration from a file may name what is harmless in its place, by whatever name it tries."""

import sys

import pytest
import torch
from omegaconf import OmegaConf
from torch import nn

from src.utils.errors import UserError
from src.utils.targets import ALLOWED, NOTHING, check_targets, locate


def check(node: object, part: str = "model") -> None:
    check_targets(node, ALLOWED.get(part, NOTHING), part, "best.ckpt")


@pytest.mark.parametrize(
    ("part", "node"),
    [
        ("model", {"_target_": "torch.nn.Linear", "in_features": 1}),
        ("model", {"_target_": "src.models.linear.Linear"}),
        ("model", {"_target_": "src.models.cnn.CNN", "act": {"_target_": "torch.nn.ReLU"}}),
        ("model", {"hidden_sizes": [64, 32], "dropout": None}),
        ("data", {"_target_": "src.data.npy.read_npy", "features": "os.system"}),
        ("optimizer", {"_target_": "torch.optim.Adam", "_partial_": True, "betas": [0.9, 0.99]}),
        ("scheduler", {"_target_": "src.training.schedules.cosine", "_partial_": True}),
        ("scheduler", {"_target_": "torch.optim.lr_scheduler.ReduceLROnPlateau"}),
        ("trainer", {"_target_": "lightning.Trainer"}),
        ("callbacks", {"a": {"_target_": "lightning.pytorch.callbacks.EarlyStopping"}, "b": None}),
        ("callbacks", {"_target_": "src.training.callbacks.LastCheckpoint"}),
        ("logger", {"_target_": "lightning.pytorch.loggers.TensorBoardLogger"}),
        ("model", []),
        ("seed", 3),
    ],
)
def test_what_the_project_itself_writes_passes(part, node):
    check(node, part)


@pytest.mark.parametrize(
    ("part", "name"),
    [
        *(("model", name) for name in ["os.system", "builtins.open", "builtins.eval", "torch.load", "subprocess.run"]),
        *(("model", name) for name in ["hydra.utils.instantiate", "src.training.run.train", "src.models_x.Net"]),
        *(("model", name) for name in ["", 7, None, ["torch.nn.Linear"]]),
        # Of the right package, and not what stands there.
        ("model", "torch.nn.functional.relu"),
        ("model", "torch.nn.attention._fa4.register_flash_attention_fa4"),
        ("model", "torch.nn.Module.apply"),
        ("data", "src.data.order.mix"),
        ("data", "src.data.datamodule.DataModule"),
        ("scheduler", "src.training.schedules.spans_the_run"),
        ("trainer", "lightning.pytorch.strategies.Strategy.load_checkpoint"),
        ("trainer", "lightning.pytorch.trainer.trainer.Trainer.fit"),
        ("callbacks", "src.training.callbacks.History"),
        ("callbacks", "src.training.checkpoint.AtomicCheckpointIO"),
        ("logger", "lightning.pytorch.loggers.csv_logs.ExperimentWriter"),
        ("seed", "torch.nn.Linear"),
    ],
)
def test_what_is_not_of_the_kind_that_its_place_asks_for_is_refused_with_its_file_and_key(part, name):
    with pytest.raises(UserError) as refused:
        check({"_target_": name}, part)
    assert str(refused.value).startswith(f"best.ckpt: {part}._target_ is {name!r}; a file may only name ")


@pytest.mark.parametrize(
    ("part", "name", "real"),
    [
        ("data", "src.data.npy.np.load", "numpy.load"),
        ("data", "src.data.array_file.os.system", "posix.system"),
        ("data", "src.data.csv.atomic_write", "src.utils.files.atomic_write"),
        ("data", "src.data.datamodule.L.Trainer", "lightning.pytorch.trainer.trainer.Trainer"),
        ("model", "torch.nn.functional.torch.load", "torch.serialization.load"),
    ],
)
def test_an_alias_inside_an_allowed_package_is_refused_for_what_it_stands_for(part, name, real):
    with pytest.raises(UserError) as refused:
        check({"_target_": name}, part)
    message = str(refused.value)
    assert message.startswith(f"best.ckpt: {part}._target_ is '{name}'; a file may only name")
    assert message.endswith(f"and this is really '{real}'")


@pytest.mark.parametrize(
    ("node", "key"),
    [
        ({"_target_": "torch.nn.Linear", "act": {"_target_": "os.system"}}, "model.act._target_"),
        ({"layers": [{"_target_": "torch.nn.ReLU"}, {"_target_": "os.system"}]}, "model.layers[1]._target_"),
        ({"a": {"b": [[{"c": {"_target_": "os.system"}}]]}}, "model.a.b[0][0].c._target_"),
        ([{"_target_": "os.system"}], "model[0]._target_"),
    ],
)
def test_a_nested_target_is_refused_with_the_key_where_it_stands(node, key):
    with pytest.raises(UserError) as refused:
        check(node)
    assert str(refused.value).startswith(f"best.ckpt: {key} is 'os.system'; ")


@pytest.mark.parametrize(
    ("node", "message"),
    [
        ({"x": "${oc.create:{_target_:os.system}}"}, "model.x is .*; a file may hold no interpolation"),
        ({"x": ["a ${b}"]}, r"model.x\[0\] is .*; a file may hold no interpolation"),
        ({"_target_": "${x}"}, "a file may only name"),
        ({"x": ({"_target_": "os.system"},)}, "model.x is a tuple; a file may hold plain values only"),
        ({"x": {1: 2}}, "model.x is a dict; a file may hold plain values only"),
        ({"x": torch.zeros(1)}, "model.x is a Tensor; a file may hold plain values only"),
        ({"x": OmegaConf.create({"_target_": "os.system"})}, "model.x is a DictConfig; a file may hold"),
        ({"_target_": "torch.nn.Linear", "_args_": [1]}, "model._args_ may not stand in a file"),
    ],
)
def test_what_is_not_plain_data_is_refused(node, message):
    with pytest.raises(UserError, match=message):
        check(node)


@pytest.mark.parametrize("name", ["trap_for_imports.run", "trap_for_imports.src.models.Net"])
def test_nothing_is_imported_for_a_refused_name(tmp_path, monkeypatch, name):
    (tmp_path / "trap_for_imports.py").write_text("def run(): ...\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UserError, match="trap_for_imports"):
        check({"_target_": name})
    assert "trap_for_imports" not in sys.modules


def test_locate_returns_what_a_name_stands_for():
    assert locate("torch.nn.Linear", "model") is nn.Linear


@pytest.mark.parametrize("name", ["Linear", None, 3, ""])
def test_a_name_without_a_module_is_refused_with_its_key(name):
    with pytest.raises(UserError, match=r"model\._target_: expected 'package\.module\.Name', got"):
        locate(name, "model")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("torch.nn.Linaer", r"cannot load 'torch\.nn\.Linaer' \(.*Error: .*\); did you mean 'Linear'\?"),
        ("src.models.liner.Linear", r"cannot load 'src\.models\.liner\.Linear' \(ModuleNotFoundError"),
        ("no_such_package.Net", r"cannot load 'no_such_package\.Net' \(ModuleNotFoundError: .*no_such_package"),
    ],
)
def test_a_name_that_stands_for_nothing_is_refused_with_its_cause_and_the_nearest(name, message):
    with pytest.raises(UserError, match=rf"^model\._target_: {message}"):
        locate(name, "model")


def test_a_module_that_fails_on_import_is_named_with_the_true_cause(tmp_path, monkeypatch):
    (tmp_path / "broken_on_import.py").write_text("import no_such_dependency\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UserError, match=r"^model\._target_: cannot load .*ModuleNotFoundError: .*no_such_dependency"):
        locate("broken_on_import.Net", "model")
