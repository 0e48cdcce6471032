"""All that Lightning exports works and resumes exactly, or is marked, or is refused in one line: docs/lightning.md."""

from pathlib import Path

import pytest

from trainhouse.tests.walk.parts import PARTS, Part, exported
from trainhouse.tests.walk.table import PAGE, SAME, cells_of, names_in, row, rows_in
from trainhouse.tests.walk.walk import ARRAY, found

# Of those that are trained, one or two of each kind: the others are slow tests.
QUICK = {
    "GradientAccumulationScheduler": ((1, 1),),
    "ModelCheckpoint": ((1, 0),),
    "ModelPruning": ((1, 1),),
    "SpikeDetection": ((1, 1),),
    "64-true": ((1, 1),),
}


def test_the_table_has_all_that_lightning_exports() -> None:
    """A new version's new callback is to be tried, and written down: python -m trainhouse.tests.walk.table."""
    names = names_in(PAGE.read_text())
    for kind, expected in exported().items():
        assert [name for name in expected if name not in names[kind]] == [], f"{kind}: not in the table"


def test_all_that_is_in_the_table_is_tried() -> None:
    assert names_in(PAGE.read_text()) == {
        kind: [part.name for part in PARTS if part.kind == kind] for kind in exported()
    }


def line_of(part: Part) -> str:
    lines = rows_in(PAGE.read_text()).get(part.kind, [])
    return next((line for line in lines if line.startswith(f"| `{part.name}`")), "")


REFUSED = [part for part in PARTS if line_of(part).endswith(f"| {SAME} |")]


@pytest.mark.parametrize("part", REFUSED[::5], ids=lambda part: f"{part.kind}-{part.name}")
def test_what_is_refused_is_so_in_the_line_of_the_table(part: Part, tmp_path: Path) -> None:
    check(part, tmp_path)


@pytest.mark.parametrize("name", sorted(QUICK))
def test_what_is_resumed_is_as_if_it_had_never_stopped(name: str, tmp_path: Path) -> None:
    (part,) = [part for part in PARTS if part.name == name]
    result = found(part, ARRAY, tmp_path, QUICK[name])
    assert not result.is_refused
    assert result.line in line_of(part)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # profilers that could not be made
@pytest.mark.parametrize("part", PARTS, ids=lambda part: f"{part.kind}-{part.name}")
def test_each_is_as_the_table_says(part: Part, tmp_path: Path) -> None:
    check(part, tmp_path)


def check(part: Part, folder: Path) -> None:
    if part.needs and part.is_at_hand:
        pytest.skip(f"the table is of a machine without {part.needs}")
    assert row(part, cells_of(part, folder)) == line_of(part)
