"""What an upgrade finds: files that it can change by itself, and what is left to do by hand."""

import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from trainhouse.machine.files import write_text

KEPT = ".before_upgrade"


@dataclass
class Change:
    """A file with new content, and what is new in it, a line each."""

    path: Path
    text: str
    said: list[str] = field(default_factory=list)

    def write(self, root: Path) -> Path | None:
        """Write the file. What it held is kept beside it, in the file that is returned, unless git has it."""
        copy = None
        if self.path.exists() and not _is_in_git(self.path, root):
            copy = self.path.with_name(self.path.name + KEPT)
            number = 1
            while copy.exists():  # of an earlier upgrade
                number += 1
                copy = self.path.with_name(f"{self.path.name}{KEPT}_{number}")
            copy.write_bytes(self.path.read_bytes())
        write_text(self.path, self.text)
        return copy


@dataclass
class Findings:
    """All that was found, in the order in which it is shown."""

    changes: list[Change] = field(default_factory=list)
    by_hand: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def _is_in_git(path: Path, root: Path) -> bool:
    """Whether git has a file as it is now."""
    try:
        for command in (["ls-files", "--error-unmatch"], ["diff", "--quiet", "HEAD"]):
            subprocess.run(
                ["git", "-C", str(root), *command, "--", str(path)], capture_output=True, timeout=10, check=True
            )
    except (OSError, subprocess.SubprocessError):
        return False
    return True
