"""The schemas that editors read mark what a command refuses, and nothing that it takes."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from omegaconf import OmegaConf
from referencing import Registry, Resource

from trainhouse.configuration import schema
from trainhouse.configuration.json_schema import FOLDER, schemas, write
from trainhouse.configuration.settings import keys
from trainhouse.configuration.takes import is_mapping
from trainhouse.configuration.values import fits
from trainhouse.tests.common import CONF, LIBRARY_CONF, ROOT

COMMITTED = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in FOLDER.glob("*.json")}
RESOURCES = [(f"{name}.json", Resource.from_contents(content)) for name, content in COMMITTED.items()]
VALIDATORS = {
    name: Draft202012Validator(content, registry=Registry().with_resources(RESOURCES))
    for name, content in COMMITTED.items()
}


def without_comments(node: Any) -> Any:
    """A schema without what it has from the comments in conf/, which are the user's to change."""
    if isinstance(node, dict):
        return {name: without_comments(item) for name, item in node.items() if name != "description"}
    return [without_comments(item) for item in node] if isinstance(node, list) else node


def test_the_schemas_are_those_of_the_annotations() -> None:
    made = without_comments(schemas())
    assert without_comments(COMMITTED) == made, "python -m trainhouse.configuration.json_schema makes them again"


def test_they_do_not_depend_on_what_the_user_owns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(CONF, tmp_path / "conf")
    (tmp_path / "conf/model/mine.yaml").write_text("# Mine.\n_target_: src.models.mine.Mine\nwidth: 3\n")
    (tmp_path / "conf/optimizer/adam.yaml").write_text("_target_: src.mine.Adam\nlr: fast\n")
    (tmp_path / "conf/train.yaml").write_text("seed: 7  # lucky\n")
    shutil.rmtree(tmp_path / "conf/callbacks")
    monkeypatch.setattr(schema, "CONF", tmp_path / "conf")
    assert without_comments(schemas()) == without_comments(COMMITTED)
    assert schemas()["train"]["properties"]["seed"]["description"] == "lucky [a whole number from 0 to 4294967295]"


def test_they_are_written_where_they_are_read(tmp_path: Path) -> None:
    write(tmp_path / "new")
    assert {path.stem for path in (tmp_path / "new").glob("*.json")} == {*COMMITTED}


@pytest.mark.parametrize("name", sorted(COMMITTED))
def test_a_schema_is_one(name: str) -> None:
    Draft202012Validator.check_schema(COMMITTED[name])


def schema_of(path: Path, folder: Path) -> str:
    """Which schema a file of conf/ has: that of its group; of files that set keys of the whole configuration, train."""
    group = path.relative_to(folder).parts[0].removesuffix(".yaml")
    return group if group in COMMITTED else "train"


FILES = [
    (path, folder)
    for folder in (CONF, LIBRARY_CONF)
    for path in sorted(folder.rglob("*.yaml"))
    if "hydra" not in path.relative_to(folder).parts
]


@pytest.mark.parametrize(("path", "folder"), FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_file_is_valid(path: Path, folder: Path) -> None:
    assert problems(schema_of(path, folder), OmegaConf.to_container(OmegaConf.load(path))) == []


def problems(name: str, content: Any) -> list[str]:
    return [error.message for error in VALIDATORS[name].iter_errors(content)]


CSV = {"_target_": "trainhouse.tables.read_table.read_table", "defaults": ["array_defaults", "_self_"]}
WRONG: list[tuple[str, Any]] = [
    ("train", {"seed": -1}),
    ("train", {"mode": "least"}),
    ("train", {"name": 3}),
    ("train", {"trainer": {"num_nodes": 0}}),
    ("train", {"optimizer": {"_target_": "torch.optim.SGD", "lr": 0}}),
    ("eval", {"split": "tests"}),
    ("infer", {"batch_size": True}),
    ("select_best_model", {"force": "yes"}),
    ("trainer", {"accumulate_grad_batches": 1.5}),
    ("trainer", {"log_every_n_steps": None}),
    ("optimizer", {"_target_": "torch.optim.Adam", "weight_decay": -0.1}),
    ("scheduler", {"_target_": "torch.optim.lr_scheduler.ReduceLROnPlateau", "patience": -1}),
    ("data", {**CSV, "batch_size": 0}),
    ("data", {**CSV, "fil": "x.csv"}),
    ("data", {**CSV, "missing": "median"}),
    ("data", {"_target_": "src.data.mine.read_mine", "defaults": ["array_defaults"], "split": [0.5, "x"]}),
    ("callbacks", {"early_stopping": {"patience": -1}}),
    ("callbacks", {"mine": {"_target_": "trainhouse.training.callbacks.LastCheckpoint", "every_n_minutes": 0}}),
    ("callbacks", {"mine": {"_target_": "trainhouse.training.progress_bar.ProgressBar", "rate": 1}}),
]


@pytest.mark.parametrize(("name", "content"), WRONG)
def test_what_a_command_refuses_is_marked(name: str, content: Any) -> None:
    assert problems(name, content)


RIGHT: list[tuple[str, Any]] = [
    ("train", {"mine": {"x": 1}, "seed": "${oc.env:SEED}", "monitor": None, "name": "${now:%Y}", "hydra": {"x": 1}}),
    ("train", {"data": "${other}", "model": None, "optimizer": {"lr": "fast"}, "data2": 3, "trainer": {"mine": 1}}),
    ("train", {"callbacks": {"early_stopping": None, "mine": {"_target_": "src.mine.Stop", "patience": "long"}}}),
    ("optimizer", {"_target_": "src.training.mine.Lion", "lr": "fast", "weight_decay": -1, "anything": [1]}),
    ("scheduler", {"_target_": "src.training.schedules.mine", "_partial_": True, "patience": "long"}),
    ("data", {"_target_": "src.data.mine.Mine", "batch_size": "all", "split": {"train": 0.5}, "split_seed": None}),
    ("data", {**CSV, "_convert_": "all", "file": "???", "batch_size": "${batch_size}", "split": ["${a}", 0.1, 0.1]}),
    ("model", {"_target_": "src.models.mine.Mine", "vocab_size": "???", "optimizer": "${optimizer}"}),
    ("model", None),  # an empty file
    ("callbacks", {"defaults": ["default", "top_checkpoints"], "mine": {"_target_": "src.mine.Mine", "rate": 1}}),
    ("trainer", {"max_epochs": -1, "profiler": {"_target_": "src.mine.Profiler"}, "limit_train_batches": 10}),
]


@pytest.mark.parametrize(("name", "content"), RIGHT)
def test_what_is_the_users_own_is_not_marked(name: str, content: Any) -> None:
    assert problems(name, content) == []


VALUES = (None, True, False, 0, 1, 3, -1, 2**40, 0.0, 0.5, 1.0, -0.5, "", "x", "min", "auto", "00:12:00:00", [], {})
VALUES_OF_LISTS = ([0.8, 0.1, 0.1], [1, 2], ["x"], {"_target_": "x"}, "${x}", "???")


def test_no_value_is_marked_that_fits_its_annotation() -> None:
    marked = []
    for key, hint in keys():
        if is_mapping(hint):
            continue
        node: Any = {"optimizer._target_": "torch.optim.Adam"}
        for value in (*VALUES, *VALUES_OF_LISTS):
            node = value
            for name in reversed(key.split(".")):
                node = {name: node}
            is_open = value in ("${x}", "???")
            marked += [(key, value)] if (is_open or fits(value, hint)) and problems("train", node) else []
    assert marked == []


@pytest.mark.skipif(not (ROOT / ".vscode/settings.json").exists(), reason="the user works with another editor")
def test_the_editor_finds_them() -> None:
    settings = json.loads((ROOT / ".vscode/settings.json").read_text())
    named = [path for path in settings.get("yaml.schemas", {}) if "trainhouse/schema/" in path]
    assert [path for path in named if not (ROOT / path).is_file()] == []
