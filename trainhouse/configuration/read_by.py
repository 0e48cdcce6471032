"""Which groups of the configuration are read by whom: a LightningModule of the user's own makes much for itself."""

import re
from collections.abc import Iterable, Mapping

from omegaconf import DictConfig, OmegaConf

from trainhouse.configuration.dotted import leaves
from trainhouse.configuration.places import overrides_of
from trainhouse.configuration.schema import config_file, is_global

# Groups that only the module around a plain network reads, unless the model's configuration refers to them.
OF_THE_WRAPPER = ("optimizer", "scheduler", "loss", "metrics", "module")


def is_read(group: str, config: DictConfig) -> bool:
    """Whether anything that `config`, Hydra's own part included, is composed of refers to a group: ``${optimizer}``."""
    return refers_to(group, overrides_of(config.hydra), dict(config.hydra.runtime.choices))


def set_in_files(choices: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return what files such as those of experiment= set beside their own group: (file, an override word for word)."""
    found: list[tuple[str, str]] = []
    for group, option in choices.items():
        path = config_file(f"{group}/{option}")
        if group.startswith("hydra") or not path.is_file() or not is_global(path):
            continue
        content = OmegaConf.to_container(OmegaConf.load(path), resolve=False)
        assert isinstance(content, dict)
        file = f"{path.parent.parent.name}/{group}/{path.name}"
        for entry in content.pop("defaults", []):
            for name, chosen in entry.items() if isinstance(entry, dict) else ():
                found.append((file, f"{str(name).removeprefix('override ').lstrip('/')}={chosen}"))
        found += [(file, f"{key}={value}") for key, value in leaves(content) if value != {}]
    return found


def refers_to(group: str, overrides: Iterable[str], choices: dict[str, str]) -> bool:
    """Whether an override, or the file of a choice, refers to a group."""
    pattern = re.compile(rf"\$\{{\.*/?{group}\b")
    if any(pattern.search(override) for override in overrides):
        return True
    files = [config_file(f"{name}/{option}") for name, option in choices.items() if not str(name).startswith("hydra")]
    return any(pattern.search(path.read_text(encoding="utf-8")) for path in files if path.is_file())
