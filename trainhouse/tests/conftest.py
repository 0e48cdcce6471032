"""What all test processes have in common: their environment, and the names and fixtures of common.py.

These need torch and Lightning, which take seconds to import: the process that only hands out the tests to others
(`-n 2`) does without.
"""

import atexit
import gc
import os
import sys
import tempfile
from importlib import import_module
from pathlib import Path

import pytest

# torch, Lightning and the tests make a million objects that live as long as the process: to search for garbage as
# often as Python does took a third of the time until the first test.
gc.set_threshold(200_000, 10, 10)

# Two test processes on two cores: one thread each, or they wait for one another (25 times slower).
os.environ["OMP_NUM_THREADS"] = "1"

# As in an environment that is active: `python` is the one that runs these tests.
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])

# Relative paths in conf/ start in the folder that a test works in.
os.environ["TRAINHOUSE_PROJECT"] = "."

# What is signed by a key in the user's home: all processes of these tests have one of their own.
_STATE = tempfile.TemporaryDirectory(prefix="state-")
atexit.register(_STATE.cleanup)
os.environ["XDG_STATE_HOME"] = os.environ.setdefault("STATE_OF_TESTS", _STATE.name)


def pytest_configure(config: pytest.Config) -> None:
    """Import what the tests share, unless other processes run them.

    A GPU is for the tests marked so: the others fork processes, which can't use it, and compare numbers with the CPU's.
    """
    if "gpu" not in config.option.markexpr:
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
    hands_out = getattr(config.option, "dist", "no") != "no" and not hasattr(config, "workerinput")
    if not hands_out:
        config.pluginmanager.register(import_module("trainhouse.tests.common"), "common")
