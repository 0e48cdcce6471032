"""Which runs and checkpoints there are, of which format: all that this version can still read, and what it can't."""

from collections import Counter
from pathlib import Path

from trainhouse.runs.layout import CONFIG
from trainhouse.upgrading.findings import Findings

_FOLDERS = ("outputs", "checkpoints")


def look_at_saved_files(root: Path, findings: Findings) -> None:
    """Count what is there. A checkpoint's weights are not read."""
    for folder in filter(Path.is_dir, (root / name for name in _FOLDERS)):
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


def _format(path: Path) -> int:
    from trainhouse.checkpoints.checkpoint import RECORD, read  # torch, which takes seconds

    found: int = read(path, lazily=True)[RECORD]["format"]
    return found
