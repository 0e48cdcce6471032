"""Checks a configuration that lies outside the project before Hydra composes it: ``--config-path=<run folder>``.

Hydra builds things itself from the `hydra` part of such a file, and sets environment variables from it, so
that part has to be just what this project writes there; the rest is checked as the configuration of any file.
"""

import re
from pathlib import Path

from omegaconf import OmegaConf

from trainhouse.configuration.bounded import interpolations, read_config
from trainhouse.configuration.errors import UserError
from trainhouse.configuration.old_names import let_hydra_find, with_current_names
from trainhouse.configuration.targets import check_config
from trainhouse.launching.command_line import read
from trainhouse.runs.outputs import KEY
from trainhouse.runs.saved_config import config_header, signed_parts


def check_foreign_config(arguments: list[str], conf: Path, config_name: str) -> Path | None:
    """Raise `UserError` if the main configuration is not in `conf` and holds what no file may hold.

    Returns the file if it is one that this user account has not written. `arguments` are the command line's. What
    stands in them, and in a folder of `--config-dir`, is the user's own.
    """
    line = read(arguments)
    if "experimental-rerun" in line.options:
        raise UserError(
            "--experimental-rerun: unpickles a file, which could run any code; a run is run again by "
            "python train.py --config-path=<run folder> --config-name=config"
        )
    config_path = line.options.get("config-path")
    for folder in (config_path, line.options.get("config-dir")):
        if folder and not Path(folder).is_dir() and not (conf.parent / folder).is_dir():
            raise UserError(f"{folder}: there is no such folder of configuration files")
    # Hydra takes a relative folder from where the script lies.
    main = conf.parent / config_path if config_path else conf
    path = (main / (line.options.get("config-name") or config_name)).resolve()
    path = path if path.suffix == ".yaml" else path.with_name(f"{path.name}.yaml")
    if path.is_relative_to(conf.resolve()) or not path.is_file():
        return None
    for key in (re.split("[=@]", override.lstrip("+~"))[0] for override in line.overrides):
        if key and (main / key).is_dir():
            raise UserError(f"{key}: {main / key} lies beside a configuration; only {path.name} is taken from there")
    own = OmegaConf.to_container(OmegaConf.create(config_header(path.parent)), resolve=False)
    assert isinstance(own, dict)
    try:
        plain = read_config(path, may_resolve=[text for _, text in interpolations(own)])
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: {error}") from error
    for key in ("defaults", "hydra"):
        found = plain.pop(key, own[key])
        if with_current_names(found) != own[key]:
            raise UserError(f"{path}: its part '{key}' is not what a run writes there; only that is taken from a file")
        let_hydra_find(found)
    typed = [override.lstrip("+").partition("=")[0] for override in line.overrides]
    has_own_data, is_own = signed_parts(path, plain)
    if KEY in plain and KEY not in typed and not is_own:
        raise UserError(f"{path}: {KEY}: where runs go is not taken from what somebody else has configured; type it")
    check_config(plain, str(path), typed, has_own_data)
    return None if is_own else path
