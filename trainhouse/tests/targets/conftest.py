"""The user's own package and conf/."""

import sys
import types
from pathlib import Path

import pytest
import torch
from torch import nn

import src
from trainhouse.configuration import schema
from trainhouse.tests.targets.own import OWN


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch) -> None:
    """The classes above, in ``src.own``."""
    module = types.ModuleType("src.own")
    for name, thing in OWN.items():
        setattr(module, name, thing)
    module.nn, module.torch = nn, torch  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "src.own", module)
    monkeypatch.setattr(src, "own", module, raising=False)


@pytest.fixture
def conf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own: None) -> Path:
    """An empty folder for what the user's conf/ names."""
    monkeypatch.setattr(schema, "CONF", tmp_path)
    return tmp_path
