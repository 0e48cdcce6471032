"""The rows of all the files beside this one."""

import importlib
from pathlib import Path


def test_no_case_is_listed_twice() -> None:
    files = [importlib.import_module(f"{__package__}.{path.stem}") for path in Path(__file__).parent.glob("test_*.py")]
    commands = [command for file in files for command, _ in getattr(file, "ROWS", [])]
    assert commands
    assert len(set(commands)) == len(commands)
