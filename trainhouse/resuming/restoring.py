"""Tells a checkpoint that no run can be resumed from apart from a fault of the program, or of the user's own code."""

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trainhouse.configuration.errors import UserError, first_line
from trainhouse.configuration.schema import CONF

# Where Lightning, and what this project adds to it, puts back what a checkpoint holds.
_RESTORES = ("checkpoint_connector.py", "exact_resume.py")
_OF_THE_USER = CONF.parent / "src"


@contextmanager
def restoring(checkpoint: Path | None) -> Iterator[None]:
    """Raise `UserError` in place of what is raised in the block while the content of `checkpoint` is put back."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        if checkpoint is None or not _is_of_restoring(error):
            raise
        raise UserError(
            f"{checkpoint}: no run can be resumed from it ({type(error).__name__}: {first_line(error)}); delete it, to "
            "resume from the one before, if the code has not changed since it was written"
        ) from error


def _is_of_restoring(error: BaseException) -> bool:
    """Whether the error was raised below what restores, and not in a hook of the user's own."""
    paths = [Path(frame.filename) for frame in traceback.extract_tb(error.__traceback__)]
    is_restoring = [place for place, path in enumerate(paths) if path.name in _RESTORES]
    below = paths[is_restoring[0] :] if is_restoring else []
    return bool(below) and not any(path.is_relative_to(_OF_THE_USER) for path in below)
