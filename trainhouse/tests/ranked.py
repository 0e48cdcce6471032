"""Runs to rank, in folders written by hand."""

from pathlib import Path

from trainhouse.reports.finished_runs import find_runs
from trainhouse.reports.ranking import rank
from trainhouse.tests.tiny import fake_run

KEY = "01234567/0.8-0.1-0.1/0"


def three_runs(folder: Path) -> Path:
    """Runs a, b and c, of which b has the smallest loss and c the largest accuracy."""
    for name, loss, acc in (("a", 0.5, 0.7), ("b", 0.2, 0.6), ("c", 0.9, 0.8)):
        fake_run(folder / name, {"val/loss": loss, "val/acc": acc})
    return folder


def order(folder: Path, metric: str | None = None, mode: str | None = None) -> str:
    """The names of the runs below `folder`, the best one first."""
    return "".join(run.folder.name for run in rank(find_runs(folder), metric, mode, None).runs)
