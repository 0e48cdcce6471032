"""Runs of two processes, by whoever starts them."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from trainhouse.tests.common import ROOT
from trainhouse.tests.started import Hold, Started

SHORT = ("trainer=cpu", "data.path=rows.npy", "data.rows=200", "data.batch_size=16", "logger=none", "figures=false")
SLURM = {  # of a task of `srun --ntasks=2`, of SLURM 22.05
    "SLURM_JOB_ID": "4321",
    "SLURM_JOB_NAME": "train",
    "SLURM_NTASKS": "2",
    "SLURM_NPROCS": "2",
    "SLURM_NNODES": "1",
    "SLURM_NODEID": "0",
    "SLURM_NODELIST": "127.0.0.1",
    "SLURM_STEP_ID": "0",
    "SLURM_STEP_NODELIST": "127.0.0.1",
    "SLURM_STEP_NUM_TASKS": "2",
    "SLURM_STEP_TASKS_PER_NODE": "2",
}

FIVE = {"SLURM_NNODES": "3", "SLURM_STEP_NUM_TASKS": "5", "SLURM_STEP_TASKS_PER_NODE": "2(x2),1"}
ALONE_IN_SLURM = [
    {"SLURM_PROCID": "0", "SLURM_NTASKS": "8", "ENVIRONMENT": "BATCH"},  # a batch script itself
    {"SLURM_NTASKS": "2", "SLURM_JOB_NAME": "interactive"},  # a shell of salloc, on the machine where it was typed
    {**SLURM, "SLURM_PROCID": "0", "SLURM_STEP_NUM_TASKS": "1"},  # one on a machine of the job, which has two tasks
]


@contextmanager
def two_tasks(
    cwd: Path,
    *arguments: str,
    script: str = "train.py",
    hold: Hold | None = None,
    prepare: Callable[[], None] | None = None,
    first: Callable[[], None] | None = None,
    **env: str,
) -> Iterator[tuple[Started, Started]]:
    """Start two processes as srun does; `hold` and `prepare` are for the second, `first` for the first.

    The `script` is one of the project, or any other one by its whole path.
    """
    of_0 = {**SLURM, "SLURM_PROCID": "0", "SLURM_LOCALID": "0", **env}
    of_1 = {**SLURM, "SLURM_PROCID": "1", "SLURM_LOCALID": "1", **env}
    with (
        Started(script, *arguments, cwd=cwd, prepare=first, **of_0) as one,
        Started(script, *arguments, cwd=cwd, hold=hold, prepare=prepare, **of_1) as other,
    ):
        yield one, other


class Launched:
    """`train.py` of two processes, as a user starts it: ``torchrun``, or ``own`` for Lightning."""

    def __init__(self, launcher: str, cwd: Path, *arguments: str, options: tuple[str, ...] = ()) -> None:
        before = [sys.executable]
        if launcher == "torchrun":
            before += ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2", *options]
        else:
            arguments = (*arguments, "trainer.devices=2")
        self._said = Path(tempfile.mkdtemp(dir=cwd, prefix="said_")) / "said"
        self._cwd = cwd
        with open(self._said, "w") as said:
            self.process = subprocess.Popen(
                [*before, str(ROOT / "train.py"), *arguments],
                cwd=cwd,
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env={**os.environ, "OMP_NUM_THREADS": "1"},
            )
        self._ranks: list[int] = []

    def __enter__(self) -> "Launched":
        return self

    def __exit__(self, *error: object) -> None:
        for pid in self._ranks or self._find():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    @property
    def said(self) -> str:
        return self._said.read_text()

    @property
    def ranks(self) -> list[int]:
        """The processes that train, in the order of their ranks."""
        return self._ranks or self._find()

    def _find(self) -> list[int]:
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        found = [
            int(pid) for pid in children if str(ROOT / "train.py").encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
        ]
        self._ranks = found if len(found) == 2 else [self.process.pid, *found]
        return self._ranks

    def wait_for(self, text: str, seconds: float = 90) -> None:
        until = time.monotonic() + seconds
        while text not in self.said:
            assert self.process.poll() is None, self.said
            assert time.monotonic() < until, self.said
            time.sleep(0.02)

    def status(self, seconds: float = 60) -> int:
        status = self.process.wait(seconds)
        return status if status >= 0 else 128 - status
