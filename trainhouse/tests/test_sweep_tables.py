"""What the table of a sweep leaves out to fit a terminal, and what it adds where luck alone was tried."""

from dataclasses import replace

import pytest
from rich.cells import cell_len

from trainhouse.sweeps.job import COMPLETE, Job, Objective
from trainhouse.sweeps.summary_text import summary

LOSS = Objective("val/loss", "min")


def trial(number: int, loss: float, **overrides: str) -> Job:
    metrics = {"val/loss": loss, "test/loss": loss + 1, "train/loss": 0.0}
    keys = {key.replace("__", "."): value for key, value in overrides.items()}
    cut = "01234567/0.8-0.1-0.1"
    return Job(number, keys, COMPLETE, metrics, best_epoch=2, seconds=1.0, folder=str(number), data=cut)


@pytest.mark.parametrize("width", [60, 80])
def test_the_least_useful_columns_are_left_out_and_named(width: int) -> None:
    keys = {f"model__option_number_{number}": "数" * 5 for number in range(6)}
    jobs = [
        trial(n, 0.1 * n, optimizer__lr=str(0.1 * n), **{key: value + str(n % 2) for key, value in keys.items()})
        for n in range(1, 5)
    ]
    lines = summary(jobs, [LOSS], width=width).splitlines()
    assert max(map(cell_len, lines[2:7])) <= width
    assert lines[2].split()[:2] == ["trial", "lr"], "in which they differ most"
    assert "val/loss" in lines[2]
    assert lines[7].startswith(f"without, to fit {width} columns: option_number_")
    assert lines[7].endswith("epoch, seconds; results.csv has every trial")
    assert "without" not in summary(jobs, [LOSS])


def test_lengths_that_nobody_has_typed_and_that_differ_are_said() -> None:
    patience = "callbacks.early_stopping.patience"
    jobs = [
        replace(trial(n, 0.1, data__batch_size=str(16 * n)), length={"trainer.max_epochs": 20 * n, patience: 10})
        for n in (1, 2)
    ]
    note = "note: auto is not the same in all trials: trainer.max_epochs 20 to 40; a number that is typed is\n"
    assert note in summary(jobs, [LOSS])
    typed = [replace(job, overrides={**job.overrides, "trainer.max_epochs": str(job.number)}) for job in jobs]
    assert "auto" not in summary(typed, [LOSS])


def test_the_interval_is_what_a_narrow_terminal_does_without_first() -> None:
    jobs = [trial(n, 0.1 * n, optimizer__lr=str(n % 2), seed=str(n // 2)) for n in range(4)]
    text = summary(jobs, [LOSS], width=45)
    assert "0.1000 ± 0.1414" in text
    assert "[" not in text
    assert "95 % interval; results.csv" in text


@pytest.mark.parametrize(
    ("key", "rows"),
    [("seed", "the same rows"), ("data.fold", "the same rows"), ("data.split_seed", "rows of their own")],
)
def test_over_luck_alone_each_metric_of_validation_and_test_has_its_mean(key: str, rows: str) -> None:
    jobs = [trial(n, 0.1 * n, **{key: str(n)}) for n in (1, 2, 3)]
    lines = summary(jobs, [LOSS]).splitlines()
    start = lines.index(f"over {key}, tested on {rows}:")
    assert lines[start + 2].split()[:5] == ["val/loss", "3", "0.2000", "±", "0.1000"]
    assert lines[start + 3].split()[:5] == ["test/loss", "3", "1.2000", "±", "0.1000"]
    assert lines[start + 3].split()[-2:] == ["1.1000", "1.3000"]
    assert "train/loss" not in "\n".join(lines)
    own = [replace(job, data="0123456789abcdef") for job in jobs]
    assert f"over {key}:" in summary(own, [LOSS]), "nobody knows how data of one's own is split"
