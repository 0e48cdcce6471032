"""What a run has that differs from the defaults: the overrides of its command line that are none of them."""

from collections.abc import Mapping, Sequence
from contextlib import suppress

from hydra.core.hydra_config import HydraConfig

from trainhouse.configuration.errors import UserError
from trainhouse.configuration.meanings import begins_with, meanings
from trainhouse.configuration.places import overrides_of
from trainhouse.configuration.schema import config_file

# Keys of one command, which say nothing of the run; what sets many others at once, so that a default is none.
_OF_THE_COMMAND = ("resume", "launcher", "sweep", "hydra", "outputs")
_SETS_OTHERS = ("experiment", "debug")


def changed() -> list[str]:
    """Return them as they were typed, the last of each key; an experiment file stands for all that it sets."""
    if not HydraConfig.initialized():
        return []
    hydra_config = HydraConfig.get()
    choices = {str(group): str(option) for group, option in hydra_config.runtime.choices.items()}
    is_from_conf = hydra_config.job.config_name == "train"  # and not from a run's own config.yaml
    return differing(overrides_of(hydra_config), choices, is_from_conf)


def differing(overrides: Sequence[str], choices: Mapping[str, str], is_from_conf: bool = True) -> list[str]:
    """Return those of `overrides` that ask for something else than the files in ``conf/`` say, if these count."""
    last: dict[str, str] = {}
    for override in overrides:
        key = override.lstrip("+~").partition("=")[0]
        last.pop(key, None)
        last[key] = override
    kept = {key: override for key, override in last.items() if key.partition(".")[0] not in _OF_THE_COMMAND}
    compares = is_from_conf and not any(key in _SETS_OTHERS for key in kept)
    return [override for key, override in kept.items() if not (compares and _is_default(key, override, choices))]


def _is_default(key: str, override: str, choices: Mapping[str, str]) -> bool:
    written = _written(key, choices)
    return (
        override.startswith(f"{key}=") and written is not None and _plain(written) == _plain(override[len(key) + 1 :])
    )


def _written(key: str, choices: Mapping[str, str]) -> str | None:
    """Return the default of a key, or of a group, as a file has it; None if it has none of its own."""
    group, _, name = key.partition(".")
    places = [("train", key), ("train", f"defaults.{key}")]
    if (option := choices.get(group)) and config_file(f"{group}/{option}").is_file():
        places += [(f"{group}/{one}", name) for one in (option, *begins_with(group, option))]
    with suppress(OSError, UserError):
        for file, inner in places:
            if (said := meanings(config_file(file)).keys.get(inner)) and said.written:
                return said.written
    return None


def _plain(written: str) -> float | str:
    """Return a value so that two ways of writing it are the same: 1.0e-3 and 0.001, [64, 32] and [64,32]."""
    try:
        return float(written)
    except ValueError:
        return "".join(written.split()).strip("\"'")
