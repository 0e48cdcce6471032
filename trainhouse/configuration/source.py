"""Reads from its source what a constructor takes: nothing is imported or run, so it takes milliseconds, not seconds.

What can't be known from the source alone, as a class of torch in an annotation, is `Any`.
"""

import ast
import operator
import typing
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any, TypeGuard

from trainhouse.configuration.old_names import current_name

# Modules whose names stand in annotations: light, and imported already.
_LIGHT = ("typing", "typing_extensions", "annotated_types", "collections.abc", "trainhouse.configuration.annotations")
_BUILTIN = {"int": int, "float": float, "str": str, "bool": bool, "list": list, "dict": dict, "tuple": tuple}
_OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Pow: operator.pow,
}


@dataclass(frozen=True)
class Signature:
    """What a class or function takes: each argument that it names with its annotation."""

    arguments: dict[str, Any]
    bases: tuple[str, ...]
    """The bases of a class, as they are written."""

    @property
    def is_lightning(self) -> bool:
        """Whether it is a LightningModule or a LightningDataModule, as far as the class itself says so."""
        return any(base.rpartition(".")[2].startswith("Lightning") for base in self.bases)


@cache
def signature(target: str) -> Signature | None:
    """Return what the class or function `target` takes; None if its source is not found or not understood."""
    try:
        return _signature(current_name(target))
    except (OSError, SyntaxError, ValueError, RecursionError):
        return None


def _signature(name: str) -> Signature | None:
    found = _definition(name)
    if found is None:
        return None
    module, node = found
    bases: tuple[str, ...] = ()
    if isinstance(node, ast.ClassDef):
        bases = tuple(ast.unparse(base) for base in node.bases)
        own = [one for one in node.body if isinstance(one, ast.FunctionDef) and one.name in ("__new__", "__init__")]
        own.sort(key=lambda one: one.name != "__new__")  # as Python has it: that is what is called with the arguments
        if not own:
            above = [base for base in bases if base.rpartition(".")[2] not in ("ABC", "object")]
            inherited = next(filter(None, (_signature(module.full_name(base)) for base in above)), None)
            if above and inherited is None:
                return None
            return Signature(inherited.arguments if inherited else {}, bases)
        node = own[0]
    taken = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    arguments = {one.arg: module.meaning_of(one.annotation) for one in taken if one.arg not in ("self", "cls")}
    return Signature(arguments, bases)


def _definition(name: str) -> tuple["_Module", ast.ClassDef | ast.FunctionDef] | None:
    """Return the class or function of a dotted name, from wherever the module takes it."""
    for _ in range(10):  # a chain of modules that take it from one another ends
        above, _, last = name.rpartition(".")
        module = _module(above)
        if module is None:
            return None
        found = module.names.get(last)
        if isinstance(found, (ast.ClassDef, ast.FunctionDef)):
            return module, found
        if not isinstance(found, str):
            return None
        name = found
    return None


class _Module:
    """A module's names: what is defined in it or assigned to, or the dotted name of where it is taken from."""

    def __init__(self, name: str, path: Path) -> None:
        self.name = name
        self.names: dict[str, ast.AST | str] = {}
        package = name if path.name == "__init__.py" else name.rpartition(".")[0]
        body = ast.parse(path.read_text(encoding="utf-8")).body
        for node in [*body, *(inner for one in body if _is_for_types(one) for inner in one.body)]:
            if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
                self.names[node.name] = node
            elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                self.names[node.targets[0].id] = node.value
            elif isinstance(node, ast.Import):
                for alias in node.names:
                    self.names[alias.asname or alias.name.partition(".")[0]] = alias.name if alias.asname else ""
            elif isinstance(node, ast.ImportFrom):
                above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
                origin = ".".join([*above, *([node.module] if node.module else [])])
                self.names |= {alias.asname or alias.name: f"{origin}.{alias.name}" for alias in node.names}

    def full_name(self, name: str) -> str:
        """Return the dotted name of what is `name` here."""
        first, dot, rest = name.partition(".")
        found = self.names.get(first)
        return f"{found or first}{dot}{rest}" if isinstance(found, str) else f"{self.name}.{name}"

    def meaning_of(self, node: ast.AST | None) -> Any:
        """Return the annotation that a piece of source stands for, `Any` for what it doesn't say."""
        if isinstance(node, ast.Constant):
            return self.meaning_of(ast.parse(node.value, mode="eval").body) if type(node.value) is str else node.value
        if isinstance(node, (ast.Name, ast.Attribute)):
            return self._named(ast.unparse(node))
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            return typing.Union[self.meaning_of(node.left), self.meaning_of(node.right)]  # noqa: UP007  # not a literal
        if isinstance(node, ast.Subscript):
            return self._subscript(self.meaning_of(node.value), node.slice)
        return Any

    def _subscript(self, origin: Any, inside: ast.AST) -> Any:
        parts = inside.elts if isinstance(inside, ast.Tuple) else [inside]
        try:
            if origin is typing.Literal:
                return typing.Literal[tuple(ast.literal_eval(part) for part in parts)]
            if origin is typing.Annotated:
                marks = [mark for part in parts[1:] if (mark := self._value(part)) is not Any]
                kind = self.meaning_of(parts[0])
                return typing.Annotated[(kind, *marks)] if marks else kind
            hints = tuple(self.meaning_of(part) for part in parts)
            return origin[hints if len(hints) > 1 else hints[0]]
        except (TypeError, ValueError):
            return Any

    def _value(self, node: ast.AST) -> Any:
        """Return a mark in an annotation: a number, or a call of a light module's, as ``Interval(ge=0, lt=2**32)``."""
        if isinstance(node, ast.Constant):
            return node.value
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            return -self._value(node.operand)
        if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
            return _OPERATORS[type(node.op)](self._value(node.left), self._value(node.right))
        if isinstance(node, ast.Call):
            make = self.meaning_of(node.func)
            values = [self._value(argument) for argument in node.args]
            named = {str(one.arg): self._value(one.value) for one in node.keywords}
            return Any if Any in (make, *values, *named.values()) else make(*values, **named)
        return self.meaning_of(node)

    def _named(self, name: str) -> Any:
        found = self.names.get(name)
        if isinstance(found, ast.AST):
            return Any if isinstance(found, (ast.ClassDef, ast.FunctionDef)) else self.meaning_of(found)
        if name in _BUILTIN:
            return _BUILTIN[name]
        module, _, last = self.full_name(name).rpartition(".")
        if module in _LIGHT:
            return getattr(import_module(module), last, Any)
        # Of others only the project's own are read: a name of torch or Lightning is hardly ever plain.
        if module.startswith(("trainhouse", "src")) and (other := _module(module)) is not None and other is not self:
            return other.meaning_of(ast.Name(last))
        return Any


def _is_for_types(node: ast.AST) -> TypeGuard[ast.If]:
    return isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")


@cache
def _module(name: str) -> _Module | None:
    """Find a module without importing it, or what it is in; None if it has no source."""
    path = file_of(name)
    return _Module(name, path) if path else None


def file_of(name: str) -> Path | None:
    """Return the source file of a module, or of the package that it is; None if there is none."""
    first, *rest = name.split(".")
    spec = PathFinder.find_spec(first)
    if spec is None or not spec.submodule_search_locations:
        return None
    for folder in map(Path, spec.submodule_search_locations):
        for path in (folder.joinpath(*rest, "__init__.py"), folder.joinpath(*rest).with_suffix(".py")):
            if path.is_file():
                return path
    return None
