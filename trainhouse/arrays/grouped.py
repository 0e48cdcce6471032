"""Texts of few rows that share one category: nothing can be learned of each of them alone."""

from collections.abc import Sequence

OTHER = "(other)"
"""The name of the category that they share; it is the last one of its column."""
_SHOWN = 3


def rare_ones(texts: Sequence[str], counts: Sequence[int], least: int) -> set[str]:
    """Return the texts that have training rows, but fewer than `least`."""
    return {text for text, count in zip(texts, counts, strict=True) if 0 < count < least}


def group_line(texts: set[str], least: int) -> str:
    """Say which texts are grouped."""
    shown = ", ".join(map(repr, sorted(texts)[:_SHOWN])) + ", ..." * (len(texts) > _SHOWN)
    count = f"{len(texts)} texts" if len(texts) > 1 else "1 text"
    return f"{count} of fewer than {least} training rows ({shown}) and all unknown ones are one category, {OTHER}"
