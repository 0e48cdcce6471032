"""Python's search for garbage, put off until a command has imported what it needs.

torch and Lightning make 420,000 objects that live as long as the process. Python looked through them again and again:
0.65 s of the 3.75 s that importing them took, and 0.3 s each time after that.
"""

import gc
import sys

_is_put_off = False


def put_off() -> None:
    """Search no more until `take_up`, if torch is still to be imported."""
    global _is_put_off
    if "torch" not in sys.modules and gc.isenabled():
        gc.disable()
        _is_put_off = True


def take_up() -> None:
    """Search again, but never among what is there now."""
    global _is_put_off
    if _is_put_off:
        gc.freeze()
        gc.enable()
        _is_put_off = False
