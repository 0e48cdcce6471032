"""What loggers show of a run beside its numbers, and what it is called among others."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainhouse.runs.outputs import outputs


@dataclass(frozen=True)
class Description:
    """What loggers show of a run beside its numbers."""

    title: str
    """What it is called where all runs stand side by side: its folder's name first, since columns are narrow."""
    config: str
    """The whole configuration as YAML."""
    chosen: dict[str, Any]
    """The hyperparameters that were typed or swept: numbers, booleans and strings."""
    everything: dict[str, Any]
    """All hyperparameters, nested."""
    tags: tuple[str, ...] = ()
    notes: str | None = None


def title_of(folder: Path) -> str:
    """Return what a run is called among all runs, ``3 (fake-simple_net/sweep_2026-11-27_09-30-00)``."""
    return f"{folder.name} ({above})" if (above := _below_outputs(folder).parent.as_posix()) != "." else folder.name


def name_of(folder: Path) -> str:
    """Return what a run is called among those of its name: ``sweep_2026-11-27_09-30-00/3``."""
    return "/".join(_below_outputs(folder).parts[1:]) or folder.name


def _below_outputs(folder: Path) -> Path:
    folder, runs = folder.resolve(), outputs().resolve()
    if folder.is_relative_to(runs) and folder != runs:
        return folder.relative_to(runs)
    return Path(folder.parent.name, folder.name)
