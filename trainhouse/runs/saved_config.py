"""A run's `config.yaml`: the whole configuration, which Hydra can run again, and who has written it."""

import re
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from trainhouse.configuration.bounded import read_yaml
from trainhouse.configuration.settings import Train
from trainhouse.machine.files import write_text
from trainhouse.machine.signing import is_signed, signatures
from trainhouse.runs.layout import CONFIG

_CONFIG_HEADER = """\
# The whole configuration of this run, resolved. The same run once more, in a folder of its own:
#   python train.py --config-path={folder} --config-name=config
defaults:
  - _self_
  - override hydra/job_logging: none
hydra:
  run:
    dir: outputs/${{name}}/${{now:%Y-%m-%d_%H-%M-%S}}
  sweep:
    dir: outputs/${{name}}/sweep_${{now:%Y-%m-%d_%H-%M-%S}}
  callbacks:
    run_folder:
      _target_: trainhouse.runs.run_folder.ClaimRunFolder

"""
_SIGNED = "# What the account that has run this is known by, its data and all of it:"


def config_header(folder: Path) -> str:
    """Return what a run's `config.yaml` begins with: for Hydra, when it is run again."""
    named = str(folder.absolute())  # a line break would end the comment
    return _CONFIG_HEADER.format(folder=named if named.isprintable() else "<this folder>")


def write_config(folder: Path, settings: Train) -> None:
    """Write a run's resolved configuration so that Hydra can take it as it is and run it again."""
    signed = signatures(settings)
    line = f"{_SIGNED} {signed['data']} {signed['config']}\n" if signed else ""
    write_text(folder / CONFIG, config_header(folder) + line + as_yaml(settings))


def as_yaml(settings: Train) -> str:
    """Return a configuration as it stands in its file."""
    return OmegaConf.to_yaml(OmegaConf.create(settings.plain))


def signed_parts(path: Path, content: dict[str, Any]) -> tuple[bool, bool]:
    """Whether this user account has run the data of `content`, which stands in the file at `path`; and all of it."""
    found = re.search(rf"^{re.escape(_SIGNED)} (\w+) (\w+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return (is_signed(content.get("data"), found[1]), is_signed(content, found[2])) if found else (False, False)


def started_with(folder: Path) -> list[str]:
    """Return the command line of a run's first start, as Hydra has kept it; nothing where there is no record of it."""
    try:
        return [str(line) for line in read_yaml(folder / ".hydra" / "overrides.yaml") or ()]
    except (OSError, ValueError, TypeError):
        return []
