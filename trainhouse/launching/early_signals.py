"""Signals that come while no run has handlers of its own: before it trains, and after."""

import os
import signal
import sys
from collections.abc import Callable
from types import FrameType
from typing import NoReturn

from trainhouse.configuration.errors import Interrupted
from trainhouse.runs.rendezvous import say_stopped
from trainhouse.runs.requeued import REQUEUE, put_back_into_queue

_ENDING = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
_received: list[int] = []


def end_by_signals(trains: bool) -> None:
    """Have this process end in a line by a signal, until a run takes them over; Ctrl-C raises by itself.

    By the one that says a SLURM job's time is over the job goes back into the queue, if its command `trains` one run.
    """
    for signum in _ENDING:
        if signal.getsignal(signum) is signal.SIG_DFL:
            signal.signal(signum, _raise_interrupted)
    is_one_run = trains and not {"-m", "--multirun"} & {*sys.argv}
    is_heard = REQUEUE is not None and signal.getsignal(REQUEUE) is signal.SIG_DFL  # the processes of a trial ignore it
    if REQUEUE is not None and is_heard and is_one_run and "SLURM_JOB_ID" in os.environ:
        signal.signal(REQUEUE, _requeue)


def end_at_once() -> None:
    """From now on a signal ends what is left of this process without a word."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    for signum in filter(None, (*_ENDING, REQUEUE)):
        if signal.getsignal(signum) in (_raise_interrupted, _requeue):
            signal.signal(signum, signal.SIG_DFL)


def raise_if_stopped() -> None:
    """Raise again what Python has dropped of what a handler raised, as it does in some of its own work."""
    if _received:
        raise Interrupted(_received[0])


def unless_stopped(run: Callable[[], None]) -> None:
    """Call `run`; an error that a signal has brought about, in the middle of code that didn't expect it, is none."""
    try:
        run()
    except Exception:
        if _received:
            raise Interrupted(_received[0]) from None
        raise


def _raise_interrupted(signum: int, frame: FrameType | None) -> NoReturn:
    _received.append(signum)
    say_stopped(signum)
    raise Interrupted(signum)


def _requeue(signum: int, frame: FrameType | None) -> NoReturn:
    _received.append(signum)
    say_stopped(signum)
    _, line = put_back_into_queue()
    raise Interrupted(signum, "stopped by SIGUSR1" + (f"; {line}" if line else ""))
