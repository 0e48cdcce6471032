"""What of a run's configuration was typed: the overrides of its command line."""

from collections.abc import Sequence

from hydra.core.hydra_config import HydraConfig

from trainhouse.configuration.places import overrides_of

# Keys of one command, which say nothing of the run.
_OF_THE_COMMAND = ("resume", "launcher", "sweep", "hydra", "outputs")


def changed() -> list[str]:
    """Return the overrides as they were typed, the last of each key."""
    return last_of_each(overrides_of(HydraConfig.get())) if HydraConfig.initialized() else []


def last_of_each(overrides: Sequence[str]) -> list[str]:
    """Return the last of the `overrides` of each key, but for what says how the command runs."""
    last: dict[str, str] = {}
    for override in overrides:
        key = override.lstrip("+~").partition("=")[0]
        last.pop(key, None)
        last[key] = override
    return [override for key, override in last.items() if key.partition(".")[0] not in _OF_THE_COMMAND]
