"""Whether the libraries have the private names that `trainhouse/fast` and `trainhouse/resuming` use.

Each of those rooms lists its own, as ``module:Class.name``.
"""

import functools
import inspect
from collections.abc import Iterable
from importlib import import_module
from typing import Any

# Of others it is enough that they have the names.
TRIED = {"hydra": ("1.3.",), "lightning": ("2.6.",)}


def are_there(names: Iterable[str]) -> bool:
    """Whether all of `names` are there, in versions that were tried."""
    places = list(names)
    libraries = [import_module(library) for library in {place.partition(".")[0] for place in places} & {*TRIED}]
    return all(one.__version__.startswith(TRIED[one.__name__]) for one in libraries) and all(map(_is_there, places))


@functools.cache
def _is_there(place: str) -> bool:
    path, _, name = place.partition(":")
    try:
        owner: Any = import_module(path)
    except ImportError:
        return False
    for part in name.split("."):
        if not hasattr(owner, part):
            return inspect.isclass(owner) and any(part in names for names in _named_in(owner))
        owner = getattr(owner, part)
    return True


def _named_in(owner: type) -> list[tuple[str, ...]]:
    """The attributes that the functions of a class ask for, or set: a constructor's own are nowhere else to be seen."""
    members = [member for kind in inspect.getmro(owner) for member in vars(kind).values()]
    return [member.__code__.co_names for member in members if inspect.isfunction(member)]
