"""What a search draws from, in words: conf/ may have more keys than were typed."""

from typing import Any

from trainhouse.machine.numbers import format_number
from trainhouse.sweeps.trial_lines import Space

_MOST = 6  # values of a choice that are shown


def shown_space(space: Space, command: str) -> str:
    """Return each key with its values or its interval; and which of them are not in the `command` that was typed."""
    words = [f"{key} {_range(one)}" for key, one in space.items()]
    added = [key for key in space if f"{key}=" not in command]
    if not words:
        return ""
    more = f"; not typed, but in conf/: {', '.join(added)} (hydra.sweeper.params=null leaves them out)" if added else ""
    return f"{', '.join(words)}{more}"


def _range(drawn: Any) -> str:
    if hasattr(drawn, "choices"):
        shown = [str(one) for one in drawn.choices[:_MOST]]
        return "|".join(shown) + ("|..." if len(drawn.choices) > _MOST else "")
    low, high = (f"{one:g}" if isinstance(one, float) else format_number(one) for one in (drawn.low, drawn.high))
    return f"{low} to {high}{' (log)' if drawn.log else ''}"
