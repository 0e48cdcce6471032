"""Why what a configuration names can't be loaded, said without importing what is in order."""

import ast
import re
from importlib.util import find_spec

from trainhouse.configuration.errors import UserError
from trainhouse.configuration.source import file_of, signature
from trainhouse.configuration.targets import locate


def why_not_loadable(target: str) -> str:
    """Return why the class or function `target` can't be loaded, "" if nothing speaks against it."""
    if signature(target) is None:
        try:
            locate(target, "")
        except UserError as error:
            said = str(error).partition(": ")[2]
            return re.sub(r"^cannot load '[^']*' \((.*)\)", r"\1", said)
        return ""
    path = file_of(target.rpartition(".")[0])
    if path is None:
        return ""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module] if isinstance(node, ast.ImportFrom) and node.module and not node.level else []
        for name in (one.partition(".")[0] for one in names):
            if not _is_there(name):
                return f"{path.name} imports {name}, which is not installed; pip install it"
    return ""


def _is_there(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except (ImportError, ValueError):  # of a module that has been made, and says nothing of where
        return True
