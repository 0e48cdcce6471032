"""Trials whose own words are not for the terminal: the run itself will say them."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

NOTHING_LEFT: Any = {
    "enable_checkpointing": False,
    "enable_progress_bar": False,
    "enable_model_summary": False,
    "use_distributed_sampler": False,
}
"""What a Trainer is given that only tries something out: it shows nothing, and leaves nothing behind."""


@contextmanager
def quiet_lightning() -> Iterator[None]:
    """Keep Lightning's warnings, and what it says of itself, from being heard in the block."""
    logger = logging.getLogger("lightning.pytorch")
    before = logger.level
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            logger.setLevel(before)
