"""Python's search for garbage is rare until torch is imported, and as usual from then on."""

import gc
import sys
from collections.abc import Iterator

import pytest

import trainhouse
from trainhouse.machine.garbage import search_as_usual, search_rarely


@pytest.fixture(autouse=True)
def usual() -> Iterator[tuple[int, int, int]]:
    of_tests, usual = gc.get_threshold(), (700, 10, 10)
    gc.set_threshold(*usual)
    yield usual
    search_as_usual()
    gc.freeze()  # as it is for all tests
    assert gc.get_threshold() == usual
    gc.set_threshold(*of_tests)


def test_it_is_rare_only_before_torch_is_imported(usual: tuple[int, int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    search_rarely()
    assert gc.get_threshold() == usual
    monkeypatch.delitem(sys.modules, "torch")
    search_rarely()
    search_rarely()
    assert gc.get_threshold() > usual
    assert gc.isenabled()


def test_what_there_is_when_it_is_usual_again_is_never_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "torch")
    search_rarely()
    search_as_usual()
    assert gc.get_freeze_count() > 10_000
    gc.unfreeze()
    search_as_usual()
    assert gc.get_freeze_count() == 0


def test_it_is_usual_once_the_library_has_given_what_needs_torch(
    usual: tuple[int, int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as without:
        without.delitem(sys.modules, "torch")
        search_rarely()
    assert trainhouse.train
    assert gc.get_threshold() == usual
