"""Names for the folders of a sweep's jobs that say what they are: ``hydra.sweep.subdir=${hydra.job.override_dirname}``.

A job's folder is called by its number, by which everything finds it; a name of one's own is a link to it, beside it.
"""

import hashlib
import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from trainhouse.configuration.errors import UserError
from trainhouse.sweeps.folder import is_of_the_sweep, split_line

_NUMBERS = ("${hydra:job.num}", "${hydra.job.num}")
_LONGEST = 120  # bytes; file systems take 255, and a path has others before and after it


def named_by_number(template: str) -> bool:
    """Whether `hydra.sweep.subdir` asks for nothing but the number."""
    return template in _NUMBERS


def check_template(template: str) -> None:
    """Raise `UserError` for a name that is made of more than what a job's command line says."""
    readable_name(template, [], 0, {})


def readable_name(template: str, lines: Sequence[str], number: int, naming: dict[str, Any]) -> str:
    """Return the name that `template` gives the job with the overrides `lines`, fit for a file system.

    `naming` is `hydra.job.config.override_dirname`: what stands between the overrides, and which are left out.
    """
    own = [line for line in lines if not is_of_the_sweep(line) and not line.lstrip("+~").startswith("hydra.")]
    named = sorted(line for line in own if split_line(line)[0].lstrip("+~") not in naming.get("exclude_keys", ()))
    dirname = naming.get("item_sep", ",").join(named).replace("=", naming.get("kv_sep", "="))
    job = {"num": number, "id": str(number), "override_dirname": dirname.replace("/", "_")}
    try:
        with_values = OmegaConf.create({"hydra": {"job": job}, "name": template.replace("${hydra:", "${hydra.")})
        name = str(with_values.name)
    except OmegaConfBaseException as error:
        raise UserError(
            f"hydra.sweep.subdir: {template} can't be filled in; ${{hydra.job.num}} and ${{hydra.job.override_dirname}}"
            " are known before a job is composed"
        ) from error
    name = re.sub(r"[\x00-\x1f\x7f/\\]", "_", name).strip(". ") or str(number)
    if len(name.encode()) > _LONGEST:
        digest = hashlib.sha256(name.encode()).hexdigest()[:8]
        name = f"{name.encode()[:_LONGEST].decode(errors='ignore')}...{digest}"
    return name


def link(folder: Path, name: str, number: int) -> None:
    """Let `name` lead to the folder of the job of that number; a name that another job has gets the number too."""
    target = Path(str(number))
    for candidate in (folder / name, folder / f"{name}-{number}"):
        if candidate.is_symlink() and candidate.readlink() == target:
            return
        if candidate.name.isdecimal() or candidate.exists() or candidate.is_symlink():
            continue
        with suppress(OSError):  # a file system, or a Windows, without links
            candidate.symlink_to(target, target_is_directory=True)
        return
