"""What a project's Python files ask of the library that it no longer has, and the scripts that it needs today."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from trainhouse.upgrading.findings import Change, Findings
from trainhouse.upgrading.names import exists, face, is_module, where_now

# The scripts of this version, word for word.
_OF_THIS_VERSION = Path(__file__).parent / "scripts"
SCRIPTS = {
    **{f"{name}.py": f"{name}.py.txt" for name in ("train", "eval", "infer", "select_best_model")},
    **{f"hydra_plugins/{name}.py": f"{name}.py.txt" for name in ("project_conf", "project_sweepers")},
}
_AS_A_MAPPING = re.compile(r"\bplain\[|\bchecked\([^)]*\)\[")  # what `checked` returned before 1.0.0


def look_at_scripts(root: Path, findings: Findings) -> None:
    """Replace scripts that can't run with this version, and add those that are missing."""
    for name, template in SCRIPTS.items():
        path, text = root / name, (_OF_THIS_VERSION / template).read_text(encoding="utf-8")
        if not path.exists():
            findings.changes.append(Change(path, text, ["is missing: added"]))
        elif (old := path.read_text(encoding="utf-8")) != text and (why := _why_it_fails(old, root)):
            findings.changes.append(Change(path, text, [f"{why}: replaced by this version's; add your edits again"]))


def look_at_code(root: Path, findings: Findings) -> None:
    """Name what the user's own files ask for in vain."""
    for folder in ("src", "tests"):
        for path in sorted((root / folder).rglob("*.py")):
            shown = path.relative_to(root)
            try:
                lines = list(_missing(path.read_text(encoding="utf-8"), root))
            except (SyntaxError, UnicodeDecodeError) as error:
                findings.by_hand.append(f"{shown}: can't be read ({' '.join(str(error).split())})")
                continue
            findings.by_hand += [f"{shown}, line {line}: no {name}{where_now(name, root)}" for line, name in lines]


def _why_it_fails(text: str, root: Path) -> str:
    try:
        missing = list(_missing(text, root))
    except SyntaxError:
        return "is no Python"
    if missing:
        return f"asks for {missing[0][1]}, which is gone"
    return "takes settings for a mapping" if _AS_A_MAPPING.search(text) else ""


def _missing(text: str, root: Path) -> Iterator[tuple[int, str]]:
    """Yield each dotted name of this project that leads nowhere, with its line."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            is_own = node.module.partition(".")[0] == "src"  # what is in a file of the user's own is the user's matter
            names = [node.module if is_own else f"{node.module}.{one.name}" for one in node.names if one.name != "*"]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "trainhouse":
            names = [f"trainhouse.{node.attr}"]
        else:
            continue
        for name in names:
            top, _, rest = name.partition(".")
            known = top == "trainhouse" and rest in face(root)
            if (top == "trainhouse" and not known and not exists(name, root)) or (
                top == "src" and not is_module(name, root)
            ):
                yield node.lineno, name
