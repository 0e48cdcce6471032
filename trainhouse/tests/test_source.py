"""What a constructor takes is read from its source, and is what Python itself says."""

import inspect
import subprocess
import sys
import typing
from pathlib import Path

import pytest
import yaml
from hydra.utils import get_object

from trainhouse.configuration.source import signature
from trainhouse.configuration.takes import choices, in_words
from trainhouse.tests.common import CONF, LIBRARY_CONF, ROOT


def targets_in(node: object) -> set[str]:
    if isinstance(node, dict):
        own = {node["_target_"]} if isinstance(node.get("_target_"), str) else set()
        return own.union(*map(targets_in, node.values()))
    return set().union(*map(targets_in, node)) if isinstance(node, list) else set()


FILES = [*CONF.rglob("*.yaml"), *LIBRARY_CONF.rglob("*.yaml")]
TARGETS = sorted(set().union(*(targets_in(yaml.safe_load(path.read_text())) for path in FILES)))


@pytest.mark.parametrize("target", TARGETS)
def test_the_source_says_what_python_says(target: str) -> None:
    if target.partition(".")[0] in ("aim",):  # of a package that hardly anybody has
        pytest.importorskip(target.partition(".")[0])
    found, real = signature(target), get_object(target)
    assert found is not None
    parameters = inspect.signature(real).parameters.values()
    names = [one.name for one in parameters if one.kind not in (one.VAR_KEYWORD, one.VAR_POSITIONAL)]
    assert [*found.arguments] == names
    if target.startswith(("src.", "trainhouse.")):
        hints = typing.get_type_hints(real.__init__ if inspect.isclass(real) else real, include_extras=True)
        hints.pop("return", None)
        assert {name: in_words(found.arguments[name]) for name in hints} == {
            name: in_words(hint) for name, hint in hints.items()
        }


MODULE = """\
from __future__ import annotations
import typing as t
from collections.abc import Sequence
from typing import Annotated, Literal, Optional
import torch
from annotated_types import Ge, Interval, MinLen
from package.other import Size, Base
Rate = Annotated[float, Interval(gt=0, lt=2**3 - 1)]
class Net(Base):
    pass
class Own(Base):
    def __init__(self, rate: Rate, size: "Size", shape: tuple[int, int], act: Literal["relu", None],
                 many: t.Optional[Sequence[Annotated[int, Ge(-1)]]] = None, *, where: torch.device | str = "cpu",
                 odd: torch.dtype = None, names: Annotated[list[str], MinLen(1), unknown(3)] = (), plain=3,
                 broken: list[1 +] = 1, **rest): ...
"""
WORDS = {
    "rate": "a number above 0 to below 7",
    "size": "a whole number from 1 up, or null",
    "shape": "a list of 2 whole numbers",
    "act": "one of relu, null",
    "many": "a list of whole numbers from -1 up, or null",
    "where": "a string",
    "odd": "",
    "names": "a list of strings",
    "plain": "",
}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Modules of a user's that nothing can import: the first line of one raises."""
    folder = tmp_path / f"{tmp_path.name}"
    folder.mkdir()
    name = folder.name
    (folder / "__init__.py").write_text("raise SystemExit('imported')\n")
    module = MODULE.replace("package", name).replace("                 broken: list[1 +] = 1, **rest", " **rest")
    (folder / "mine.py").write_text(module)
    (folder / "broken.py").write_text(MODULE)
    (folder / "other.py").write_text(
        "from typing import Annotated\nfrom annotated_types import Ge\nSize = Annotated[int, Ge(1)] | None\n"
        "class Base:\n    def __init__(self, depth: int): ...\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    return name


def test_annotations_of_ones_own_are_read_without_an_import(package: str) -> None:
    found = signature(f"{package}.mine.Own")
    assert found is not None
    known = {name: words for name, words in WORDS.items() if name != "size"}  # an alias of another package is not read
    assert {name: in_words(found.arguments[name]) for name in known} == known
    assert package not in sys.modules


def test_a_class_without_a_constructor_has_that_of_its_base(package: str) -> None:
    found = signature(f"{package}.mine.Net")
    assert found is not None
    assert found.arguments == {"depth": int}


@pytest.mark.parametrize("target", ["broken.Own", "nowhere.Own", "mine.Nothing", "mine", "mine.torch.nn"])
def test_what_can_not_be_read_is_none(target: str, package: str) -> None:
    assert signature(f"{package}.{target}") is None


def test_choices_are_those_that_may_be_typed() -> None:
    assert choices(typing.Literal["a", "b"] | None) == ["a", "b", "null"]
    assert choices(bool) == ["true", "false"]
    assert choices(int) == []


def test_torch_is_not_imported() -> None:
    code = (
        "import sys; from trainhouse.configuration.source import signature\n"
        "assert signature('torch.optim.Adam') and signature('lightning.Trainer') and signature('src.models.cnn.CNN')\n"
        "print([name for name in ('torch', 'lightning', 'src') if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout == "[]\n", done.stderr
