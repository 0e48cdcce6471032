"""Which key was meant by one that isn't there, and how a key is given that no file lists."""

import re
import unicodedata
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from omegaconf import DictConfig, OmegaConf

from trainhouse.configuration.bounded import read_yaml
from trainhouse.configuration.dotted import at, dotted
from trainhouse.configuration.errors import did_you_mean, is_slip
from trainhouse.configuration.hints import hint
from trainhouse.configuration.hydra_versions import VERSION_BASE
from trainhouse.configuration.printable import shell_quoted
from trainhouse.configuration.schema import as_hydra_searches, config_file, groups, is_group, options
from trainhouse.configuration.source import signature
from trainhouse.configuration.speed import fast

_MOST = 8  # keys that are listed


def latest_composed() -> DictConfig | None:
    """Return what Hydra has composed of this command line, as far as it came."""
    quick = fast("quick_hydra")
    found: DictConfig | None = quick.latest_composed() if quick else None
    return found


def in_conf(conf: Path, config_name: str, arguments: list[str], without: str = "") -> DictConfig | None:
    """Return what `arguments` make of the configuration, of those that choose from groups, but for one of a group."""
    choices = [argument for argument in arguments if re.fullmatch(r"[\w/@]+=[\w.-]+", argument)]
    for overrides in ([one for one in choices if not without or not one.startswith(without)], []):
        try:
            GlobalHydra.instance().clear()
            with as_hydra_searches(), initialize_config_dir(str(conf), **VERSION_BASE):
                return compose(config_name, overrides, return_hydra_config=True)
        except Exception:  # a hint is a courtesy: the error that it goes with is already known
            continue
    return None


def nearest_key(key: str, conf: Path, config_name: str, arguments: list[str]) -> str:
    """Say which key is most like `key` in the configuration that the other arguments make: ``"; did you mean ..."``."""
    if group := _group_of_option(key, arguments):
        return group
    config = latest_composed()
    config = in_conf(conf, config_name, arguments, key) if config is None else config
    if config is None:
        return ""
    found: Any = OmegaConf.to_container(config)
    names = names_in(found, key)
    if any(is_slip(key, name) for name in names) or key.casefold() in names:
        return did_you_mean(key, names)
    said = hint(key, config_name, names) or _of_another_option(key, found, config_name)
    said = said or _as_argument(key, found, arguments) or _named(key, found, config_name, arguments)
    return said or _beside(key, found, names) or did_you_mean(key, names)


def key_meant(name: str, conf: Path, config_name: str) -> str:
    """Return the key that is called `name`, without its group or as other projects call it; "" if there is none."""
    config = in_conf(conf, config_name, [])
    names = names_in(OmegaConf.to_container(config), name) if config is not None else []
    name = name.casefold()
    if name in names:
        return name
    said = hint(name, config_name, names)
    if found := re.fullmatch(r"; did you mean '(.*)'\?", said):
        return found[1]
    return next((one for one in names if one.rpartition(".")[2] == name or is_slip(one, name)), "")


def names_in(found: Any, key: str) -> list[str]:
    """Return the keys and groups among which the one is that was meant by `key`."""
    own = {name: value for name, value in found.items() if name != "hydra" or key.startswith("hydra")}
    return [*dotted(own), *groups()]


def as_a_key(typed: str) -> str:
    """Return letters, points and digits in place of what no key has: ``optimizer[lr]`` is `optimizer.lr`."""
    plain = unicodedata.normalize("NFKD", typed).encode("ascii", "ignore").decode()
    return re.sub(r"[\[\]:/.]+", ".", re.sub(r"[\s-]+", "_", plain.strip().lstrip("+~"))).strip("._")


def _group_of_option(key: str, arguments: list[str]) -> str:
    """The group that has the option which was given to `key`: for `modle=cnn`, model."""
    given = [
        argument.lstrip("+").partition("=")[2] for argument in arguments if argument.lstrip("+~").startswith(f"{key}=")
    ]
    chosen = {one for value in given for one in value.split(",")}
    meant = did_you_mean(key, [group for group in groups() if chosen & {*options(group)}])
    return meant.replace("'?", f"={chosen.pop()}'?") if "." in key and len(chosen) == 1 else meant


def _named(key: str, config: Any, config_name: str, arguments: list[str]) -> str:
    """Say how a group that holds parts by their names gets another: its file is chosen too, or it is typed whole."""
    group, _, inner = key.partition(".")
    name, parts = inner.partition(".")[0], config.get(group)
    typed = next((one for one in arguments if one.startswith(f"{key}=")), "")
    if group not in ("callbacks", "logger", "metrics") or not isinstance(parts, dict) or name in parts:
        return ""
    if name == inner and typed.partition("=")[2].startswith("{"):
        return f"; to add it, type {shell_quoted(f'+{typed}')}"
    if name not in options(group):
        return ""
    defaults = read_yaml(config_file(config_name)).get("defaults", [])
    chosen = [str(one[group]) for one in defaults if isinstance(one, dict) and group in one]
    chosen += [one.partition("=")[2] for one in arguments if one.startswith(f"{group}=")]
    files = [one for one in chosen[-1].strip("[]").split(",") if one != "none"] if chosen else []
    return f"; the file that has it: {group}=[{','.join([*files, name])}]"


def _of_another_option(key: str, config: Any, config_name: str) -> str:
    """Say which option to choose for a key of a group of which none is chosen, or one that has no keys."""
    group, _, name = key.partition(".")
    if config_name != "train" or not name or not is_group(group) or config.get(group):
        return ""
    has = [one for one in options(group) if at(read_yaml(config_file(f"{group}/{one}")), name, ...) is not ...]
    others = f" (or {', '.join(has[1:])})" if has[1:] else ""
    return f"; choose {group}={has[0]} for it{others}" if has else ""


def _beside(key: str, config: Any, names: list[str]) -> str:
    """Say which keys there are where `key` was looked for, the nearest one if one is near; "" if there are none."""
    above, _, name = key.rpartition(".")
    config = at(config, above)
    own = [str(one) for one in config if not str(one).startswith("_")] if above and isinstance(config, dict) else []
    if not own or name in (one.rpartition(".")[2] for one in names):
        return ""
    near = did_you_mean(name, own)
    more = ", ..." if len(own) > _MOST else ""
    return near.replace("'", f"'{above}.", 1) if near else f"; {above} has {', '.join(own[:_MOST])}{more}"


def _as_argument(key: str, config: Any, arguments: list[str]) -> str:
    """Say how a key is given that no file lists, but the class that the node above it builds takes."""
    above, _, name = key.rpartition(".")
    config = at(config, above)
    target = str(config.get("_target_")) if isinstance(config, dict) else ""
    found = signature(target) if target else None
    if found is None:
        return ""
    typed = next((one for one in arguments if one.lstrip("+").startswith(f"{key}=")), f"{key}=...")
    if name in found.arguments:
        return f"; {target} takes it: add it as +{typed.lstrip('+')}"
    near = next((one for one in found.arguments if is_slip(name, one) and one not in config), "")
    value = typed.partition("=")[2]
    return f"; {target} takes {near}: add it as +{above}.{near}={value}" if near else ""
