"""Checks a configuration that lies outside the project before Hydra builds anything from it.

``--config-path=<run folder>`` starts a run once more. Hydra itself instantiates what the `hydra` part of such a
file names (callbacks, launcher, sweeper, log handlers), so this part is checked as well as the run's own.
"""

from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra._internal.utils import get_args_parser
from hydra.core.global_hydra import GlobalHydra
from omegaconf import OmegaConf

from src.utils.errors import UserError
from src.utils.targets import check_config, check_targets

_ALLOWED_TO_HYDRA = ("hydra._internal.core_plugins", "hydra_plugins", "src.utils.run_folder.ClaimRunFolder")


def check_foreign_config(arguments: list[str], conf: Path, config_name: str) -> None:
    """Raise `UserError` if a configuration from outside `conf` names what no file may name.

    `arguments` are the command line's. Costs nothing where all configuration is the project's own.
    """
    parsed, unknown = get_args_parser().parse_known_args(arguments)
    if options := [argument for argument in unknown if argument.startswith("-")]:
        raise UserError(f"{options[0]}: no such option; --help lists them")
    folders = [Path(folder).absolute() for folder in (parsed.config_path, parsed.config_dir) if folder]
    searched = [override for override in parsed.overrides if override.lstrip("+").startswith("hydra.searchpath")]
    for folder in folders:
        if not folder.is_dir():
            raise UserError(f"{folder}: there is no such folder of configuration files")
    if not searched and all(folder.is_relative_to(conf) for folder in folders):
        return
    main = Path(parsed.config_path).absolute() if parsed.config_path else conf
    overrides = [*parsed.overrides, *([f"hydra.searchpath=[file://{folders[-1]}]"] if parsed.config_dir else [])]
    sweep = [text for text in overrides if "," in text or "(" in text] if parsed.multirun else []
    with initialize_config_dir(str(main), version_base="1.3"):
        config = compose(
            parsed.config_name or config_name,
            [text for text in overrides if text not in sweep],
            return_hydra_config=True,
        )
    GlobalHydra.instance().clear()
    plain: Any = OmegaConf.to_container(config, resolve=False)
    hydra = plain.pop("hydra")
    source = str(main if parsed.config_path else folders[-1] if folders else searched[0])
    check_config(plain, source)
    for key in ("callbacks", "launcher", "sweeper"):
        check_targets(hydra.get(key), _ALLOWED_TO_HYDRA, f"hydra.{key}", source)
    for key in ("job_logging", "hydra_logging"):
        _check_logging(hydra.get(key), f"hydra.{key}", source)


def _check_logging(node: Any, key: str, source: str) -> None:
    """`logging.config` calls whatever stands under ``()``, and imports what stands under ``class``."""
    if not isinstance(node, dict):
        return
    for name, value in node.items():
        if name == "()" or (name == "class" and not str(value).startswith("logging.")):
            raise UserError(f"{source}: {key}.{name} is {value!r}; a file may only name logging.*")
        _check_logging(value, f"{key}.{name}", source)
