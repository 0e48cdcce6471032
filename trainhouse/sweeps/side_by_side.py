"""Jobs of a search that a cluster runs, each launched by itself: one that ends makes room for the next at once.

A search that launches several together, and waits for all of them, waits for the slowest each time.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from trainhouse.configuration.errors import fault_of_the_machine, first_line
from trainhouse.sweeps.plan import Plan, Task

_LOOKS_EVERY = 1.0  # seconds


class LauncherError(Exception):
    """The launcher itself has failed, not a job; `begun` are the numbers of the jobs that it had started."""

    def __init__(self, message: str, begun: set[int]) -> None:
        super().__init__(message)
        self.begun = begun


def run_side_by_side(
    plan: Plan,
    launch: Callable[[Sequence[Task]], list[str | None]],
    size: int,
    stopped: list[int],
    look: Callable[[], None],
) -> None:
    """Keep `size` jobs at work until the plan has no more, or a signal is in `stopped`; then wait for those at work.

    Each job is launched by a thread, which only waits. Raises `LauncherError` if one can't be launched.
    """
    running: dict[Future[list[str | None]], Task] = {}
    pool = ThreadPoolExecutor(size)
    try:
        while True:
            if not stopped and len(running) < size:
                for task in plan.next(size - len(running)):
                    running[pool.submit(launch, [task])] = task
            if not running:
                return
            done, _ = wait(running, timeout=_LOOKS_EVERY, return_when=FIRST_COMPLETED)
            for future in done:
                task = running.pop(future)
                error = future.exception()
                if error and not stopped:
                    raise _of_the_launcher(error, {task.number, *(other.number for other in running.values())})
                plan.ended(task, None if error else future.result()[0])
            look()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)  # those at work are asked to stop, which takes a while


def _of_the_launcher(error: BaseException, begun: set[int]) -> LauncherError:
    fault = fault_of_the_machine(error) if isinstance(error, Exception) else None
    said = LauncherError(f"launcher: {fault or f'{type(error).__name__}: {first_line(error)}'}", begun)
    said.__cause__ = error
    return said
