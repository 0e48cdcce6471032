"""Plans of sweeps, and what their jobs leave, written by hand."""

import json
from pathlib import Path
from typing import Any

from trainhouse.sweeps.grid import GridPlan
from trainhouse.sweeps.job import Objective
from trainhouse.sweeps.plan import Task

LOSS = [Objective("val/loss", "min")]
JOBS = [["seed=1", "trainer=cpu"], ["seed=2", "trainer=cpu"], ["seed=3", "trainer=cpu"]]


def begun(folder: Path, number: int, status: str | None = None, loss: float | None = 0.5, **content: Any) -> None:
    """Leave what a job leaves that has begun, and that has ended if `status` is given."""
    run = folder / str(number)
    run.mkdir(exist_ok=True)
    (run / "config.yaml").touch()
    if status:
        metrics = {} if loss is None else {"val/loss": loss}
        (run / "metrics.json").write_text(json.dumps({"status": status, "metrics": metrics, **content}))


def states(plan: Any) -> list[str]:
    return [job.state for job in plan.jobs()]


def numbers(tasks: list[Task]) -> list[int]:
    return [task.number for task in tasks]


def grid(folder: Path, jobs: list[list[str]] = JOBS) -> GridPlan:
    plan = GridPlan(folder, [list(job) for job in jobs], LOSS, "python train.py -m seed=1,2,3 trainer=cpu")
    plan.start()
    return plan
