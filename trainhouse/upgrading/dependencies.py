"""Packages that the library needs and the project's pyproject.toml doesn't name."""

import re
import tomllib
from pathlib import Path

from trainhouse.upgrading.findings import Findings

# Those of this version's own pyproject.toml.
REQUIREMENTS = Path(__file__).parent / "scripts" / "requirements.txt"


def look_at_dependencies(root: Path, findings: Findings) -> None:
    """Name what is lacking, and where another range of versions is asked for."""
    path = root / "pyproject.toml"
    if not path.is_file():
        return
    try:
        named = tomllib.loads(path.read_text(encoding="utf-8")).get("project", {}).get("dependencies", [])
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        findings.by_hand.append(f"pyproject.toml: {error}")
        return
    own = {_name(one): one for one in named if isinstance(one, str)}
    for needed in REQUIREMENTS.read_text(encoding="utf-8").split():
        if _name(needed) not in own:
            findings.by_hand.append(f"pyproject.toml: add '{needed}' to dependencies, then pip install -e .")
        elif "".join(own[_name(needed)].split()) != needed:
            findings.notes.append(
                f"pyproject.toml asks for '{own[_name(needed)]}'; this version was tried with '{needed}'"
            )


def _name(requirement: str) -> str:
    return re.split(r"[^\w.-]", requirement.strip(), maxsplit=1)[0].lower().replace("_", "-")
