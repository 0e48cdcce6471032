"""Several processes at once, forked from that of the test."""

import os
import traceback
from collections.abc import Callable


def forked(*actions: Callable[[], object]) -> list[int]:
    """Do each in a process of its own, all at the same time; return how they ended: 0, or below 0 by a signal."""
    ready, go = os.pipe()
    processes = []
    for action in actions:
        if (process := os.fork()) == 0:
            os.close(go)
            os.read(ready, 1)
            try:
                action()
            except BaseException:
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        processes.append(process)
    os.close(go)
    ended = [os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) for process in processes]
    os.close(ready)
    return ended
