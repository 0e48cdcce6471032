"""What Hydra 1.4 asks for and 1.3 does not know, and the other way round."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import hydra
import hydra.utils

# Without it 1.3 warns; with it 1.4 does.
VERSION_BASE = {"version_base": "1.3"} if hydra.__version__.startswith("1.3.") else {}


def allowed(targets: list[str]) -> AbstractContextManager[Any]:
    """Let Hydra call what is named in `targets`: from 1.4 on it wants to be asked."""
    allow = getattr(hydra.utils, "execution_whitelist", None)
    return allow(targets) if allow else nullcontext()
