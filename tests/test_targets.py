"""A configuration from a file may name this project's own code and torch.nn, by whatever name it tries."""

import sys

import pytest
from torch import nn

from src.utils.errors import UserError
from src.utils.targets import check_targets, locate

ALLOWED = ("src.models", "src.data", "torch.nn")


def check(node: object) -> None:
    check_targets(node, ALLOWED, "model", "best.ckpt")


@pytest.mark.parametrize(
    "node",
    [
        {"_target_": "torch.nn.Linear", "in_features": 1},
        {"_target_": "torch.nn.functional.relu"},
        {"_target_": "src.models.linear.Linear"},
        {"_target_": "src.data.npy.read_npy", "features": "os.system"},
        {"_target_": "torch.nn.Sequential", "_args_": [{"_target_": "torch.nn.ReLU"}]},
        {"hidden_sizes": [64, 32], "dropout": None},
        [],
        None,
    ],
)
def test_targets_inside_the_allowed_packages_pass(node):
    check(node)


@pytest.mark.parametrize(
    "name",
    [
        "os.system",
        "builtins.open",
        "builtins.eval",
        "torch.load",
        "subprocess.run",
        "hydra.utils.instantiate",
        "src.training.run.train",
        "src.models_of_others.Net",
        "src.models",
        "torch.nn",
        "",
        7,
        None,
        ["torch.nn.Linear"],
    ],
)
def test_a_target_outside_the_allowed_packages_is_refused_with_its_file_and_key(name):
    with pytest.raises(UserError) as refused:
        check({"_target_": name})
    assert str(refused.value).startswith(f"best.ckpt: model._target_ is {name!r}; a file may only name src.models.*")


@pytest.mark.parametrize(
    ("name", "real"),
    [
        ("src.data.npy.np.load", "numpy.load"),
        ("src.data.array_file.os.system", "posix.system"),
        ("src.data.csv.atomic_write", "src.utils.files.atomic_write"),
        ("src.data.datamodule.L.Trainer", "lightning.pytorch.trainer.trainer.Trainer"),
        ("src.data.npy.np", "?.?"),
        ("torch.nn.functional.torch.load", "torch.serialization.load"),
    ],
)
def test_an_alias_inside_an_allowed_package_is_refused_for_what_it_stands_for(name, real):
    with pytest.raises(UserError) as refused:
        check({"_target_": name})
    message = str(refused.value)
    assert message.startswith(f"best.ckpt: model._target_ '{name}' is really '{real}'; a file may only name")


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
