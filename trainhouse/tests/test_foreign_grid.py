"""A grid's record may be anybody's, and so may those of its runs: only values are taken."""

import json
from pathlib import Path
from typing import Any

import pytest

from trainhouse.configuration.errors import UserError
from trainhouse.sweeps.folder import gives_values_only, read_job, same_job
from trainhouse.sweeps.grid import GridPlan
from trainhouse.tests.plans import LOSS


def test_a_job_of_a_grid_is_run_as_it_is_typed(tmp_path: Path) -> None:
    more = ["seed=1", "launcher=evil", "+sweep.x=${oc.env:HOME}"]
    (tmp_path / "sweep.json").write_text(json.dumps({"kind": "grid", "command": "c", "jobs": [more], "errors": {}}))
    now = GridPlan(tmp_path, [["seed=1"], ["seed=2"]], LOSS, "c")
    now.start()
    assert [task.lines for task in now.next(None)] == [["seed=1"], ["seed=2"]]
    now.close()


@pytest.mark.parametrize(
    "record",
    [{"jobs": 3}, {"jobs": [3]}, {"jobs": [[3]]}, {"jobs": [], "errors": [1]}, {"jobs": [], "errors": {"x": ""}}],
)
def test_a_grids_record_of_another_kind_is_refused_in_one_line(record: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "sweep.json").write_text(json.dumps({"kind": "grid", "command": "c", **record}))
    with pytest.raises(UserError, match=r"sweep\.json: its trials, or their errors"):
        GridPlan(tmp_path, [["seed=1"]], LOSS, "c")


def test_what_gives_values_only() -> None:
    assert gives_values_only(["model.hidden_sizes=[64,8]", "+x={a: b}", "~scheduler", "my_key.its_own=1", "model=cnn"])
    assert not gives_values_only(["seed=1", "model._target_=a.b"])
    assert same_job(["b=1e-3", "a=1", "launcher=x"]) == same_job(["a=1", "b=0.001"])


@pytest.mark.parametrize(
    "content",
    [
        "[]",
        "3",
        "[" * 3000,
        '{"status": []}',
        '{"status": "completed", "metrics": 3}',
        '{"status": "completed", "metrics": {"val/loss": "x"}}',
        '{"status": "completed", "metrics": {"val/loss": {}}}',
        '{"status": "completed", "provenance": 1}',
        '{"status": "completed", "epochs": "x"}',
    ],
)
def test_a_record_that_no_run_has_written_is_none(content: str, tmp_path: Path) -> None:
    (tmp_path / "0").mkdir()
    (tmp_path / "0" / "metrics.json").write_text(content)
    assert read_job(tmp_path, 0, ["seed=1"], LOSS).state == "WAITING"
