"""Ends a run on a signal as its user would want it: the batch is finished, the state saved, nothing lost."""

import logging
import os
import signal
import time
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import lightning as L
from lightning.pytorch.callbacks import Checkpoint

from trainhouse.configuration.errors import Interrupted
from trainhouse.machine.ranks import ranks
from trainhouse.machine.sweep_worker import stop_asked
from trainhouse.machine.terminal import start_of_line
from trainhouse.resuming.agreement import Agreement
from trainhouse.resuming.loops import was_tried
from trainhouse.resuming.shares import batches_of_every_rank
from trainhouse.runs.layout import CONFIG, LAST_CHECKPOINT
from trainhouse.runs.litter import keep, leaves_nothing
from trainhouse.runs.rendezvous import say_stopped
from trainhouse.runs.requeued import REQUEUE, fate_of_job, put_back_into_queue
from trainhouse.runs.this_job import is_sweep_job, is_worker_rank
from trainhouse.runs.typed import as_override, command, shown_path
from trainhouse.training.failed_ranks import learn_hosts

_log = logging.getLogger(__name__)


class StopOnSignal(Checkpoint):
    """Saves ``last.ckpt`` and raises `Interrupted` after the batch in which a signal came; a second one ends at once.

    SIGINT, SIGTERM and SIGHUP end the run. Within a SLURM job SIGUSR1 (``sbatch --signal=USR1@90``) also puts the
    job back into the queue; started again, the same command resumes the run. SIGUSR2, by which submitit takes a
    job off a machine, is handed on to it, after a batch once the run is saved. It is a `Checkpoint` to Lightning so
    that it runs after all callbacks that count the batch.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._received: int | None = None
        self._received_at = 0.0
        self._in_loop = False
        self._agreement = Agreement()
        self._in_evaluation = Agreement()
        self._of_every_rank: dict[int, int] = {}  # the batches of each evaluated loader in which ranks can agree
        self._ranks = ranks().world
        self._process = os.getpid()
        self._is_sweep_job = is_sweep_job()
        self._looked = time.monotonic()
        self._handlers_before: dict[int, Any] = {}

    def __enter__(self) -> "StopOnSignal":
        for signum in _signals():
            if signal.getsignal(signum) is not signal.SIG_IGN:  # nohup's choice
                self._handlers_before[signum] = signal.signal(signum, self._handle)
        if _HANDED_ON is not None and callable(signal.getsignal(_HANDED_ON)):
            self._handlers_before[_HANDED_ON] = signal.signal(_HANDED_ON, self._handle)
        return self

    def __exit__(self, *error: object) -> None:
        for signum, handler in self._handlers_before.items():
            signal.signal(signum, handler)

    def _handle(self, signum: int, frame: FrameType | None) -> None:
        if os.getpid() != self._process:  # a data worker that has just been forked
            return
        if self._received is not None:
            if signum == signal.SIGTERM and self._received == REQUEUE:
                return  # SLURM's, to all tasks of a job that goes back into the queue
            if self._ranks > 1 and time.monotonic() - self._received_at < _SAME:
                return  # whoever has started the ranks hands on what each of them was sent too
            if os.isatty(2):
                os.write(2, start_of_line().encode())
            os._exit(128 + signum)
        self._received, self._received_at = signum, time.monotonic()
        if not self._in_loop:
            say_stopped(signum)
            self._end(signum)
        if is_worker_rank():
            return
        name = signal.Signals(signum).name
        before = start_of_line() if os.isatty(2) else ""
        os.write(2, f"{before}{name}: finishing this batch, then saving (once more ends at once)\n".encode())

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """From now on a signal waits for the batch. Lightning has put its own handlers in front of ours."""
        keep()
        learn_hosts(trainer)
        self._begin(trainer)

    def _begin(self, trainer: L.Trainer) -> None:
        for signum in self._handlers_before:
            signal.signal(signum, self._handle)
        self._in_loop, self._ranks = True, trainer.world_size

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Stop if a signal has come."""
        self._stop_if_asked(trainer, self._agreement)

    def on_validation_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Agree with other ranks on the batches that all of them have."""
        if self._in_loop and trainer.world_size > 1:
            self._of_every_rank = dict(enumerate(batches_of_every_rank(trainer))) if was_tried() else {}
            self._in_evaluation.begin()

    def on_validation_batch_end(
        self, trainer: L.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        """Stop if a signal has come; the validation begins again when the run is resumed."""
        if self._in_loop and (trainer.world_size == 1 or batch_idx < self._of_every_rank.get(dataloader_idx, 0)):
            self._stop_if_asked(trainer, self._in_evaluation)

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """What follows can be interrupted at any point, by one process; several wait for one another in it."""
        self._in_loop = trainer.world_size > 1
        self._end_if_asked(trainer)

    def on_test_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Have ranks stop in a batch that all of them have."""
        if trainer.world_size > 1:
            self._begin(trainer)
            self._end_if_asked(trainer)
            self._of_every_rank = dict(enumerate(batches_of_every_rank(trainer))) if was_tried() else {}
            self._in_evaluation.begin()

    def on_test_batch_end(
        self, trainer: L.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        """Stop if a signal has come to any rank."""
        is_of_all = trainer.world_size > 1 and batch_idx < self._of_every_rank.get(dataloader_idx, 0)
        if is_of_all and (signum := self._in_evaluation.after_batch(trainer, self._received or 0)):
            self._end(signum)

    def on_test_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """What follows each rank does for itself."""
        if trainer.world_size > 1:
            self._in_loop = False
            self._end_if_asked(trainer)

    def on_exception(self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException) -> None:
        """What follows can be interrupted at any point."""
        self._in_loop = False

    def _end_if_asked(self, trainer: L.Trainer) -> None:
        signum = self._received or 0
        if trainer.world_size > 1:
            signum = self._agreement.ask(trainer, signum)
        if signum:
            self._end(signum)

    def _stop_if_asked(self, trainer: L.Trainer, agreement: Agreement) -> None:
        if self._is_sweep_job and time.monotonic() - self._looked > 1:
            self._looked = time.monotonic()
            if stop_asked():
                self._received = self._received or signal.SIGINT
        signum = self._received or 0
        if trainer.world_size > 1:  # the signal may have reached one process only
            signum = agreement.after_batch(trainer, signum)
        if not signum or trainer.global_step == trainer.max_steps:  # the epoch's end follows
            return
        path = self.folder / LAST_CHECKPOINT
        trainer.save_checkpoint(path)
        trainer.strategy.checkpoint_io.teardown()  # one that writes in a thread has written it then
        where = f"epoch {trainer.current_epoch + 1}, step {trainer.global_step}"
        self._end(signum, f" at {where}; saved {shown_path(path)}")

    def _end(self, signum: int, where: str = "") -> NoReturn:
        has_begun = (self.folder / CONFIG).exists() and not leaves_nothing(self.folder)
        fate = fate_of_job() if signum == signal.SIGTERM else ""
        if _HANDED_ON in self._handlers_before:
            if fate == "requeued":
                _log.info("stopped by SIGTERM%s; the job is back in the queue", where)
                raise SystemExit(128 + signum)  # without a result: the sweep waits for that of the job when it is back
            if signum == _HANDED_ON or fate == "preempted":
                try:
                    self._handlers_before[_HANDED_ON](_HANDED_ON, None)  # ends the process, and requeues its job
                except Exception as error:  # no more of that
                    raise Interrupted(signum, f"stopped by {signal.Signals(signum).name}{where}: {error}") from error
        elif signum == REQUEUE or (fate == "preempted" and not is_sweep_job()):
            self._requeue()
        how = (f"; {self._command()}" if not is_sweep_job() else "") if has_begun else " before training began"
        raise Interrupted(signum, f"stopped by {signal.Signals(signum).name}{where}{how}")

    def _command(self) -> str:
        return f"continue with: {command('train', as_override('resume', self.folder))}"

    def _requeue(self) -> None:
        if is_sweep_job():
            _log.warning("warning: a sweep is not put back into the queue; its trial can be resumed")
            return
        self._handlers_before |= {signal.SIGTERM: signal.SIG_IGN, signal.SIGUSR1: signal.SIG_IGN}  # from now on
        is_back, line = put_back_into_queue()
        if not is_back:
            _log.warning("warning: %s", line)
        elif line:
            _log.info("%s", line)


_SAME = 1.0  # seconds within which a signal that comes twice to one of several ranks is the same

_HANDED_ON = getattr(signal, "SIGUSR2", None)


def _signals() -> list[int]:
    """The signals that this platform has; SIGUSR1 means something only within a SLURM job."""
    names = ["SIGINT", "SIGTERM", "SIGHUP", *(["SIGUSR1"] if "SLURM_JOB_ID" in os.environ else [])]
    return [getattr(signal, name) for name in names if hasattr(signal, name)]
