"""Private names of libraries are used in two rooms only, and each says what it gives."""

import ast
import functools
import re
from pathlib import Path

from trainhouse import fast, resuming
from trainhouse.tests.test_architecture import LIBRARY, LIBRARY_FILES, USERS_FILES

# What may use private names of libraries, each of which stands in `PRIVATE_NAMES` of its room.
MAY_USE_PRIVATE_NAMES = ("fast/", "resuming/")
EXTERNAL = ("lightning", "hydra", "torch", "omegaconf", "optuna", "joblib", "torchmetrics", "pyarrow")


@functools.cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


@functools.cache
def own_private_names() -> set[str]:
    """Names with an underscore that are defined in the project: as function, class, variable or attribute."""
    found: set[str] = set()
    for path in [*LIBRARY_FILES, *USERS_FILES]:
        tree = parsed(path)
        added_to = {id(node.target) for node in ast.walk(tree) if isinstance(node, ast.AugAssign)}
        for node in ast.walk(tree):
            if id(node) in added_to:
                continue
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                found.add(node.name)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                found.add(node.id)
            elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
                found.add(node.attr if isinstance(node.value, ast.Name) and node.value.id in ("self", "cls") else "")
            elif isinstance(node, ast.Call) and ast.unparse(node.func) == "object.__setattr__":
                found.add(str(getattr(node.args[1], "value", "")))
    return found


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("__")


def private_names(path: Path, own: set[str]) -> list[str]:
    found = []
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith(EXTERNAL):
            names = [*str(node.module).split("."), *(alias.name for alias in node.names)]
            found += [name for name in names if is_private(name)]
        elif isinstance(node, ast.Attribute) and is_private(node.attr) and node.attr not in own:
            is_of_os = isinstance(node.value, ast.Name) and node.value.id == "os"  # os._exit is documented
            found += [] if is_of_os else [node.attr]
        elif (
            isinstance(node, ast.keyword) and node.arg and is_private(node.arg) and node.arg not in own | {"_convert_"}
        ):
            found.append(node.arg)
    return found


def private_strings(path: Path, own: set[str]) -> list[str]:
    """Those by which `vars`, `setattr` and the like are asked for a private name."""
    tree = parsed(path)
    parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    strings = [str(node.value) for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in parts]
    return [string for string in strings if re.fullmatch(r"_[a-z]\w+", string) and string not in own]


def test_private_names_of_libraries_are_used_in_two_places_only() -> None:
    own = own_private_names()
    users = {path.relative_to(LIBRARY).as_posix() for path in LIBRARY_FILES if private_names(path, own)}
    assert {name for name in users if not name.startswith(MAY_USE_PRIVATE_NAMES)} == set()


def test_each_private_name_is_accounted_for() -> None:
    own = own_private_names()
    rooms = {LIBRARY / "fast" / f"{file}.py": names for file, names in fast.PRIVATE_NAMES.items()}
    files = {path: {*private_names(path, own), *private_strings(path, own)} for path in LIBRARY_FILES}
    for path, names in rooms.items():
        assert files[path] == {part for name in names for part in re.split("[.:]", name) if is_private(part)}, path
    assert not [path for path in files if path.parent.name == "fast" and files[path] and path not in rooms]
    found = set().union(*(names for path, names in files.items() if path.parent.name == "resuming"))
    assert found == {re.split("[.:]", name)[-1] for name in resuming.PRIVATE_NAMES}
    reasons = [
        *resuming.PRIVATE_NAMES.values(),
        *(why for names in fast.PRIVATE_NAMES.values() for why in names.values()),
    ]
    assert all(reasons)
