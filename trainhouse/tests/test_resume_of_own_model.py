"""Keys of a model of the user's own are known on a resume, though the command line composes the default one."""

from pathlib import Path

import pytest
import yaml

from trainhouse.launching.compose_errors import explain
from trainhouse.tests.common import CONF, run_script


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A run's folder, as far as its configuration."""
    config = {"model": {"_target_": "src.models.own.Own", "lr": 0.01}, "data": {"own": {"depth": 2}}, "trainer": {}}
    run = tmp_path / "outputs/run"
    run.mkdir(parents=True)
    (run / "config.yaml").write_text(yaml.safe_dump(config))
    monkeypatch.chdir(tmp_path)
    return run


def explained(argument: str, *others: str) -> str:
    key = argument.partition("=")[0]
    return explain(Exception(f"Could not override '{key}'."), CONF, "train", [argument, *others])


@pytest.mark.parametrize("resume", ["resume=last", "resume=outputs/run", "resume='outputs/run'"])
@pytest.mark.parametrize("key", ["model.lr", "data.own.depth"])
def test_a_key_of_the_run_can_not_change(folder, resume, key):
    line = explained(f"{key}=3", resume)
    assert line.startswith(f"{key}: a resumed run keeps its own (resume=outputs/run); what it may change is ")
    assert line.endswith(f"For another {key} start a new run, with init_from= from these weights")


@pytest.mark.parametrize("others", [["resume=last"], ["resume=outputs/none"], []])
def test_a_key_that_neither_has_is_no_key(folder, others):
    key = "model.width" if others == ["resume=last"] else "model.lr"
    assert explained(f"{key}=3", *others).startswith(f"'{key}' is not a key of this configuration")


def test_the_command_says_it(folder: Path):
    done = run_script("train.py", "resume=last", "model.lr=0.1", cwd=folder.parent.parent)
    assert done.returncode == 1
    assert done.stderr.startswith("error: model.lr: a resumed run keeps its own (resume=outputs/run)")
