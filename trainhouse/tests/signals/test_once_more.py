"""Ctrl-C once more, when all is saved and said, ends what libraries still do at Python's exit."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from trainhouse.tests.common import ROOT

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the signals of this platform are others")

ENDS_TWICE = """
import atexit, os, signal, sys, time
from trainhouse.launching.entry import script

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it

def act(config):
    try:
        raise KeyboardInterrupt
    except KeyboardInterrupt:
        EXIT

atexit.register(lambda: (os.kill(os.getpid(), signal.SIGINT), time.sleep(10)))
script("infer")(act)()
"""


@pytest.mark.parametrize("exits", ["raise", "signal.signal(signal.SIGINT, signal.SIG_IGN), sys.exit(1)"])
def test_ctrl_c_once_more_after_the_last_line_ends_without_a_traceback(exits: str, tmp_path: Path) -> None:
    code = ENDS_TWICE.replace("EXIT", exits)  # the second is what Lightning does in a test
    files = [tmp_path / "x.ckpt", tmp_path / "x.npy"]
    for file in files:
        file.touch()
    given = [f"ckpt_path={files[0]}", f"input={files[1]}"]
    command = [sys.executable, "-c", code, *given]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (-signal.SIGINT, "interrupted\n")
