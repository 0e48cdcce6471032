"""A composed configuration and where each value in it comes from, for those who ask instead of running."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from trainhouse.configuration.hydra_versions import VERSION_BASE
from trainhouse.configuration.meanings import Said, meaning_in_group, meanings, parts_alone
from trainhouse.configuration.schema import as_hydra_searches, config_file, is_global, options


@dataclass(frozen=True)
class Composed:
    """What a command line comes to."""

    command: str
    overrides: tuple[str, ...]
    config: DictConfig
    plain: dict[str, Any]
    """The same as plain containers, references as they are written."""
    choices: dict[str, str | None]
    """The option of each group, also of Hydra's own; None where there may be one, and is none."""
    files: tuple[tuple[str, str], ...]
    """Each file as it was merged, ``model/cnn``, with the key below which it stands."""
    main: str
    """The file that it begins with, if not that of the command, as ``--config-name`` says."""

    def said(self, key: str) -> list[tuple[Path, Said]]:
        """Return what files say of a key, the last of them the one that counts; a file of Hydra's own isn't read."""
        found = []
        for name, package in self.files:
            path = config_file(name)
            if path.is_file() and (said := meanings(path).keys.get(_below(package, key))):
                found.append((path, said))
        return found

    def meaning(self, key: str) -> str:
        """Return what a key means, "" where no file says it."""
        said = [(is_global(path), one.meaning) for path, one in self.said(key) if one.meaning]
        own = [meaning for is_elsewhere, meaning in said if not is_elsewhere]  # an experiment says why it sets a value
        if own:
            return own[-1]
        for group, option in self.choices.items():
            package = group.replace("/", ".")
            if option and key.startswith(f"{package}.") and option in options(group):
                own.append(meaning_in_group(group, option, key.removeprefix(f"{package}.")))
        return next(filter(None, own), said[-1][1] if said else "")

    def value(self, key: str) -> Any:
        """Return the value of a key, references in it resolved; ``???`` where it has to be given."""
        try:
            found = OmegaConf.select(self.config, key, default="???")
            return OmegaConf.to_container(found, resolve=True) if OmegaConf.is_config(found) else found
        except OmegaConfBaseException:
            return self.written(key)

    def written(self, key: str) -> Any:
        """Return the value of a key as it is written, references too. Raises `KeyError` if there is no such key."""
        node: Any = self.plain
        for name in key.split("."):
            if not isinstance(node, dict) or name not in node:
                raise KeyError(key)
            node = node[name]
        return node

    def has(self, key: str) -> bool:
        """Whether there is a key of that name."""
        try:
            self.written(key)
        except KeyError:
            return False
        return True

    def options(self, group: str) -> list[str]:
        """Return the options of a group, the one that is chosen first, but for what only others begin with."""
        names, chosen = options(group), self.choices.get(group)
        parts = parts_alone(group)
        return sorted((name for name in names if name not in parts or name == chosen), key=lambda name: name != chosen)

    def typed(self, key: str) -> str:
        """Return the override that the command line has for a key or a group, "" if none."""
        found = [one for one in self.overrides if one.lstrip("+~").partition("=")[0] == key]
        return found[-1] if found else ""


def _below(package: str, key: str) -> str:
    """Return how a key is called in a file that stands below `package`, "" of one that stands elsewhere."""
    if not package:
        return key
    return key.removeprefix(f"{package}.") if key.startswith(f"{package}.") else ""


def composed(command: str, conf: Path, overrides: Sequence[str], main: str = "") -> Composed:
    """Compose ``conf/<command>.yaml``, or `main` in its place, as a run does. Raises what Hydra does."""
    main = main or command
    with as_hydra_searches(), initialize_config_dir(str(conf), **VERSION_BASE, job_name=command):
        config = compose(main, list(overrides), return_hydra_config=True)
        loader = GlobalHydra.instance().config_loader()
        defaults = loader.compute_defaults_list(main, list(overrides), RunMode.RUN).defaults
    HydraConfig.instance().set_config(config)  # so that references to Hydra's own part can be resolved
    plain: Any = OmegaConf.to_container(config, resolve=False)
    files = tuple((one.config_path, one.package or "") for one in defaults if one.config_path)
    choices = dict(plain["hydra"]["runtime"]["choices"])
    return Composed(command, tuple(overrides), config, plain, choices, files, main)
