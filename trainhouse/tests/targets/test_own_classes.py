"""A configuration from a file may name the user's own classes where they are of the right kind."""

import sys

import pytest
from torch import nn

from trainhouse.configuration.errors import UserError
from trainhouse.tests.targets.own import check, write


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
