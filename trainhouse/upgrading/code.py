"""What a project's Python files ask of the library that it no longer has; scripts and packages that it needs now."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

from trainhouse.upgrading.findings import Change, Findings
from trainhouse.upgrading.names import exists, face, import_now, is_module, where_now

# The scripts of this version, word for word.
_OF_THIS_VERSION = Path(__file__).parent / "scripts"
SCRIPTS = {
    **{f"{name}.py": f"{name}.py.txt" for name in ("train", "eval", "infer", "select_best_model")},
    **{f"hydra_plugins/{name}.py": f"{name}.py.txt" for name in ("project_conf", "project_sweepers")},
}
# Those of this version's own pyproject.toml.
REQUIREMENTS = _OF_THIS_VERSION / "requirements.txt"
_MAPPING = "plain"  # what `checked` returned before 1.0.0 was called so


def look_at_scripts(root: Path, findings: Findings) -> None:
    """Replace scripts that can't run with this version, and add those that are missing."""
    for name, template in SCRIPTS.items():
        path, text = root / name, (_OF_THIS_VERSION / template).read_text(encoding="utf-8")
        if not path.exists():
            findings.changes.append(Change(path, text, ["is missing: added"]))
        elif (old := path.read_text(encoding="utf-8")) != text and (why := _why_it_fails(old, root)):
            findings.changes.append(Change(path, text, [f"{why}: replaced by this version's; add your edits again"]))


def look_at_code(root: Path, findings: Findings) -> None:
    """Import names from where they are now, and name what the user's own files ask for and nothing has."""
    for folder in ("src", "tests"):
        for path in sorted((root / folder).rglob("*.py")):
            shown = path.relative_to(root)
            try:
                old = path.read_text(encoding="utf-8")
                text, said = _with_imports_of_today(old, root)
                left = {name for _, name in _missing(text, root)}
                findings.by_hand += [
                    f"{shown}, line {line}: no {name}{where_now(name, root)}"
                    for line, name in _missing(old, root)
                    if name in left
                ]
            except (SyntaxError, UnicodeDecodeError) as error:
                findings.by_hand.append(f"{shown}: can't be read ({' '.join(str(error).split())})")
                continue
            if said:
                findings.changes.append(Change(path, text, said))


def is_of_one_house(root: Path) -> bool:
    """Whether the project is from before 1.0.0, when the library was in src/ too."""
    return all((root / "src" / "data" / f"{name}.py").is_file() for name in ("datamodule", "spec", "split", "order"))


def _with_imports_of_today(text: str, root: Path) -> tuple[str, list[str]]:
    """Replace the statements that import from trainhouse what is known to be elsewhere."""
    lines, said = text.splitlines(keepends=True), []
    nodes = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ImportFrom) and not node.level]
    for node in sorted(nodes, key=lambda one: -one.lineno):
        if (node.module or "").partition(".")[0] != "trainhouse":
            continue
        names = {f"{node.module}.{alias.name}": alias for alias in node.names}
        now = {name: statement for name in names if not _is_there(name, root) and (statement := import_now(name, root))}
        if not now:
            continue
        indent = " " * node.col_offset
        kept = [ast.unparse(alias) for name, alias in names.items() if name not in now]
        new = [f"from {node.module} import {', '.join(kept)}"] if kept else []
        for name, statement in now.items():
            alias = names[name]
            new.append(f"{statement} as {alias.asname}" if alias.asname else statement)
            said.append(f"line {node.lineno}: {name} is gone: {new[-1]}")
        assert node.end_lineno is not None
        lines[node.lineno - 1 : node.end_lineno] = [f"{indent}{one}\n" for one in new]
    return "".join(lines), said[::-1]


def _is_there(name: str, root: Path) -> bool:
    top, _, rest = name.partition(".")
    return (top == "trainhouse" and rest in face(root)) or exists(name, root)


def _why_it_fails(text: str, root: Path) -> str:
    try:
        missing = list(_missing(text, root))
    except SyntaxError:
        return "is no Python"
    if missing:
        return f"asks for {missing[0][1]}, which is gone"
    names = (node.id for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name))
    return "takes settings for a mapping" if _MAPPING in names else ""


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
            top = name.partition(".")[0]
            if (top == "trainhouse" and not _is_there(name, root)) or (top == "src" and not is_module(name, root)):
                yield node.lineno, name


def look_at_dependencies(root: Path, findings: Findings) -> None:
    """Name the packages that are lacking, and where another range of versions is asked for."""
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
