"""Nothing that a sweep or Hydra finds in a file is unpickled."""

import pickle
import re
from pathlib import Path
from typing import Any

import optuna
import pytest

from trainhouse.configuration.errors import UserError
from trainhouse.launching.foreign_config import check_foreign_config
from trainhouse.launching.queued import unpickle_nothing_found
from trainhouse.tests.common import CONF


class Payload:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def test_nothing_else_of_optuna_unpickles_what_a_file_may_hold() -> None:
    """Only Redis keeps snapshots of a journal, and it is no storage that can be asked for here."""
    root = Path(optuna.__file__).parent
    users = {
        path.relative_to(root).as_posix()
        for path in root.rglob("*.py")
        if re.search(r"\b(c?pickle|dill|joblib|marshal)\w*\.loads?\(", path.read_text())
    }
    assert {name for name in users if not name.startswith("testing/")} == {
        "samplers/_cmaes.py",
        "storages/journal/_storage.py",
    }
    snapshots = {
        path.name for path in root.rglob("*.py") if "(BaseJournalBackend, BaseJournalSnapshot)" in path.read_text()
    }
    assert snapshots <= {"_redis.py"}


def test_submitits_pickles_are_in_a_folder_that_nobody_could_fill_before() -> None:
    class Launcher:
        def __init__(self) -> None:
            self.params = {"submitit_folder": "sweep/.submitit/%j"}

    folders = set()
    for _ in range(3):
        launcher = Launcher()
        unpickle_nothing_found(launcher)
        assert re.fullmatch(r"sweep/\.submitit/[0-9a-f]{16}/%j", launcher.params["submitit_folder"])
        folders.add(launcher.params["submitit_folder"])
    assert len(folders) == 3


@pytest.mark.parametrize("option", ["--experimental-rerun=config.pickle", "--experimental-rerun"])
def test_hydras_pickled_configuration_is_refused(option: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("config.pickle").write_bytes(pickle.dumps(Payload(Path("touched").absolute())))
    arguments = [option] if "=" in option else [option, "config.pickle"]
    with pytest.raises(UserError, match="--experimental-rerun: unpickles a file"):
        check_foreign_config(arguments, CONF, "train")
    assert not Path("touched").exists()
