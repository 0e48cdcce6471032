"""What loggers show of a run beside its numbers, and what it is called among others."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainhouse.configuration.run_name import folder_name
from trainhouse.runs.layout import CHECKPOINTS
from trainhouse.runs.outputs import outputs

_LONGEST = 120  # bytes; file systems take 255, and a path has others before and after it


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


def name_of(folder: Path, label: str = "") -> str:
    """Return what a run is called among those of its name, ``sweep_2026-11-27_09-30-00/3 lr=0.1``: a `label` last."""
    return " ".join(filter(None, ("/".join(_below_outputs(folder).parts[1:]) or folder.name, label)))


def label_of_evaluation(checkpoint: Path, split: str, data: str | None) -> str:
    """Return what an evaluation is of: the run of its `checkpoint` or its sweep, and what it was measured on.

    ``fake-simple_net_2026-11-27_09-30-00``; ``_val`` behind it says another `split`, ``_on_new`` the file `data`.
    """
    run = checkpoint.parent.parent if checkpoint.parent.name == CHECKPOINTS else checkpoint
    of = "_".join(_below_outputs(run).parts) if run.is_dir() else run.stem
    return as_folder_name(of + ("" if split == "auto" else f"_{split}") + (f"_on_{folder_name(data)}" if data else ""))


def as_folder_name(text: str) -> str:
    """Return `text` as a folder can be called; of one that is too long the beginning, and what tells it from others."""
    name = re.sub(r"[\x00-\x1f\x7f/\\]", "_", text).strip(". ")
    if len(name.encode()) > _LONGEST:
        digest = hashlib.sha256(name.encode()).hexdigest()[:8]
        name = f"{name.encode()[:_LONGEST].decode(errors='ignore')}...{digest}"
    return name


def _below_outputs(folder: Path) -> Path:
    folder, runs = folder.resolve(), outputs().resolve()
    if folder.is_relative_to(runs) and folder != runs:
        return folder.relative_to(runs)
    return Path(folder.parent.name, folder.name)
