"""A run folder's configuration may be anybody's: what Hydra itself would build or set from it is refused."""

import subprocess
import sys
from pathlib import Path

import pytest

from trainhouse.configuration.errors import UserError
from trainhouse.configuration.settings import Train
from trainhouse.launching.foreign_config import check_foreign_config
from trainhouse.runs.layout import CONFIG
from trainhouse.runs.saved_config import write_config
from trainhouse.tests.common import CONF, ROOT


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A run's folder with the configuration that the project writes there."""
    write_config(tmp_path, Train({"seed": 0, "model": {"_target_": "torch.nn.Linear"}}))
    return tmp_path


def check(folder: Path) -> None:
    check_foreign_config([f"--config-path={folder}", "--config-name=config"], CONF, "train")


def test_what_a_run_writes_passes(folder: Path) -> None:
    check(folder)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("trainhouse.runs.run_folder.ClaimRunFolder", "torch.load"),
        ("hydra:\n", "hydra:\n  job:\n    env_set:\n      PATH: /tmp\n"),
        ("hydra:\n", "hydra:\n  searchpath: ['pkg://evil']\n"),
        ("hydra:\n", "hydra:\n  mode: MULTIRUN\n"),
        ("- _self_\n", "- _self_\n  - evil\n"),
        ("seed: 0", "seed: ${oc.create:{_target_:os.system}}"),
        ("torch.nn.Linear", "builtins.open"),
        ("seed: 0", "seed: [0"),
    ],
)
def test_what_a_run_does_not_write_is_refused_with_its_file(folder: Path, old: str, new: str) -> None:
    text = (folder / CONFIG).read_text()
    assert old in text
    (folder / CONFIG).write_text(text.replace(old, new))
    with pytest.raises(UserError, match=r"config\.yaml"):
        check(folder)


def test_a_file_that_is_named_by_its_path_is_checked_too(folder: Path) -> None:
    (folder / CONFIG).write_text("model: {_target_: os.system}\n")
    up = "../" * len(CONF.parts)
    with pytest.raises(UserError, match=r"os\.system"):
        check_foreign_config([f"--config-name={up}{folder.relative_to('/')}/config"], CONF, "train")


@pytest.mark.parametrize("script", ["eval", "infer", "select_best_model"])
def test_only_training_runs_a_configuration_from_elsewhere(script: str, tmp_path: Path) -> None:
    given = tmp_path / f"{script}.yaml"
    given.write_text("input: rows.csv\noutput: ../train.csv\nfinal_model: train.py\n")
    command = [sys.executable, f"{script}.py", f"--config-path={tmp_path}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"error: {given}: train.py alone runs what another user account has configured")
    assert done.stderr.count("\n") == 1


def test_an_unknown_option_is_named() -> None:
    with pytest.raises(UserError, match="--foo: no such option"):
        check_foreign_config(["--foo"], CONF, "train")
