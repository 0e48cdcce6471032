"""A configuration from a file may name what the user's conf/ names at the same place."""

import pytest

from trainhouse.configuration import schema
from trainhouse.configuration.errors import UserError
from trainhouse.tests.targets.own import check, write


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
