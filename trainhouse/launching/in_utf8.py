"""Files here are UTF-8, whatever the locale says."""

import os
import sys
from pathlib import Path

from trainhouse.configuration.printable import printable


def start_in_utf8() -> None:
    """Start this program again where the locale, as C, knows no other letters than ASCII's: files here are UTF-8.

    Ends it for names that are not UTF-8, of which no file could say what they are.
    """
    if sys.getfilesystemencoding() != "utf-8":
        os.environ["PYTHONUTF8"] = "1"  # also for the processes that it starts
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606
    for text, what in [*((argument, "") for argument in sys.argv[1:]), (str(Path.cwd()), "the working folder ")]:
        if not text.isascii() and text.encode(errors="replace").decode() != text:
            shown = text.encode(errors="backslashreplace").decode()
            sys.exit(f"error: {what}{printable(shown)}: is not UTF-8 text; give the file or folder another name")
