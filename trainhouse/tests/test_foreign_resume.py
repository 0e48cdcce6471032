"""A run folder that somebody else made is resumed as data: nothing of its configuration is resolved or written out."""

import time
from pathlib import Path

import pytest

from trainhouse.configuration.errors import UserError
from trainhouse.launching.foreign_config import check_foreign_config
from trainhouse.runs.layout import CONFIG
from trainhouse.runs.saved_config import write_config
from trainhouse.tests.common import CONF, composed
from trainhouse.tests.test_bounded import ALIAS_BOMB
from trainhouse.training.resume import resume


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run that was stopped before its first checkpoint."""
    monkeypatch.setenv("SECRET", "swordfish")
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "run"
    write_config(folder, composed())
    return folder


def edit(folder: Path, old: str, new: str) -> None:
    text = (folder / CONFIG).read_text()
    assert text.count(old) == 1
    (folder / CONFIG).write_text(text.replace(old, new))


def refusals(folder: Path) -> list[str]:
    """What both ways say that take a run folder's configuration: `resume=` and `--config-path=`."""
    with pytest.raises(UserError) as of_resume:
        resume(folder, composed(), [])
    with pytest.raises(UserError) as of_path:
        check_foreign_config([f"--config-path={folder}", "--config-name=config"], CONF, "train")
    return [str(of_resume.value), str(of_path.value)]


@pytest.mark.parametrize("text", ["${oc.env:SECRET}", "x${oc.decode:${oc.env:SECRET}}", "${optimizer.lr}"])
def test_no_interpolation_is_resolved(folder: Path, text: str) -> None:
    edit(folder, "name: test\n", f"name: {text}\n")
    before = sorted(folder.parent.rglob("*"))
    for message in refusals(folder):
        assert message == f"{folder / CONFIG}: name is {text!r}; a file may hold no interpolation"
    assert sorted(folder.parent.rglob("*")) == before


def test_one_in_the_part_for_hydra_is_what_a_run_writes_there(folder: Path) -> None:
    edit(folder, "dir: outputs/${name}/${now:%Y-%m-%d_%H-%M-%S}", "dir: outputs/${oc.env:SECRET}")
    for message in refusals(folder):
        assert message.startswith(f"{folder / CONFIG}: hydra.run.dir is '")


def test_aliases_end_in_a_line_at_once(folder: Path) -> None:
    with open(folder / CONFIG, "a") as file:
        file.write(ALIAS_BOMB)
    started = time.monotonic()
    for message in refusals(folder):
        assert "stands for more than" in message
    assert time.monotonic() - started < 10


def test_brackets_end_in_a_line(folder: Path) -> None:
    edit(folder, "name: test\n", f"name: {'[' * 5000}{']' * 5000}\n")
    for message in refusals(folder):
        assert message.startswith(f"{folder / CONFIG}: ")
        assert "\n" not in message


def test_aliases_in_the_command_line_of_the_first_start_are_passed_over(folder: Path) -> None:
    (folder / ".hydra").mkdir()
    (folder / ".hydra" / "overrides.yaml").write_text(ALIAS_BOMB)
    with pytest.raises(UserError, match="optimizer: a resumed run keeps its own"):
        resume(folder, composed("optimizer=sgd"), ["optimizer=sgd"])
