"""Each row of the benchmarks measures something, at small sizes; nothing here asserts how fast anything is."""

import pytest

from trainhouse.benchmarks.lab import Lab
from trainhouse.benchmarks.measuring import Row
from trainhouse.benchmarks.processes import SkippedError
from trainhouse.benchmarks.rows import ROWS

# Rows of which all happens in this process; the others start commands.
IN_PROCESS = (
    *("epoch_start_1e9", "blocks_cold", "blocks_warm", "in_memory", "in_memory_columns"),
    *("guard", "preflight", "fast_lean_step", "fast_finite", "fast_composing"),
)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "each", [pytest.param(one, id=one.name, marks=[] if one.name in IN_PROCESS else [pytest.mark.slow]) for one in ROWS]
)
def test_a_row_can_be_measured(each: Row, tmp_path) -> None:
    try:
        samples = each.measure(Lab(tmp_path, repeats=1, quick=True))
    except SkippedError as reason:
        pytest.skip(str(reason))
    assert samples.ours
    assert len(samples.ours) == len(samples.yardstick)
