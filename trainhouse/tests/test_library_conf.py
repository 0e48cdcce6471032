"""The library brings configuration of its own: it is found behind the user's, which wins."""

from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir

from trainhouse.configuration import schema
from trainhouse.tests.common import CONF, LIBRARY_CONF


def test_files_of_the_library_are_found() -> None:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("train", ["debug=limit", "sweep=optuna"], return_hydra_config=True)
    assert config.name == "debug"
    assert config.hydra.sweeper.study_name == "study"


def test_a_file_of_the_same_name_in_the_users_folder_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "debug").mkdir()
    (tmp_path / "debug" / "limit.yaml").write_text("# @package _global_\nname: mine\n")
    (tmp_path / "train.yaml").write_text("defaults: [_self_, debug: null]\nname: none\n")
    for option, name in (("limit", "mine"), ("overfit", "debug")):
        with initialize_config_dir(str(tmp_path), version_base="1.3"):
            assert (
                compose("train", [f"debug={option}", *(["+trainer={}", "+callbacks={}"] * (name == "debug"))]).name
                == name
            )
    monkeypatch.setattr(schema, "CONF", tmp_path)
    assert schema.config_file("debug/limit") == tmp_path / "debug" / "limit.yaml"
    assert schema.config_file("debug/overfit") == LIBRARY_CONF / "debug" / "overfit.yaml"
    assert schema.config_file("debug/none") == tmp_path / "debug" / "none.yaml"
    assert schema.options("debug") == sorted(path.stem for path in (LIBRARY_CONF / "debug").glob("*.yaml"))
    assert schema.is_group("debug")
    assert not schema.is_group("model")
