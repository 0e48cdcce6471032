"""The first import of a script: Ctrl-C while all others are imported ends it without a traceback of theirs.

Whoever handles it in the end is asked for by `trainhouse.script`.
"""

import signal
from contextlib import suppress

if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    with suppress(ValueError):  # of a thread that imports a script
        signal.signal(signal.SIGINT, signal.SIG_DFL)
