"""Python's search for garbage, which is rare until a command has imported what it needs.

torch and Lightning make 420,000 objects that live as long as the process. Python looked through them again and again:
0.65 s of the 3.75 s that importing them took, and 0.3 s each time after that.
"""

import gc
import sys

_RARE = 200_000  # new objects before a search

_usual: tuple[int, int, int] | None = None


def search_rarely() -> None:
    """Search rarely until `search_as_usual`, if torch is still to be imported."""
    global _usual
    if "torch" not in sys.modules and _usual is None:
        _usual = gc.get_threshold()
        gc.set_threshold(_RARE, *_usual[1:])


def search_as_usual() -> None:
    """Search as often as before, but never among what is there now."""
    global _usual
    if _usual is not None:
        gc.freeze()
        gc.set_threshold(*_usual)
        _usual = None
