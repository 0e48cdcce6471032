"""Provenance: the commit, the packages and the data that a model comes from."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

import pytest

from trainhouse.configuration.settings import Train
from trainhouse.runs.provenance import provenance


def git(*arguments: str) -> str:
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", *identity, *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one commit, as this checkout and as the working folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("trainhouse.runs.provenance._PROJECT", tmp_path)
    git("init")
    (tmp_path / "model.py").write_text("one")
    git("add", ".")
    git("commit", "-m", "first")
    return tmp_path


def test_a_clean_tree_is_named_by_its_commit(repository: Path) -> None:
    (repository / "notes.txt").write_text("a file that git does not track changes no model")
    found = provenance("x.npy", "0123")
    assert (found["git_commit"], found["git_dirty"]) == (git("rev-parse", "HEAD"), False)


def test_a_changed_file_makes_the_tree_dirty(repository: Path) -> None:
    (repository / "model.py").write_text("two")
    assert provenance("x.npy", "0123")["git_dirty"] is True


@pytest.mark.parametrize("name", ["src/models/mine.py", "conf/model/mine.yaml"])
def test_code_that_git_does_not_keep_makes_the_tree_dirty(repository: Path, name: str) -> None:
    (repository / name).parent.mkdir(parents=True)
    (repository / name).write_text("new")
    assert provenance("x.npy", "0123")["git_dirty"] is True
    git("add", ".")
    git("commit", "-m", "second")
    (repository / "src" / "__pycache__").mkdir(parents=True, exist_ok=True)
    (repository / "src" / "__pycache__" / "mine.pyc").write_text("made from it")
    assert provenance("x.npy", "0123")["git_dirty"] is False


def test_a_model_in_a_file_that_git_ignores_makes_the_tree_dirty(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (repository / ".gitignore").write_text("mine.py\n")
    git("add", ".")
    git("commit", "-m", "ignores")
    (repository / "mine.py").write_text("class Net: ...")
    assert provenance("x.npy", "0123")["git_dirty"] is False
    monkeypatch.syspath_prepend(repository)
    import_module("mine")
    assert provenance("x.npy", "0123", Train({"model": {"_target_": "mine.Net"}}))["git_dirty"] is True


def test_the_commit_is_that_of_the_code_not_of_the_folder_one_stands_in(
    repository: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = git("rev-parse", "HEAD")
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    monkeypatch.chdir(elsewhere)
    git("init")
    (elsewhere / "notes.txt").write_text("mine")
    git("add", ".")
    git("commit", "-m", "other")
    (elsewhere / "notes.txt").write_text("changed")
    assert git("rev-parse", "HEAD") != commit
    monkeypatch.setenv("GIT_DIR", str(elsewhere / ".git"))  # as within a hook of that repository
    found = provenance("x.npy", "0123")
    assert (found["git_commit"], found["git_dirty"]) == (commit, False)


def test_a_checkout_within_a_repository_that_keeps_nothing_of_it_has_no_commit(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (repository / "copy").mkdir()
    (repository / "copy" / "model.py").write_text("one")
    monkeypatch.setattr("trainhouse.runs.provenance._PROJECT", repository / "copy")
    assert provenance("x.npy", "0123")["git_commit"] is None
    git("add", ".")
    git("commit", "-m", "the copy")
    (repository / "model.py").write_text("two")
    found = provenance("x.npy", "0123")
    assert (found["git_commit"], found["git_dirty"]) == (git("rev-parse", "HEAD"), False), "nothing of it is changed"


@pytest.mark.parametrize("has_git", [True, False])
def test_a_copy_without_a_repository_has_no_commit(
    has_git: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trainhouse.runs.provenance._PROJECT", tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    if not has_git:
        monkeypatch.setenv("PATH", "")
    found = provenance("x.npy", "0123")
    assert (found["git_commit"], found["git_dirty"]) == (None, None)


def test_command_time_data_and_versions_are_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["train.py", "seed=3"])
    found = provenance("x.npy", "0123")
    assert found["command"] == "python train.py seed=3"
    assert abs(datetime.fromisoformat(found["date"]) - datetime.now(UTC)) < timedelta(minutes=1)
    assert (found["data"], found["data_fingerprint"]) == ("x.npy", "0123")
    assert found["packages"]["torch"] == version("torch")
    assert found["packages"]["hydra-core"] == version("hydra-core")
    assert sys.version.startswith(found["python"])
