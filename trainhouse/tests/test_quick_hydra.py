"""Hydra's answers are its own, and come sooner."""

from pathlib import Path

import pytest

from trainhouse.configuration.schema import CONF, LIBRARY_CONF
from trainhouse.fast.quick_hydra import _can_say_the_mode


@pytest.mark.parametrize(
    ("arguments", "content", "asked"),
    [
        (["model=cnn"], "hydra:\n  run:\n    dir: outputs\n", False),
        (["model=cnn"], "hydra:\n  mode: MULTIRUN\n", True),
        (["model=cnn"], "hydra:\n  searchpath: [file://elsewhere]\n", True),
        (["hydra.mode=MULTIRUN"], "seed: 1\n", True),
        (["hydra.run.dir=outputs/hydra", "hydra.job.name=mode"], "seed: 1\n", False),
        (["hydra.run.dir=outputs", "hydra/launcher=basic"], "seed: 1\n", True),
        (["--config-dir=elsewhere"], "seed: 1\n", True),
        (["-cn", "other"], "seed: 1\n", True),
    ],
)
def test_the_mode_is_composed_where_something_can_say_it(
    arguments: list[str], content: str, asked: bool, tmp_path: Path
) -> None:
    (tmp_path / "group").mkdir()
    (tmp_path / "group" / "file.yaml").write_text(content)
    assert _can_say_the_mode(tmp_path, arguments) is asked


def test_no_file_of_the_project_says_the_mode() -> None:
    assert not _can_say_the_mode(CONF, [])
    assert not _can_say_the_mode(LIBRARY_CONF, [])  # where nothing looks


def test_a_file_that_can_not_be_read_is_no_matter(tmp_path: Path) -> None:
    (tmp_path / ".#train.yaml").symlink_to("someone@somewhere.1234")  # an editor's mark that it has the file open
    assert _can_say_the_mode(tmp_path, [])
