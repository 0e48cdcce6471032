"""Moments at which a signal comes to a run, and what a run that was stopped says."""

import json
import re
import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from src.training.module import Module
from trainhouse.tests.common import run_script
from trainhouse.tests.started import Hold
from trainhouse.training import build_run

STATUS = {"SIGHUP": 129, "SIGINT": 130, "SIGTERM": 143}
STOPPED = re.compile(
    r"stopped by (\w+) at epoch (\d+), step (\d+); saved (\S+/checkpoints/last\.ckpt); "
    r"continue with: python \S*/(train\.py .+)"
)


def quickly(values: Iterable[str], *quick: str) -> list[Any]:
    """All `values`; those that are not among the `quick` ones are for a slow day."""
    return [value if value in quick else pytest.param(value, marks=pytest.mark.slow) for value in values]


def at_step(step: int) -> Hold:
    return Hold(Module, "training_step", lambda module, *_: not trying_out(module) and module.global_step == step)


def in_validation(epoch: int, batch: int) -> Hold:
    def when(module: Module, _: Any, batch_idx: int) -> bool:
        return not trying_out(module) and (module.current_epoch + 1, batch_idx + 1) == (epoch, batch)

    return Hold(Module, "validation_step", when)


def trying_out(module: Module) -> bool:
    return bool(module.trainer.fast_dev_run)


def trying(module: Module, *_: Any) -> bool:
    return trying_out(module)


BUILDING = {
    "data is read": Hold(build_run, "build_data"),
    "the model is built": Hold(build_run, "build_module"),
    "a batch is tried out": Hold(Module, "training_step", trying),
}


def stopped_line(stderr: str) -> re.Match[str]:
    """The last line; before it there is only the word that the signal has come."""
    lines = stderr.splitlines()
    assert "Traceback" not in stderr
    assert [line for line in lines[:-1] if "finishing this batch" not in line] == []
    found = STOPPED.fullmatch(lines[-1])
    assert found, stderr
    return found


def run_line(command: str, cwd: Path) -> None:
    """Type what the line says."""
    script, *arguments = shlex.split(command)
    done = run_script(script, *arguments, cwd=cwd)
    assert (done.returncode, done.stderr) == (0, "")


def status_of(folder: Path) -> str:
    return json.loads((folder / "metrics.json").read_text())["status"]
