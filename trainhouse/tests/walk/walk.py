"""Tries one thing on one kind of run: what it is refused with, or whether a resume is exact."""

import json
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from trainhouse.checkpoints.checkpoint import RECORD
from trainhouse.configuration.errors import UserError, refusal_of_lightning
from trainhouse.configuration.settings import Train
from trainhouse.tests.pair_house import outcome, pair_config, read_checkpoint, train_until
from trainhouse.tests.test_exact_resume import differing
from trainhouse.tests.tiny import tiny_config
from trainhouse.tests.walk.parts import Part
from trainhouse.training.train import train

ARRAY, PAIR = "array", "pair"
MOMENTS = ((1, 1), (1, 0))  # epoch, batch; 0 is the end of the epoch
_COMMON = (
    "trainer.max_epochs=3",
    "trainer.log_every_n_steps=1",
    "callbacks.last_checkpoint.every_n_minutes=1e-9",
    "figures=false",
)
_OWN = ("History", "ExactResume")  # where the run is, and when: compared by what follows from it
# Times and folders; the last is written down by Lightning, and never read.
_OF_THE_CLOCK = ("time", "time_elapsed", "seconds", "path", "dirpath", "current_score")


@dataclass(frozen=True)
class Result:
    """What came of it: with no line all is exact, with one it says what is not, or why it is refused."""

    line: str
    is_refused: bool = False


def config_of(part: Part, run: str, folder: Path) -> Train:
    """Compose a tiny run with it."""
    logger = [] if any("logger" in one for one in part.typed) else ["logger=none"]
    logger = ["logger=csv"] if part.kind == "logger" else logger
    if run == PAIR:
        return pair_config(part.pair, folder / "files", *_COMMON, *logger, *part.typed)
    return tiny_config(folder / "rows.npy", "threads=1", "model.dropout=0.3", *_COMMON, *logger, *part.typed)


def found(part: Part, run: str, folder: Path, moments: tuple[tuple[int, int], ...] = MOMENTS) -> Result:
    """Train, resume from the `moments`, compare. Raises `AssertionError` for anything that should not be."""
    with _as_it_was():
        try:
            config = config_of(part, run, folder)
            train(config, folder / "whole")
        except Exception as error:
            line = str(error) if isinstance(error, UserError) else refusal_of_lightning(error)
            if line is None:
                raise
            return _refused(line, folder)
        reasons = json.loads((folder / "whole" / "metrics.json").read_text()).get("not_exact", [])
        for number, (epoch, batch) in enumerate(moments):
            resumed = folder / f"resumed_{number}"
            last = _killed(part, config, resumed, epoch, batch)
            own = Train(read_checkpoint(last)[RECORD]["config"])  # a finder may have found something
            train(own.with_values({"callbacks.killed": None}), resumed, last)
            wrong = differing(_all_of(folder / "whole"), _all_of(resumed))
            if wrong and not reasons:
                raise AssertionError(f"{part.name}, {run}: resumed after {epoch}, {batch}, and differs in {wrong}")
        return Result("; ".join(reasons))


def _killed(part: Part, config: Train, folder: Path, epoch: int, batch: int) -> Path:
    """Train until the run is killed; with a profiler in a child, which PyTorch's of a killed run ends when it goes."""
    if part.kind != "profiler":
        return train_until(config, folder, epoch, batch)
    child = os.fork()
    if child == 0:
        status = 1
        try:
            train_until(config, folder, epoch, batch)
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0, "it was not killed as it should be"
    return folder / "checkpoints" / "last.ckpt"


def _refused(line: str, folder: Path) -> Result:
    assert "\n" not in line, line
    assert not list(folder.rglob("*.ckpt")), "it trained before it said so"
    assert not list(folder.rglob("metrics.csv")), "it trained before it said so"
    return Result(line, is_refused=True)


def _all_of(folder: Path) -> dict[str, Any]:
    """Also what callbacks have counted, and loggers logged."""
    states = read_checkpoint(folder / "checkpoints" / "last.ckpt")["callbacks"]
    callbacks = {name: _timeless(state, folder) for name, state in states.items() if name not in _OWN}
    steps = folder / "logs" / "steps" / "metrics.csv"
    rows = sorted(_rows(steps)) if steps.is_file() else []
    return {**outcome(folder), **{f"state of {name}": state for name, state in callbacks.items()}, "logged": rows}


def _rows(path: Path) -> Iterator[str]:
    names, *lines = (line.split(",") for line in path.read_text().splitlines())
    for line in lines:
        row = {name: value for name, value in zip(names, line, strict=True) if value and not _is_of_the_clock(name)}
        yield json.dumps(row, sort_keys=True)


def _is_of_the_clock(name: str) -> bool:
    """Whether a logged value is of the machine, or counts from where the process has begun."""
    return "_per_sec" in name or name.startswith("DeviceStats") or name.endswith(("/time", "/batches", "/samples"))


def _timeless(state: Any, folder: Path) -> Any:
    if isinstance(state, dict):
        kept = {str(name): value for name, value in state.items() if not str(name).endswith(_OF_THE_CLOCK)}
        return {name.replace(str(folder), ""): _timeless(value, folder) for name, value in kept.items()}
    return state


@contextmanager
def _as_it_was() -> Iterator[None]:
    """Leave nothing behind that a strategy or a precision has set."""
    environment, dtype = dict(os.environ), torch.get_default_dtype()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        torch.set_default_dtype(dtype)
        os.environ.clear()
        os.environ.update(environment)
