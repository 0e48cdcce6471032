"""Whose fault it is that several ranks have come to their end: all but one only say that nobody answered them."""

import json
import logging
import os
import re
import signal
import socket
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import lightning as L
import torch

from trainhouse.configuration.bounded import read_mapping
from trainhouse.configuration.errors import (
    Interrupted,
    UserError,
    fault_of_the_machine,
    first_line,
    is_raised_by,
    refusal_of_lightning,
)
from trainhouse.machine.files import write_json
from trainhouse.machine.writes import unrefused
from trainhouse.resuming.gathering import of_all_ranks
from trainhouse.runs.layout import METRICS
from trainhouse.runs.rendezvous import is_shared
from trainhouse.runs.typed import as_override, command

_log = logging.getLogger(__name__)
_hosts: list[str] = []  # the names of the ranks' machines, once they have found one another

_NOTE = ".failed_rank_"
_SECONDS = 3.0  # for which ranks wait for what the others say; Lightning ends all 5 s after one has ended
_POLL = 0.05
_STARTED, _BEFORE = time.time(), 60.0  # the starts of processes, and clocks of machines, differ
# What torch says, in the ranks that are left, of another one that has ended or doesn't answer.
_OF_OTHERS = re.compile(
    r"gloo|Connection (reset|closed|refused)|Broken pipe|[Tt]ime(d )?out (waiting|after)|NCCL|ncclRemoteError"
    r"|DistStoreError|Socket Timeout|process group|pair closure",
)


def learn_hosts(trainer: L.Trainer) -> None:
    """Know from now on the machine of each rank, also of one that can't say it any more; a collective."""
    if trainer.world_size > 1:
        _hosts[:] = of_all_ranks(socket.gethostname())


def forget_failures(folder: Path, trainer: L.Trainer) -> None:
    """Remove what ranks have said in an earlier part of the run; in this one another rank may have failed already."""
    for path in folder.glob(f"{_NOTE}*"):
        if not _note_of(path, trainer):
            path.unlink(missing_ok=True)


def whose_fault(
    error: BaseException, trainer: L.Trainer, folder: Path, seconds: float | None
) -> tuple[BaseException, BaseException]:
    """Return what has ended the run, the error itself or what another rank has met, and how it is recorded.

    `seconds` is the time for which ranks wait for one another.
    """
    if trainer.world_size == 1 or not isinstance(error, Exception):
        return error, error
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # by which torchrun ends those that are left: first the record
    known = fault_of_the_machine(error) or refusal_of_lightning(error)
    line = str(error) if isinstance(error, UserError) else known
    is_own = line is not None or not _is_of_others(error)
    said = line or f"{type(error).__name__}: {first_line(error)}"
    note = _say(trainer, folder, said, is_own)
    continuing = f"; continue with: {command('train', as_override('resume', folder))}"
    if is_own:
        failed = UserError(_sentence(note) + continuing)
        if trainer.global_rank != 0:
            _let_go(folder)
            first = _note_of(folder / f"{_NOTE}0", trainer)
            if line is not None and first.get("error") == said and not is_shared():  # that rank says it for both
                return SystemExit(1), failed
        elif line is None:  # its traceback follows
            _log.error("error: %s", failed)
        return error, failed
    notes = _others(trainer, folder)
    if own := next((note for note in notes.values() if note["is_own"]), None):
        failed = UserError(_sentence(own) + continuing)
    else:
        missing = [rank for rank in range(trainer.world_size) if rank != trainer.global_rank and rank not in notes]
        where = f"epoch {trainer.current_epoch + 1}, after step {trainer.global_step}"
        for_so_long = "" if seconds is None else f" for rank_timeout={seconds:g} s"
        is_late = "imed out" in str(error) or "imeout" in str(error)
        if is_late and not missing:
            what = f"all {trainer.world_size} ranks waited for one another{for_so_long}"
            why = _unequal(note, notes) or _of_network()
        else:
            who = f"rank{'s' * (len(missing) != 1)} {', '.join(map(str, missing))}" if missing else "another rank"
            what = f"gave no answer{for_so_long}" if is_late else "exited without an error, as if killed"
            what, why = f"{who} of {trainer.world_size}{_on_hosts(missing)} {what}", ""
        failed = UserError(f"{what}, in {where}{why}{continuing}")
        if 0 in missing and trainer.global_rank == min(notes, default=trainer.global_rank):
            _record_for_the_first(folder, str(failed))
        _end_those_that_hang(trainer)
    return failed, failed


def _on_hosts(missing: list[int]) -> str:
    hosts = dict.fromkeys(_hosts[rank] for rank in missing if rank < len(_hosts))
    return f" on {', '.join(hosts)}" if hosts else ""


def _of_network() -> str:
    hosts = dict.fromkeys(_hosts)
    return f"; is the network between {', '.join(hosts)} there?" if len(hosts) > 1 else ""


def _record_for_the_first(folder: Path, line: str) -> None:
    """Write down that the run has failed where the first rank, which does so, is lost."""
    with suppress(OSError, UserError), unrefused():
        content = read_mapping(folder / METRICS)
        if content is not None and content.get("status") == "running":
            write_json(folder / METRICS, {**content, "status": "failed", "error": line})


def _unequal(own: dict[str, Any], notes: dict[int, dict[str, Any]]) -> str:
    """Return what there is to say of ranks that all wait, but not for the same batch."""
    batches = {note["batch"] for note in (own, *notes.values()) if note["epoch"] == own["epoch"]}
    if len(batches) < 2:
        return ""
    return f", where ranks are at batches {min(batches)} and {max(batches)}: their loaders must have equally many"


def _sentence(note: dict[str, Any]) -> str:
    where = f"epoch {note['epoch']}, step {note['step']}"
    return f"rank {note['rank']} on {note['host']} failed at {where}: {note['error']}"


def _is_of_others(error: Exception) -> bool:
    is_of_torch = isinstance(error, (RuntimeError, torch.distributed.DistError)) and is_raised_by(error, "torch")
    return is_of_torch and not isinstance(error, Interrupted) and bool(_OF_OTHERS.search(str(error)))


def _say(trainer: L.Trainer, folder: Path, line: str, is_own: bool) -> dict[str, Any]:
    note = {
        "rank": trainer.global_rank,
        "host": socket.gethostname(),
        "epoch": trainer.current_epoch + 1,
        "step": trainer.global_step,
        "batch": trainer.fit_loop.epoch_loop.batch_progress.current.ready,
        "error": line,
        "is_own": is_own,
        "start": _start(trainer),
    }
    with suppress(OSError), unrefused():
        write_json(folder / f"{_NOTE}{trainer.global_rank}", note)
    return note


def _others(trainer: L.Trainer, folder: Path) -> dict[int, dict[str, Any]]:
    """Wait for a rank that knows what has happened, or for all of them."""
    until = time.monotonic() + _SECONDS
    while True:
        notes = {}
        for path in folder.glob(f"{_NOTE}*"):
            if note := _note_of(path, trainer):
                notes[int(note["rank"])] = note
        is_known = any(note["is_own"] for note in notes.values()) or len(notes) == trainer.world_size
        # One that is killed says nothing, and to wait for it is dangerous: Lightning kills this process within 5 s.
        killed = [one.returncode for one in _processes(trainer) if (one.poll() or 0) < 0]
        if is_known or killed or time.monotonic() > until:
            notes.pop(trainer.global_rank, None)
            return notes
        time.sleep(_POLL)


def _note_of(path: Path, trainer: L.Trainer) -> dict[str, Any]:
    """Read what a rank has said; nothing if that is of an earlier part of the run."""
    with suppress(OSError, ValueError):
        note: dict[str, Any] = json.loads(path.read_text("utf-8"))
        if note.get("start") == _start(trainer) and path.stat().st_mtime >= _STARTED - _BEFORE:
            return note
    return {}


def _start(trainer: L.Trainer) -> list[str]:
    """Return what the ranks of one start share, and those of the next one most often don't."""
    environment = getattr(trainer.strategy, "cluster_environment", None)
    counts = (os.environ.get(name, "") for name in ("TORCHELASTIC_RESTART_COUNT", "SLURM_RESTART_COUNT"))
    return [str(environment.main_port) if environment else "", *counts]


def _let_go(folder: Path) -> None:
    """Leave the group, so that no rank waits for this one, and the first of them time to say so."""
    with suppress(Exception):
        if torch.distributed.get_backend() == "gloo":
            torch.distributed.destroy_process_group()
    until = time.monotonic() + _SECONDS
    while time.monotonic() < until and not (folder / f"{_NOTE}0").exists():
        time.sleep(_POLL)


def _end_those_that_hang(trainer: L.Trainer) -> None:
    """End the processes that this one has started; whoever else starts processes ends them."""
    for process in _processes(trainer):
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)


def _processes(trainer: L.Trainer) -> list[Any]:
    """Return the processes that this one has started."""
    launcher: Any = trainer.strategy.launcher
    return getattr(launcher, "procs", None) or []
