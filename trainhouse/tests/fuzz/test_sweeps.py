"""Damaged files of a sweep are read right, or refused in one clear line, and nothing else happens."""

from pathlib import Path
from random import Random
from typing import Any

from hypothesis import given

from trainhouse.sweeps.grid import GridPlan
from trainhouse.sweeps.search import SearchPlan
from trainhouse.sweeps.search_settings import SearchSettings
from trainhouse.tests.fuzz.damage import damage, damaged_json, damaged_lines
from trainhouse.tests.fuzz.examples import OBJECTIVES, chances, examples
from trainhouse.tests.fuzz.watched import outcome

GRID = (
    '{"kind": "grid", "command": "python train.py -m seed=1,2", "jobs": [["seed=1"], ["seed=2"]], "errors": {"1": "x"}}'
)


def search(sweep: Path) -> list[Any]:
    """Resume a search as far as its next trial; return its jobs."""
    from optuna.distributions import FloatDistribution

    space: Any = {"optimizer.lr": FloatDistribution(1e-3, 1e-2)}
    settings = SearchSettings(4, f"journal://{sweep}/study.journal", "study", None, None)
    plan = SearchPlan(sweep, space, [], None, OBJECTIVES, settings, "python train.py")
    try:
        plan.start()
        plan.examples([])
        plan.next(1)
        return plan.jobs()
    finally:
        plan.close()


def grid(folder: Path) -> list[Any]:
    """Resume a grid as far as its next jobs; return all."""
    plan = GridPlan(folder, [["seed=1"], ["seed=2"]], OBJECTIVES, "python train.py")
    try:
        plan.start()
        plan.examples([])
        plan.next(None)
        return plan.jobs()
    finally:
        plan.close()


@examples(40)
@given(random=chances)
def test_a_damaged_sweep_json_is_read_or_refused(random: Random, place: Path) -> None:
    sweep = place / "sweep"
    damage(sweep / "sweep.json", damaged_json, random)
    outcome(lambda: search(sweep), place)
    (place / "grid").mkdir(exist_ok=True)
    (place / "grid/sweep.json").write_bytes(damaged_json(GRID, random))
    outcome(lambda: grid(place / "grid"), place)


@examples(60)
@given(random=chances)
def test_a_damaged_journal_is_read_or_refused(random: Random, place: Path) -> None:
    damage(place / "sweep/study.journal", damaged_lines, random)
    outcome(lambda: search(place / "sweep"), place)
