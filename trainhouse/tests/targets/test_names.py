"""How names are found, of today and of older files, and which parts of a configuration are checked."""

import sys

import pytest
from torch import nn

from trainhouse.configuration.errors import UserError
from trainhouse.configuration.targets import (
    ALLOWED,
    NOTHING,
    check_config,
    check_targets,
    current_name,
    locate,
)
from trainhouse.tests.targets.own import check


def test_a_name_that_is_not_in_this_checkout_is_named_with_its_file(conf):
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
        ("torch.nn.Linaer", r"cannot load 'torch\.nn\.Linaer' \(torch\.nn has no Linaer\); did you mean 'Linear'\?"),
        ("src.models.liner.Linear", r"cannot load 'src\.models\.liner\.Linear' \(ModuleNotFoundError"),
        ("no_such_package.Net", r"cannot load 'no_such_package\.Net' \(ModuleNotFoundError: .*no_such_package"),
    ],
)
def test_a_name_that_stands_for_nothing_is_refused_with_its_cause_and_the_nearest(name, message):
    with pytest.raises(UserError, match=rf"^model\._target_: {message}"):
        locate(name, "model")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import no_such_dependency", r"ModuleNotFoundError: No module named 'no_such_dependency'"),
        ("import json\njson.loads('?')", r"JSONDecodeError: Expecting value: line 1 column 1 \(char 0\)"),
        ("def f(:", r"SyntaxError: invalid syntax"),
    ],
)
def test_a_module_that_fails_on_import_is_named_with_the_true_cause_and_its_line(text, said, tmp_path, monkeypatch):
    name = f"broken_{len(text)}"
    (tmp_path / f"{name}.py").write_text(f"\n{text}\n")
    (tmp_path / f"imports_{name}.py").write_text(f"import {name}\n")
    monkeypatch.syspath_prepend(tmp_path)
    place = rf"{tmp_path}/{name}\.py, line {2 + text.count(chr(10))}"
    with pytest.raises(UserError, match=rf"^model\._target_: cannot load 'imports_{name}\.Net' \({said} in {place}\)$"):
        locate(f"imports_{name}.Net", "model")
