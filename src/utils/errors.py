"""The one exception for a user's mistake, and the search for the name that was meant."""

from collections.abc import Iterable
from difflib import get_close_matches


class UserError(Exception):
    """A mistake that the user can mend: shown as one line, without a traceback, with exit status 1.

    The message names the config key or the file, what was found, and what is expected.
    """


def did_you_mean(name: str, options: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'?"`` for the option nearest to `name`, or an empty string."""
    names = list(options)
    nearest = get_close_matches(name, names, n=1, cutoff=0.6)
    if not nearest:  # a key typed without its group, or in the wrong one: `lr` for `optimizer.lr`
        nearest = [option for option in names if option.rpartition(".")[2] == name.rpartition(".")[2]][:1]
    return f"; did you mean '{nearest[0]}'?" if nearest else ""
