"""Tells the two kinds of learning-rate schedule apart."""

import inspect
from collections.abc import Callable
from typing import Any


def spans_the_run(schedule: Callable[..., Any]) -> bool:
    """Whether a schedule is laid out over all steps of the run, and so takes their number."""
    return "total_steps" in inspect.signature(schedule).parameters
