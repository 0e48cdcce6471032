"""Each logger continues where the run was stopped: nothing is logged twice, and nothing is lost."""

from pathlib import Path
from typing import Any

import pytest
from lightning.pytorch.loggers import CSVLogger as LightningCSVLogger

from trainhouse.configuration.views import Parts
from trainhouse.runs import csv_logger
from trainhouse.runs.csv_logger import StepsFile, keep_rows, whole_rows
from trainhouse.runs.log_position import LogPosition
from trainhouse.runs.loggers import build_loggers
from trainhouse.tests.logged import BOTH, CSV, STEPS, fit, rows, shown


class Subclass(LightningCSVLogger):
    """A user's own kind of Lightning's logger."""


@pytest.mark.parametrize("kills", [[3], [7], [4, 7], [3, 4, 9, 14]], ids=str)
def test_a_run_killed_any_number_of_times_has_logged_what_one_never_killed_has(
    kills: list[int], tmp_path: Path
) -> None:
    fit(tmp_path / "whole", BOTH)
    for number, kill in enumerate([*kills, None]):
        fit(tmp_path / "run", BOTH, resume=number > 0, kill=kill)
    assert rows(tmp_path / "run") == rows(tmp_path / "whole")
    assert shown(tmp_path / "run") == shown(tmp_path / "whole")


def test_an_older_run_with_one_logger_is_resumed_too(tmp_path: Path) -> None:
    fit(tmp_path / "whole", CSV)
    fit(tmp_path / "run", CSV, kill=8)
    fit(tmp_path / "run", CSV, resume=True)
    assert rows(tmp_path / "run") == rows(tmp_path / "whole")


def test_no_moment_leaves_fewer_rows_than_were_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fit(tmp_path, CSV, kill=8)
    kept = [row for row in rows(tmp_path) if row["step"] < 8]
    assert len(kept) > 8

    def look() -> None:
        assert rows(tmp_path)[: len(kept)] == kept

    for owner, name in ((StepsFile, "log_metrics"), (StepsFile, "save"), (csv_logger, "_replace")):
        inner = getattr(owner, name)
        monkeypatch.setattr(owner, name, lambda *a, inner=inner, **k: (look(), inner(*a, **k), look())[1])
    (logger,) = build_loggers(Parts(CSV), tmp_path, LogPosition(step=8))
    look()
    logger.log_metrics({"step/loss": 1.0}, step=8)
    logger.log_metrics({"a new column": 1.0}, step=9)
    logger.save()
    logger.log_hyperparams({"a": 1})
    last = rows(tmp_path)[-2:]
    assert last == [{"step": 8.0, "step/loss": 1.0}, {"step": 9.0, "a new column": 1.0}]


def test_a_full_disk_leaves_the_rows_as_they_were(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fit(tmp_path, CSV, kill=8)
    before = (tmp_path / STEPS).read_bytes()

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        build_loggers(Parts(CSV), tmp_path, LogPosition(step=7))
    assert (tmp_path / STEPS).read_bytes() == before


def test_a_line_that_a_kill_has_cut_short_is_no_row(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    path.write_bytes(b"a\xe2\x80\xa8,step\r\n1.0,3\r\n,12\r\n2.0,1")
    kept = [{"a\u2028": "1.0", "step": "3"}, {"a\u2028": "", "step": "12"}]
    assert whole_rows(path) == kept
    keep_rows(path, lambda number, _: number < 9)
    assert path.read_bytes() == b"a\xe2\x80\xa8,step\r\n1.0,3\r\n,12\r\n"
    keep_rows(path, lambda number, _: number < 1)
    assert whole_rows(path) == kept[:1]
    keep_rows(tmp_path / "none.csv", lambda number, _: False)
    assert whole_rows(tmp_path / "none.csv") == []


def test_a_run_from_its_beginning_has_no_rows_of_an_earlier_one(tmp_path: Path) -> None:
    for _ in range(2):
        fit(tmp_path, CSV, epochs=1)
    assert [row["step"] for row in rows(tmp_path) if "step/loss" in row] == list(range(5))


@pytest.mark.filterwarnings("ignore:Experiment logs directory")
def test_a_subclass_of_a_users_own_keeps_its_rows_too(tmp_path: Path) -> None:
    node = {**CSV, "_target_": f"{__name__}.Subclass"}
    (logger,) = fit(tmp_path / "whole", node)
    assert type(logger) is Subclass
    fit(tmp_path / "run", node, kill=8)
    before = [row for row in whole_rows(tmp_path / "run" / STEPS) if int(row["step"]) < 8]
    build_loggers(Parts(node), tmp_path / "run", LogPosition(step=8))
    assert whole_rows(tmp_path / "run" / STEPS) == before, "never gone, nor written at the next flush only"
    fit(tmp_path / "run", node, resume=True)
    assert rows(tmp_path / "run") == rows(tmp_path / "whole")
