"""Whether errors are shown with their tracebacks: the environment says so, by the name that Hydra gave it."""

import os

from trainhouse.runs.this_job import is_worker_rank

_TRACEBACKS, _OF_HYDRA_ITSELF = "TRAINHOUSE_FULL_ERROR", "HYDRA_FULL_ERROR"


def asks_for_tracebacks() -> bool:
    """Whether the user does; from now on Hydra raises what it would print by itself.

    The processes that a run starts for its devices find set what is set here for Hydra.
    """
    asked = os.environ.get(_OF_HYDRA_ITSELF, "0")
    if is_worker_rank():
        asked = os.environ.get(_TRACEBACKS, asked)
    os.environ[_TRACEBACKS], os.environ[_OF_HYDRA_ITSELF] = asked, "1"
    return asked != "0"


def as_it_is() -> dict[str, str | None]:
    """Return what the environment says now, for `put_back`."""
    return {name: os.environ.get(name) for name in (_OF_HYDRA_ITSELF, _TRACEBACKS)}


def put_back(variables: dict[str, str | None]) -> None:
    """Leave the environment as it was: in a notebook the next command is of the same process, or inherits it."""
    for name, value in variables.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
