"""A configuration from a file may name what is harmless in its place, by whatever name it tries."""

import sys
import types
from collections.abc import Collection
from pathlib import Path

import lightning as L
import pytest
import torch
import torchmetrics
from lightning.pytorch.loggers import Logger
from omegaconf import OmegaConf
from torch import nn
from torch.utils.data import Dataset, Sampler

import src
from trainhouse.configuration import schema
from trainhouse.configuration.errors import UserError
from trainhouse.configuration.targets import (
    ALLOWED,
    NOTHING,
    check_config,
    check_part,
    check_targets,
    current_name,
    locate,
)


def check(node: object, part: str = "model", typed: Collection[str] = ()) -> None:
    check_part(part, node, "best.ckpt", typed)


# What a user may have written: a module of their own package, with classes of every kind.
OWN = {
    "Net": type("Net", (nn.Module,), {}),
    "LitNet": type("LitNet", (L.LightningModule,), {}),
    "Data": type("Data", (L.LightningDataModule,), {}),
    "Rows": type("Rows", (Dataset,), {}),
    "Draw": type("Draw", (Sampler,), {}),
    "Score": type("Score", (torchmetrics.Metric,), {}),
    "Watch": type("Watch", (L.Callback,), {}),
    "Log": type("Log", (Logger,), {}),
    "Descent": type("Descent", (torch.optim.SGD,), {}),
    "Rate": type("Rate", (torch.optim.lr_scheduler.StepLR,), {}),
    "Plain": type("Plain", (), {}),
    "make": lambda: None,
    "read_all": lambda: None,
}
for name, thing in OWN.items():
    thing.__module__, thing.__qualname__ = "src.own", name


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch) -> None:
    """The classes above, in ``src.own``."""
    module = types.ModuleType("src.own")
    for name, thing in OWN.items():
        setattr(module, name, thing)
    module.nn, module.torch = nn, torch  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "src.own", module)
    monkeypatch.setattr(src, "own", module, raising=False)


@pytest.fixture
def conf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own: None) -> Path:
    """An empty folder for what the user's conf/ names."""
    monkeypatch.setattr(schema, "CONF", tmp_path)
    return tmp_path


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.mark.parametrize(
    ("part", "node"),
    [
        ("model", {"_target_": "torch.nn.Linear", "in_features": 1}),
        ("model", {"_target_": "src.models.linear.Linear"}),
        ("model", {"_target_": "src.models.cnn.CNN", "act": {"_target_": "torch.nn.ReLU"}}),
        ("model", {"hidden_sizes": [64, 32], "dropout": None}),
        ("data", {"_target_": "trainhouse.arrays.npy.read_npy", "features": "os.system"}),
        ("optimizer", {"_target_": "torch.optim.Adam", "_partial_": True, "betas": [0.9, 0.99]}),
        ("scheduler", {"_target_": "src.training.schedules.cosine", "_partial_": True}),
        ("scheduler", {"_target_": "torch.optim.lr_scheduler.ReduceLROnPlateau"}),
        ("trainer", {"_target_": "lightning.Trainer"}),
        ("callbacks", {"a": {"_target_": "lightning.pytorch.callbacks.EarlyStopping"}, "b": None}),
        ("callbacks", {"_target_": "trainhouse.training.callbacks.LastCheckpoint"}),
        ("logger", {"_target_": "lightning.pytorch.loggers.TensorBoardLogger"}),
        ("model", {"_target_": "src.models.cnn.CNN", "layers": [{"_target_": "torchmetrics.Accuracy"}]}),
        ("loss", {"_target_": "torch.nn.HuberLoss"}),
        ("metrics", {"acc": {"_target_": "torchmetrics.Accuracy", "task": "binary"}}),
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
        *(
            ("model", name)
            for name in ["hydra.utils.instantiate", "trainhouse.machine.files.write_json", "srcx.models.Net"]
        ),
        *(("model", name) for name in ["", 7, None, ["torch.nn.Linear"]]),
        # Of the right package, and not what stands there.
        ("model", "torch.nn.functional.relu"),
        ("model", "torch.nn.attention._fa4.register_flash_attention_fa4"),
        ("model", "torch.nn.Module.apply"),
        ("data", "trainhouse.arrays.order.mix"),
        ("data", "src.models.linear.Linear"),
        ("data", "torch.nn.Linear"),
        ("model", "trainhouse.arrays.datamodule.DataModule"),
        ("model", "lightning.pytorch.callbacks.EarlyStopping"),
        ("model", "torch.optim.Adam"),
        ("module", "src.models.linear.Linear"),
        ("optimizer", "torch.nn.Linear"),
        ("optimizer", "torch.optim.lr_scheduler.StepLR"),
        ("scheduler", "torch.optim.Adam"),
        ("loss", "torchmetrics.Accuracy"),
        ("loss", "torch.nn.functional.mse_loss"),
        ("metrics", "torch.nn.Linear"),
        ("scheduler", "src.training.losses.build_loss"),
        ("trainer", "lightning.pytorch.strategies.Strategy.load_checkpoint"),
        ("trainer", "lightning.pytorch.trainer.trainer.Trainer.fit"),
        ("callbacks", "torch.optim.Adam"),
        ("callbacks", "src.models.linear.Linear"),
        ("callbacks", "trainhouse.checkpoints.writing.AtomicCheckpointIO"),
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
        ("data", "trainhouse.arrays.npy.np.load", "numpy.load"),
        ("data", "trainhouse.arrays.array_file.os.system", "posix.system"),
        ("data", "trainhouse.arrays.csv.atomic_write", "trainhouse.machine.files.atomic_write"),
        ("data", "trainhouse.arrays.datamodule.L.Trainer", "lightning.pytorch.trainer.trainer.Trainer"),
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


@pytest.mark.parametrize(
    ("part", "node"),
    [
        ("model", {"_target_": "src.own.Net"}),
        (
            "model",
            {"_target_": "src.own.LitNet", "opt": {"_target_": "torch.optim.Adam", "_partial_": True, "lr": 0.1}},
        ),
        ("model", {"_target_": "src.own.LitNet", "sched": {"_target_": "src.own.Rate", "_partial_": True}}),
        (
            "model",
            {"_target_": "src.own.LitNet", "net": {"_target_": "src.own.Net", "m": [{"_target_": "src.own.Score"}]}},
        ),
        ("data", {"_target_": "src.own.Data"}),
        (
            "data",
            {"_target_": "src.own.Data", "rows": {"a": {"_target_": "src.own.Rows", "t": {"_target_": "src.own.Net"}}}},
        ),
        ("data", {"_target_": "src.own.Data", "sampler": {"_target_": "src.own.Draw", "_partial_": True}}),
        ("data", {"_target_": "src.own.Data", "layer": {"_target_": "torch.nn.Identity"}}),
        ("module", {"_target_": "src.own.LitNet"}),
        ("loss", {"_target_": "src.own.Net", "parts": [{"_target_": "torch.nn.MSELoss"}]}),
        ("metrics", {"score": {"_target_": "src.own.Score"}}),
        ("scheduler", {"_target_": "src.own.Rate", "_partial_": True}),
        ("callbacks", {"watch": {"_target_": "src.own.Watch"}}),
        ("callbacks", {"history": {"_target_": "trainhouse.training.callbacks.History"}}),
        ("logger", {"_target_": "src.own.Log"}),
        ("logger", {"mine": {"_target_": "src.own.Log"}}),
    ],
)
def test_a_class_of_the_users_that_is_of_the_right_kind_needs_no_entry_anywhere(conf, part, node):
    check(node, part)


@pytest.mark.parametrize(
    ("part", "name"),
    [
        ("model", "src.own.Watch"),
        ("model", "src.own.make"),
        ("model", "src.own.Net.apply"),
        ("model", "src.own.LitNet.load_from_checkpoint"),
        ("model", "src.own.Plain"),
        ("data", "src.own.Rows"),
        ("data", "src.own.Net"),
        ("data", "src.own.read_all"),  # a function of src, but not of src.data
        ("module", "src.own.Net"),
        ("optimizer", "src.own.Descent"),  # only conf/ may name it
        ("scheduler", "src.own.make"),
        ("callbacks", "src.own.Net"),
        ("callbacks", "src.own.Descent"),
        ("logger", "src.own.Watch"),
        ("loss", "src.own.Watch"),
        ("metrics", "src.own.Net"),
        ("trainer", "src.own.LitNet"),
    ],
)
def test_what_the_user_wrote_for_another_place_is_refused(conf, part, name):
    with pytest.raises(UserError, match=rf"^best\.ckpt: {part}\._target_ is '{name}'; a file may only name "):
        check({"_target_": name}, part)


@pytest.mark.parametrize(
    ("part", "nested"),
    [
        ("data", "torch.optim.Adam"),
        ("data", "src.own.Watch"),
        ("data", "src.own.Data"),
        ("data", "src.own.make"),
        ("data", "trainhouse.arrays.npy.read_npy"),
        ("data", "torch.utils.data.TensorDataset"),
        ("model", "src.own.Descent"),
        ("model", "src.own.Watch"),
        ("model", "src.own.Rows"),
        ("model", "src.training.schedules.cosine"),
        ("module", "src.own.Net"),
        ("module", "torch.nn.ReLU"),
        ("callbacks", "src.own.Watch"),
        ("callbacks", "lightning.pytorch.callbacks.EarlyStopping"),
        ("logger", "src.own.Log"),
        ("optimizer", "torch.optim.Adam"),
        ("trainer", "lightning.Trainer"),
        ("trainer", "src.own.Watch"),
    ],
)
def test_an_argument_is_of_the_kinds_that_arguments_there_may_be(conf, part, nested):
    top = {"data": "Data", "model": "LitNet", "module": "LitNet", "callbacks": "Watch", "logger": "Log"}
    names = {"optimizer": "torch.optim.SGD", "trainer": "lightning.Trainer"}
    name = names.get(part) or f"src.own.{top[part]}"
    check({"_target_": name}, part)
    with pytest.raises(UserError, match=rf"^best\.ckpt: {part}\.a\.b\[0\]\._target_ is '{nested}'; a file may only"):
        check({"_target_": name, "a": {"b": [{"_target_": nested}]}}, part)


def test_a_function_that_loads_pickles_is_refused_however_deep_it_stands(conf):
    load = {"_target_": "torch.load", "f": "evil.pt", "weights_only": False}
    with pytest.raises(
        UserError, match=r"^best\.ckpt: model\.net\.act\._target_ is 'torch\.load'; a file may only name "
    ):
        check({"_target_": "src.own.LitNet", "net": {"_target_": "src.own.Net", "act": load}})


@pytest.mark.parametrize("name", ["src.own.torch.load", "src.own.nn.Linear.apply", "src.own.torch.hub.load"])
def test_an_alias_in_the_users_own_module_is_refused(conf, name):
    with pytest.raises(UserError, match=rf"'{name}'; a file may only name .*, and this is really 'torch\."):
        check({"_target_": name})


def test_a_class_of_the_right_kind_from_a_library_that_is_not_listed_is_refused_by_whatever_name(conf, monkeypatch):
    other = type("Net", (nn.Module,), {"__module__": "elsewhere"})
    monkeypatch.setattr(sys.modules["src.own"], "Imported", other, raising=False)
    with pytest.raises(UserError, match=r"'src\.own\.Imported'; .*, and this is really 'elsewhere\.Net'$"):
        check({"_target_": "src.own.Imported"})


@pytest.mark.parametrize("name", ["src._own.Net", "src.own._Net", "src.own.Net.__init__", "torch.nn.__builtins__.eval"])
def test_a_private_name_is_refused_even_if_conf_has_it(conf, name):
    write(conf / "model" / "x.yaml", f"_target_: {name}\n")
    with pytest.raises(UserError, match=r"^best\.ckpt: model\._target_ is "):
        check({"_target_": name})


@pytest.mark.parametrize(
    ("file", "text", "part", "node"),
    [
        # Not in the list of any kind: an optimizer of the user's, functions, a library that nobody has heard of.
        ("optimizer/mine.yaml", "_target_: src.own.Descent", "optimizer", {"_target_": "src.own.Descent"}),
        ("model/mine.yaml", "_target_: src.own.make", "model", {"_target_": "src.own.make", "depth": 3}),
        ("scheduler/mine.yaml", "_target_: src.own.make", "scheduler", {"_target_": "src.own.make"}),
        ("callbacks/a.yaml", "mine: {_target_: src.own.make}", "callbacks", {"other": {"_target_": "src.own.make"}}),
        ("logger/a.yaml", "_target_: src.own.make", "logger", {"mine": {"_target_": "src.own.make"}}),
        ("logger/a.yaml", "mine: {_target_: src.own.make}", "logger", {"_target_": "src.own.make"}),
        ("loss/mine.yaml", "_target_: src.own.make", "loss", {"_target_": "src.own.make"}),
        ("metrics/mine.yaml", "m: {_target_: src.own.make}", "metrics", {"m": {"_target_": "src.own.make"}}),
        # In the arguments.
        (
            "model/mine.yaml",
            "net: {layers: [{_target_: src.own.Plain}]}",
            "model",
            {"net": {"layers": [1, 2, {"_target_": "src.own.Plain"}]}},
        ),
        (
            "callbacks/a.yaml",
            "mine: {_target_: src.own.Watch, how: {_target_: src.own.Plain}}",
            "callbacks",
            {"yours": {"_target_": "src.own.Watch", "how": {"_target_": "src.own.Plain"}}},
        ),
        (
            "logger/a.yaml",
            "_target_: src.own.Log\nhow: {_target_: src.own.Plain}",
            "logger",
            {"mine": {"_target_": "src.own.Log", "how": {"_target_": "src.own.Plain"}}},
        ),
        # In other files than the group's own.
        ("train.yaml", "optimizer: {_target_: src.own.Descent}", "optimizer", {"_target_": "src.own.Descent"}),
        (
            "experiment/a.yaml",
            "# @package _global_\nmodel:\n  net: {_target_: src.own.Plain}",
            "model",
            {"net": {"_target_": "src.own.Plain"}},
        ),
        ("model/net/a.yaml", "_target_: src.own.Plain", "model", {"net": {"_target_": "src.own.Plain"}}),
        (
            "model/a.yaml",
            "# @package model.net\n_target_: src.own.Plain",
            "model",
            {"net": {"_target_": "src.own.Plain"}},
        ),
        # A part that only this user has.
        ("train.yaml", "encoder: {_target_: src.own.Plain}", "encoder", {"_target_": "src.own.Plain"}),
    ],
)
def test_what_conf_names_passes_at_that_place(conf, file, text, part, node):
    with pytest.raises(UserError):
        check(node, part)
    other = conf / "other"
    write(other / file, text + "\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(schema, "CONF", other)
        check(node, part)


@pytest.mark.parametrize(
    ("part", "node"),
    [
        ("data", {"_target_": "src.own.make"}),
        ("model", {"net": {"_target_": "src.own.make"}}),
        ("callbacks", {"a": {"_target_": "src.own.make"}}),
        ("experiment", {"_target_": "src.own.make"}),
        ("seed", {"_target_": "src.own.make"}),
    ],
)
def test_what_conf_names_is_refused_at_another_place(conf, part, node):
    write(conf / "model" / "mine.yaml", "_target_: src.own.make\n")
    check({"_target_": "src.own.make"}, "model")
    with pytest.raises(UserError, match=r"is 'src\.own\.make'; a file may only name "):
        check(node, part)


def test_where_conf_refers_to_another_part_stands_what_may_stand_there(conf):
    write(
        conf / "model" / "mine.yaml",
        "_target_: src.own.LitNet\nsched: ${scheduler}\nall:\n- ${callbacks.a}\nx: ${model.x}",
    )
    write(conf / "scheduler" / "mine.yaml", "_target_: src.own.make\nhow: {_target_: src.own.Plain}\n")
    write(conf / "callbacks" / "b.yaml", "b: {_target_: src.own.make}\n")
    check({"sched": {"_target_": "src.own.make", "how": {"_target_": "src.own.Plain"}}})
    check({"all": [{"_target_": "src.own.make"}]})
    for key in ("x", "other"):
        with pytest.raises(UserError, match=rf"model\.{key}\._target_"):
            check({key: {"_target_": "src.own.make"}})


@pytest.mark.parametrize(
    ("part", "name"),
    [
        ("model", "src.own.Watch"),
        ("optimizer", "src.own.Net"),
        ("callbacks", "src.own.Plain"),
        ("trainer", "src.own.Plain"),
    ],
)
def test_a_class_of_a_wrong_kind_is_refused_even_if_conf_names_it(conf, part, name):
    write(conf / part / "x.yaml", f"_target_: {name}\n")
    with pytest.raises(UserError, match=rf"^best\.ckpt: {part}\._target_ is '{name}'; a file may only name "):
        check({"_target_": name}, part)


@pytest.mark.parametrize(
    "name",
    [
        *("os.system", "builtins.eval", "builtins.open", "subprocess.Popen", "pickle.loads", "numpy.load"),
        *("torch.load", "torch.hub.load", "src.own.torch.load", "hydra.utils.instantiate", "hydra.utils.get_method"),
    ],
)
def test_conf_may_name_what_runs_whatever_it_is_given_but_a_file_gives_it_nothing(conf, name):
    write(conf / "model" / "x.yaml", f"net: {{_target_: {name}}}\n")
    with pytest.raises(UserError, match="a file may only name what can't load or run whatever its arguments say"):
        check({"net": {"_target_": name}})


def test_a_file_of_conf_that_is_no_yaml_names_nothing(conf):
    write(conf / "model" / "a.yaml", "_target_: [\n")
    write(conf / "model" / "b.yaml", "- 1\n")
    write(conf / "model" / "c.yaml", "_target_: src.own.make\n")
    write(conf / "model" / "d.yaml", "x: &x [*x]\n")
    check({"_target_": "src.own.make"})


@pytest.mark.parametrize(
    ("node", "key"),
    [
        ({"url": "https://x.org/a.csv"}, "data.url"),
        ({"_target_": "src.own.Data", "files": ["a.csv", "s3://bucket/a.csv"]}, "data.files[1]"),
        (
            {"_target_": "src.own.Data", "rows": {"_target_": "src.own.Rows", "at": "simplecache::s3://b"}},
            "data.rows.at",
        ),
        ({"sizes": {"s3://bucket/a.csv": 3}}, "data.sizes"),
    ],
)
def test_an_address_in_the_data_is_the_users_to_give(conf, node, key):
    typed = key.partition("[")[0]
    with pytest.raises(UserError) as refused:
        check(node, "data")
    message = str(refused.value)
    assert message.startswith(f"best.ckpt: {key} is '")
    assert message.endswith(f", so type its data paths: {typed}=...")
    check_part("data", node, "best.ckpt", own=True)
    for others in (["data.ur", "data.urls", "seed"], [f"{typed}x"], [""]):
        with pytest.raises(UserError, match=r"://"):
            check(node, "data", others)
    check(node, "data", [typed])
    check(node, "data", ["data"])


def test_an_address_that_conf_has_passes(conf):
    write(conf / "data" / "a.yaml", "files: [s3://bucket/a.csv]\n")
    write(conf / "train.yaml", "base: s3://bucket/b.csv\n")
    check({"file": "s3://bucket/a.csv", "other": "s3://bucket/b.csv"}, "data")
    with pytest.raises(UserError, match=r"^best\.ckpt: data\.file is 's3://bucket/a\.csv2'; "):
        check({"file": "s3://bucket/a.csv2"}, "data")


def test_only_the_data_is_searched_for_addresses(conf):
    check({"tracking_uri": "http://localhost:5000"}, "logger")


def test_a_name_that_is_not_in_this_checkout_is_told_with_its_file(conf):
    with pytest.raises(UserError, match=r"^best\.ckpt: model\._target_: cannot load 'src\.models\.old\.Net' \("):
        check({"_target_": "src.models.old.Net"})


def test_a_whole_configuration_is_checked_part_by_part(conf):
    config = {"seed": 3, "model": {"_target_": "src.own.Net"}, "data": {"file": "s3://a"}}
    check_config(config, "config.yaml", typed=["data.file"])
    with pytest.raises(UserError, match=r"^config\.yaml: data\.file is"):
        check_config(config, "config.yaml")
    with pytest.raises(
        UserError, match=r"^config\.yaml: seed\._target_ is 'torch\.nn\.Linear'; a file may only name what"
    ):
        check_config({"seed": {"_target_": "torch.nn.Linear"}}, "config.yaml")


def test_a_part_of_a_part_may_be_checked_by_itself(conf):
    check_targets({"_target_": "torch.optim.Adam"}, ALLOWED["model"], "model.opt", "best.ckpt")
    with pytest.raises(UserError, match=r"model\.opt\._target_"):
        check_targets({"_target_": "torch.optim.Adam"}, NOTHING, "model.opt", "best.ckpt")


def test_a_name_of_an_older_file_is_checked_by_its_name_of_today(conf, monkeypatch):
    assert current_name("src.own.Net") == "src.own.Net"
    monkeypatch.setattr(
        "trainhouse.configuration.targets.current_name", lambda name: name.replace("src.old.", "src.own.")
    )
    check({"_target_": "src.old.Net"})
    with pytest.raises(UserError, match=r"'src\.old\.Watch'"):
        check({"_target_": "src.old.Watch"})


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
