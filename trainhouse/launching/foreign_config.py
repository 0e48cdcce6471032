"""Checks a configuration that lies outside the project before Hydra composes it: ``--config-path=<run folder>``.

Hydra builds things itself from the `hydra` part of such a file, and sets environment variables from it, so
that part has to be just what this project writes there; the rest is checked as the configuration of any file.
"""

import re
from argparse import ArgumentParser
from pathlib import Path

from omegaconf import OmegaConf

from trainhouse.configuration.bounded import interpolations, read_config
from trainhouse.configuration.errors import UserError
from trainhouse.configuration.old_names import let_hydra_find, with_current_names
from trainhouse.configuration.targets import check_config
from trainhouse.runs.outputs import KEY
from trainhouse.runs.saved_config import config_header, signed_parts


def parser() -> ArgumentParser:
    """Hydra's own options: those with a value, and those without."""
    parser = ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("overrides", nargs="*")
    for names in (("config-path", "cp"), ("config-name", "cn"), ("config-dir", "cd"), ("cfg", "c"), ("package", "p")):
        parser.add_argument(f"--{names[0]}", f"-{names[1]}")
    parser.add_argument("--experimental-rerun")
    parser.add_argument("--info", "-i", nargs="?", const="all")
    flags = (("help", "h"), ("run", "r"), ("multirun", "m"), ("shell-completion", "sc"))
    for name in ("hydra-help", "version", "resolve"):
        parser.add_argument(f"--{name}", action="store_true")
    for name, short in flags:
        parser.add_argument(f"--{name}", f"-{short}", action="store_true")
    return parser


def opened(arguments: list[str], open_groups: tuple[str, ...]) -> list[str]:
    """Return the command line with what needs no ``+`` marked for Hydra, though the main configuration lacks the key.

    That is a key of the `open_groups`, and of a configuration that lies elsewhere, as a run's, where runs go.
    """
    parsed, _ = parser().parse_known_args(arguments)
    is_elsewhere = parsed.config_path or parsed.config_name
    names = (*(f"{group}." for group in open_groups), *([f"{KEY}="] if is_elsewhere else []))
    return [f"++{argument}" if argument.startswith(names) else argument for argument in arguments]


def check_foreign_config(arguments: list[str], conf: Path, config_name: str) -> Path | None:
    """Raise `UserError` if the main configuration is not in `conf` and holds what no file may hold.

    Returns the file if it is one that this user account has not written. `arguments` are the command line's. What
    stands in them, and in a folder of `--config-dir`, is the user's own.
    """
    parsed, unknown = parser().parse_known_args(arguments)
    if options := [argument for argument in unknown if argument.startswith("-")]:
        raise UserError(f"{options[0]}: no such option; --help lists them")
    if parsed.experimental_rerun:
        raise UserError(
            "--experimental-rerun: unpickles a file, which could run any code; a run is run again by "
            "python train.py --config-path=<run folder> --config-name=config"
        )
    for folder in (parsed.config_path, parsed.config_dir):
        if folder and not Path(folder).is_dir() and not (conf.parent / folder).is_dir():
            raise UserError(f"{folder}: there is no such folder of configuration files")
    # Hydra takes a relative folder from where the script lies.
    main = conf.parent / parsed.config_path if parsed.config_path else conf
    path = (main / (parsed.config_name or config_name)).resolve()
    path = path if path.suffix == ".yaml" else path.with_name(f"{path.name}.yaml")
    if path.is_relative_to(conf.resolve()) or not path.is_file():
        return None
    for key in (re.split("[=@]", override.lstrip("+~"))[0] for override in parsed.overrides):
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
    typed = [override.lstrip("+").partition("=")[0] for override in parsed.overrides]
    has_own_data, is_own = signed_parts(path, plain)
    if KEY in plain and KEY not in typed and not is_own:
        raise UserError(f"{path}: {KEY}: where runs go is not taken from what somebody else has configured; type it")
    check_config(plain, str(path), typed, has_own_data)
    return None if is_own else path
