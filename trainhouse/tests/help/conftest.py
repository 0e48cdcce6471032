"""Asking a command instead of running it."""

import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hydra.core.hydra_config import HydraConfig

from trainhouse.configuration import schema
from trainhouse.launching.answers import answer
from trainhouse.tests.common import CONF, ROOT

Ask = Callable[..., str]


# What these tests read of conf/, which is the user's to change.
_READ = ("data/csv", "experiment/digits_cnn", "model/cnn", "model/linear", "model/simple_net", "optimizer/adamw")


@pytest.fixture(autouse=True)
def as_shipped() -> None:
    """Leave these tests out of a project whose defaults are others by now."""
    train = (CONF / "train.yaml").read_text()
    missing = [name for name in _READ if not (CONF / f"{name}.yaml").is_file()]
    if missing or "seed: 0" not in train or "model: simple_net  # what learns" not in train:
        pytest.skip("reads conf/ as it came with the project")


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch) -> Ask:
    """The page that a command prints, in the project's folder."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(HydraConfig.instance(), "cfg", None)

    def page(*arguments: str, command: str = "train") -> str:
        monkeypatch.setattr(sys, "argv", [str(ROOT / f"{command}.py"), *arguments])
        found = answer([*arguments], schema.CONF, command)
        assert found is not None
        lines = [line for line in found.splitlines() if not line.startswith("  from /")]
        assert [line for line in lines if len(line) > 80 or line != line.rstrip()] == []
        assert not re.search(r"\[Any|Any[,\]]| Any ", found.replace("Any name", ""))
        return found

    return page


@pytest.fixture
def own_conf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's conf/ with other defaults, a model of theirs and without some files of ours."""
    conf = tmp_path / "conf"
    shutil.copytree(CONF, conf)
    train = (conf / "train.yaml").read_text()
    train = train.replace("model: simple_net  # what learns", "model: mine").replace("seed: 0", "seed: 7  # lucky")
    (conf / "train.yaml").write_text(train)
    (conf / "model/mine.yaml").write_text("# Mine.\n_target_: src.models.mine.Mine\nwidth: 3  # of all layers\n")
    for name in ("cnn", "simple_net", "linear"):
        (conf / f"model/{name}.yaml").unlink()
    shutil.rmtree(conf / "experiment")
    (conf / "train.yaml").write_text(re.sub(r"  - experiment: .*\n", "", (conf / "train.yaml").read_text()))
    monkeypatch.setattr(schema, "CONF", conf)
    return conf
