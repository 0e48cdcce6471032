"""Which runs and checkpoints there are, of which format: all that this version can still read, and what it can't."""

from collections import Counter
from contextlib import suppress
from pathlib import Path

import yaml

from trainhouse.configuration.bounded import read_yaml
from trainhouse.runs.layout import CONFIG, RUNS
from trainhouse.runs.outputs import KEY
from trainhouse.upgrading.findings import Findings


def look_at_saved_files(root: Path, findings: Findings) -> None:
    """Count what is there. A checkpoint's weights are not read."""
    places = dict.fromkeys([root / "outputs", root / _outputs(root), root / "checkpoints"])
    for folder in filter(Path.is_dir, places):
        runs = sum(path.parent.name != ".hydra" for path in folder.rglob(CONFIG))
        paths = sorted(folder.rglob("*.ckpt"))
        if not runs and not paths:
            continue
        formats: Counter[str] = Counter()
        for path in paths:
            try:
                formats[f"of format {_format(path)}"] += 1
            except Exception as error:  # whatever is wrong with one file
                formats["that can't be read"] += 1
                findings.by_hand.append(f"{path.relative_to(root)}: {' '.join(str(error).split())[:200]}")
        counted = ", ".join(f"{count} checkpoint{'s' * (count != 1)} {what}" for what, count in formats.items())
        listed = ", ".join(filter(None, [f"{runs} run{'s' * (runs != 1)}" if runs else "", counted]))
        stay = "; they stay readable as they are" if any(name.startswith("of") for name in formats) or runs else ""
        findings.notes.append(f"{folder.name}/: {listed}{stay}")


def _outputs(root: Path) -> str:
    """Return the folder of all runs that the project's conf/ names."""
    with suppress(OSError, ValueError, yaml.YAMLError):
        content = read_yaml(root / "conf" / "train.yaml")
        return str(content.get(KEY) or RUNS) if isinstance(content, dict) else RUNS
    return RUNS


def _format(path: Path) -> int:
    from trainhouse.checkpoints.checkpoint import RECORD, read  # torch, which takes seconds

    found: int = read(path, lazily=True)[RECORD]["format"]
    return found
