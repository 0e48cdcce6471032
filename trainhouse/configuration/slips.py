"""Slips of the hand: names that differ as little as one does from what was meant."""

from itertools import takewhile


def is_slip(typed: str, name: str) -> bool:
    """Whether one letter is wrong, missing or too many, or two neighbours are swapped."""
    start = _same_at_start(typed, name)
    typed, name = typed[start:], name[start:]
    end = _same_at_start(typed[::-1], name[::-1])
    typed, name = typed[: len(typed) - end], name[: len(name) - end]
    return max(len(typed), len(name)) == 1 or (len(typed) == 2 and typed == name[::-1])


def _same_at_start(one: str, other: str) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
