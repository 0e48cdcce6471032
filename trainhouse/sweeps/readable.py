"""Names of a sweep's jobs that say what they are: in loggers; by ``hydra.sweep.subdir=${hydra.job.override_dirname}``.

A job's folder is called by its number, by which everything finds it; a name of one's own is a link to it, beside it.
"""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from trainhouse.configuration.bounded import read_json
from trainhouse.configuration.errors import UserError
from trainhouse.reports.short_text import short_names, shown_value
from trainhouse.runs.description import as_folder_name
from trainhouse.runs.layout import MULTIRUN, SWEEP
from trainhouse.runs.saved_config import started_with
from trainhouse.sweeps.folder import is_of_the_sweep, split_line

_NUMBERS = ("${hydra:job.num}", "${hydra.job.num}")


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
    return as_folder_name(name) or str(number)


def label_of_trial(folder: Path) -> str:
    """Return what loggers call a trial beside its number, by its own overrides, ``lr=0.01,seed=2``; "" of a run."""
    if not folder.name.isdecimal() or not (folder.parent / MULTIRUN).is_file():
        return ""
    try:
        record = read_json(folder.parent / SWEEP)
    except (OSError, ValueError):
        return ""
    shared = record.get("shared") if isinstance(record, dict) else None
    lines = [line for line in started_with(folder) if not is_of_the_sweep(line) and "=" in line]
    own = dict(split_line(line) for line in lines)
    own = {key: value for key, value in own.items() if not isinstance(shared, list) or key not in shared}
    names = short_names([*own])
    return as_folder_name(",".join(f"{names[key].lstrip('+')}={shown_value(value, 40)}" for key, value in own.items()))


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
