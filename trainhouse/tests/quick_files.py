"""Spares the tests waits and questions of which a thousand short runs each have dozens, always the same.

To force a file to the disk guards against a loss of power, which no test has: a process that is killed leaves what it
has written. Git and the versions of packages say the same of this checkout as long as the tests run. A script that a
test starts afresh, and ``-m slow``, know nothing of this.
"""

import os
from functools import cache

from trainhouse.runs import provenance

_ask_git, _project = provenance._git, provenance._PROJECT


def wait_for_no_disk() -> None:
    """From now on, in this process and those forked from it, let the system write files when it likes."""
    os.fsync = lambda fd: None


def ask_git_once() -> None:
    """From now on, in this process and those forked from it, ask once for what a run notes of its origin."""
    provenance._git = _answer
    provenance.version = cache(provenance.version)
    provenance.provenance("", "")


def _answer(*arguments: str) -> str | None:
    """Do what the function of provenance does; a test that names a checkout of its own has that asked each time."""
    return _of_this_checkout(*arguments) if _project == provenance._PROJECT else _ask_git(*arguments)


_of_this_checkout = cache(_ask_git)
