"""Python's search for garbage waits until torch is imported, and is never left off."""

import gc
import sys
from collections.abc import Iterator

import pytest

from trainhouse.machine.garbage import put_off, take_up


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    yield
    take_up()
    gc.unfreeze()


def test_it_is_put_off_only_before_torch_is_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    put_off()
    assert gc.isenabled()
    monkeypatch.delitem(sys.modules, "torch")
    put_off()
    assert not gc.isenabled()


def test_what_there_is_when_it_is_taken_up_is_never_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "torch")
    put_off()
    take_up()
    assert gc.isenabled()
    assert gc.get_freeze_count() > 10_000
    gc.unfreeze()
    take_up()
    assert gc.get_freeze_count() == 0


def test_a_user_who_has_turned_it_off_keeps_it_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "torch")
    gc.disable()
    try:
        put_off()
        take_up()
        assert not gc.isenabled()
    finally:
        gc.enable()
