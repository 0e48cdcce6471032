"""Jobs of a search that a cluster runs, each launched by itself: one that ends makes room for the next at once.

A search that launches several together, and waits for all of them, waits for the slowest each time.
"""

from collections.abc import Callable, Sequence
from queue import Empty, Queue
from threading import Thread

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

    Each job is launched by a thread, which only waits, and which this process doesn't wait for when it ends. Raises
    `LauncherError` if one can't be launched.
    """
    ended: Queue[tuple[Task, str | None, BaseException | None]] = Queue()
    running: dict[int, Task] = {}

    def run(task: Task) -> None:
        try:
            ended.put((task, launch([task])[0], None))
        except BaseException as error:
            ended.put((task, None, error))

    while True:
        if not stopped and len(running) < size:
            for task in plan.next(size - len(running)):
                running[task.number] = task
                Thread(target=run, args=(task,), daemon=True).start()
        if not running:
            return
        try:
            task, failure, error = ended.get(timeout=_LOOKS_EVERY)
        except Empty:
            look()
            continue
        if error and not stopped:
            raise _of_the_launcher(error, {*running})
        del running[task.number]
        plan.ended(task, failure)
        look()


def _of_the_launcher(error: BaseException, begun: set[int]) -> LauncherError:
    fault = fault_of_the_machine(error) if isinstance(error, Exception) else None
    said = LauncherError(f"launcher: {fault or f'{type(error).__name__}: {first_line(error)}'}", begun)
    said.__cause__ = error
    return said
