"""Whether a dotted name of this project leads to something, as far as its source says; nothing is imported."""

import ast
from functools import cache
from pathlib import Path

from trainhouse.configuration.errors import did_you_mean
from trainhouse.configuration.old_names import current_name

# Names that are gone, and what is imported in their place.
_INSTEAD = {"LeanModule": "from lightning import LightningModule as LeanModule"}


def exists(name: str, root: Path) -> bool:
    """Whether ``trainhouse.tables.read_table.read_table`` is a module below `root`, or a name in one."""
    module, _, last = name.rpartition(".")
    if is_module(name, root):
        return True
    path = _path(module, root) if module else None
    return path is not None and not _names(path).isdisjoint((last, "*"))


def is_module(name: str, root: Path) -> bool:
    """Whether there is a file or a folder of that name below `root`."""
    return _path(name, root) is not None or root.joinpath(*name.split(".")).is_dir()


def import_now(name: str, root: Path) -> str:
    """Return the statement that imports what is called `name` in an earlier version; "" if nobody knows it."""
    last = name.rpartition(".")[2]
    return _INSTEAD.get(last, "") or (f"from trainhouse import {last}" if last in face(root) else "")


def where_now(name: str, root: Path) -> str:
    """Say where what is called `name` in an earlier version is today; "" if nobody knows."""
    last = name.rpartition(".")[2]
    if found := import_now(name, root):
        return f"; write '{found}'"
    if (new := current_name(name)) != name and exists(new, root):
        return f"; it is {new} now"
    return did_you_mean(last, face(root))


@cache
def face(root: Path) -> tuple[str, ...]:
    """Return the names that ``trainhouse/__init__.py`` gives away."""
    for node in ast.parse((root / "trainhouse" / "__init__.py").read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "_PLACES":
            return (*ast.literal_eval(node.value), "__version__")
    return ()


def _path(module: str, root: Path) -> Path | None:
    base = root.joinpath(*module.split("."))
    return next((path for path in (base.with_suffix(".py"), base / "__init__.py") if path.is_file()), None)


@cache
def _names(path: Path) -> frozenset[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.AsyncFunctionDef)):
            found.add(node.name)
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {target.id for target in targets if isinstance(target, ast.Name)}
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            found |= {alias.asname or alias.name for alias in node.names}
    return frozenset(found)
