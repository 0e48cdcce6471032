"""A script of the project that runs beside the test: it can be held at a moment, sent signals, killed."""

import functools
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any

from trainhouse.tests.common import ROOT, _run_as_main, run_script

RUN = [
    "trainer=cpu",
    "trainer.max_epochs=3",
    "data.rows=400",
    "data.batch_size=16",  # 20 batches of training, 3 of validation
    "model.hidden_sizes=[16]",
    "model.dropout=0.5",
    "scheduler=cosine",
    "logger=none",
]
IN_RUN = [*RUN, "hydra.run.dir=run"]
HOLD_SECONDS = 60.0


class Hold:
    """A function that waits, the first time that `when(its arguments)` is true, until the test lets it go."""

    def __init__(self, owner: type | ModuleType, name: str, when: Callable[..., bool] = lambda *_: True) -> None:
        self.owner, self.name, self.when = owner, name, when

    def set_up(self, folder: Path) -> None:
        original = getattr(self.owner, self.name)

        @functools.wraps(original)
        def held(*arguments: Any, **options: Any) -> Any:
            if not (folder / "reached").exists() and self.when(*arguments):
                (folder / "reached").touch()
                _wait_until((folder / "go").exists, "the test lets it go")
            return original(*arguments, **options)

        setattr(self.owner, self.name, held)


class Started:
    """A running script, the first of a session and process group of its own, as a shell starts one.

    A `fresh` process is what a user starts; by default it is forked from the test's own, which has imported torch
    already, and can be given a `hold`, and a function `prepare` to call before it begins.
    """

    def __init__(
        self,
        script: str,
        *arguments: str,
        cwd: Path,
        hold: Hold | None = None,
        prepare: Callable[[], None] | None = None,
        fresh: bool = False,
        **env: str,
    ) -> None:
        assert not (fresh and (hold or prepare)), "only a forked process can be changed"
        self._files = Path(tempfile.mkdtemp(dir=cwd, prefix="started_"))
        self._status: int | None = None
        self.arguments = (script, *arguments)
        with open(self._files / "out", "w") as out, open(self._files / "err", "w") as err:
            self.process = os.fork()
            if self.process:
                return
            try:
                os.setsid()
                signal.signal(signal.SIGINT, signal.default_int_handler)
                if fresh:
                    os.chdir(cwd)
                    os.dup2(out.fileno(), 1)
                    os.dup2(err.fileno(), 2)
                    command = [sys.executable, str(ROOT / script), *arguments]
                    os.execve(sys.executable, command, {**os.environ, **env})
                if hold:
                    hold.set_up(self._files)
                if prepare:
                    prepare()
                os._exit(_run_as_main(script, arguments, cwd, env, out.fileno(), err.fileno()))
            finally:
                os._exit(99)

    def __enter__(self) -> "Started":
        return self

    def __exit__(self, *error: object) -> None:
        self.kill()

    @property
    def stdout(self) -> str:
        return (self._files / "out").read_text()

    @property
    def stderr(self) -> str:
        return (self._files / "err").read_text()

    def wait_until(self, condition: Callable[[], bool], what: str) -> None:
        """Fail if the process ends first."""
        _wait_until(lambda: condition() or self.ended, what)
        assert condition(), f"ended with {self._status} before {what}: {self.stdout}{self.stderr}"

    def wait_for_hold(self) -> None:
        self.wait_until((self._files / "reached").exists, "it reaches the moment")

    def let_go(self) -> None:
        (self._files / "go").touch()

    def send(self, signum: int, to_group: bool = False) -> None:
        (os.killpg if to_group else os.kill)(self.process, signum)

    @property
    def ended(self) -> bool:
        if self._status is None:
            ended, status = os.waitpid(self.process, os.WNOHANG)
            if ended:
                code = os.waitstatus_to_exitcode(status)
                self._status = code if code >= 0 else 128 - code
        return self._status is not None

    def status(self) -> int:
        """Wait for the end; return the exit status as a shell shows it: 143 for a process that SIGTERM ended."""
        _wait_until(lambda: self.ended, f"{self.arguments} ends")
        assert self._status is not None
        return self._status

    def kill(self) -> None:
        """End what is left of the process group."""
        if self._status is None:
            os.killpg(self.process, signal.SIGKILL)
            self.status()
            return
        with suppress(ProcessLookupError):  # data workers look only now and then whether they are alone
            os.killpg(self.process, signal.SIGKILL)


def _wait_until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + HOLD_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {HOLD_SECONDS:.0f} s: {what}")
        time.sleep(0.005)


def whole_run(made_once: Callable[[str, Callable[[Path], None]], Path]) -> Path:
    """Return the folder of the run `RUN` that nobody stopped, trained once for all tests; only read it."""

    def make(folder: Path) -> None:
        done = run_script("train.py", *RUN, "hydra.run.dir=run", cwd=folder)
        assert done.returncode == 0, done.stderr

    return made_once("whole_run", make) / "run"
