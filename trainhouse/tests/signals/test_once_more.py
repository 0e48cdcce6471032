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
import atexit, os, signal, time
from trainhouse.launching.entry import script

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it

def act(config):
    raise KeyboardInterrupt

atexit.register(lambda: (os.kill(os.getpid(), signal.SIGINT), time.sleep(10)))
script("infer")(act)()
"""


def test_ctrl_c_once_more_after_the_last_line_ends_without_a_traceback(tmp_path: Path) -> None:
    command = [sys.executable, "-c", ENDS_TWICE, "ckpt_path=x.ckpt", "input=x.npy", f"hydra.run.dir={tmp_path}/run"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (-signal.SIGINT, "interrupted\n")
