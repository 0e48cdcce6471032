"""Mistakes that are found before anything is built, each made in this process: a tenth of a second, not a second."""

import os
import shlex
import signal
import sys
import threading
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from trainhouse.configuration import schema
from trainhouse.configuration.config import checked
from trainhouse.launching.entry import script
from trainhouse.tests.common import ROOT
from trainhouse.tests.mistakes.judging import Rows

OPEN = {"train": (), "eval": ("data",), "infer": ("data",), "select_best_model": ()}
# Words of Hydra, OmegaConf, ANTLR, PyYAML and argparse that no user has to know.
THEIRS = (
    *("LexerNoViable", "mismatched input", "no viable alternative", "expecting {", "full_key", "object_type"),
    *("TypeError(", "Could not ", "MissingMandatory", "usage:", "Traceback", "Multiple values", "To override a value"),
    *(
        "raised while",
        "Error parsing",
        "hydra.cc",
        "requires --multirun",
        "Interpolation key",
        "while scanning",
        "Config search",
    ),
)
Ended = Callable[[str], str]


@pytest.fixture
def ended(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> Iterator[Ended]:
    """Run a command as far as its checked configuration; the line with which it ends, "" if nothing is wrong."""
    handlers = {signum: signal.getsignal(signum) for signum in (signal.SIGTERM, signal.SIGHUP)}
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(HydraConfig.instance(), "cfg", None)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    monkeypatch.setattr(sys, "argv", sys.argv)
    for name in ("HYDRA_FULL_ERROR", "TRAINHOUSE_FULL_ERROR"):
        monkeypatch.setenv(name, "0")

    def run(command: str) -> str:
        name, *arguments = shlex.split(command)
        act = name.removesuffix(".py")

        def check(config: DictConfig) -> float:
            checked(config, act)  # type: ignore[call-overload]
            return 0.0

        sys.argv = [str(ROOT / name), *(one.replace("$PWD", str(tmp_path)) for one in arguments)]
        os.environ["HYDRA_FULL_ERROR"] = "0"
        try:
            script(act, OPEN[act])(check)()
        except SystemExit as end:
            said = end.code if isinstance(end.code, str) else capfd.readouterr().err
            return said.strip()
        return ""

    yield run
    schema.also_search([])
    for signum, handler in handlers.items():
        signal.signal(signum, handler)


def some_of(rows: Rows, one_in: int = 3) -> list[Any]:
    """Make the most of rows slow tests: each of them composes a configuration. Its own text decides which."""
    slow = [zlib.crc32("".join(row).encode()) % one_in for row in rows]
    return [
        pytest.param(*row, marks=[pytest.mark.slow] if is_slow else []) for row, is_slow in zip(rows, slow, strict=True)
    ]


def assert_is_one_line_of_ours(said: str, line: str) -> None:
    """Compare how a command has ended with the words that are expected in it."""
    assert said.startswith("error: ")
    assert line in said
    assert len(said.splitlines()) == 1
    assert [words for words in THEIRS if words in said] == []
