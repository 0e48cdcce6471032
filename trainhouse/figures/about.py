"""Where a figure comes from; without matplotlib, which takes long to import and not every run draws."""

from dataclasses import dataclass


@dataclass(frozen=True)
class About:
    """What a picture says of its origin: the run or the checkpoint, and the data, each as a reader knows it."""

    run: str = ""
    data: str = ""
    note: str = ""
    """What is said behind every caption."""
