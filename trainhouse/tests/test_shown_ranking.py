"""The table of ranked runs: in what they differ, how they were tested, and what fits a terminal."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

from trainhouse.configuration.errors import UserError
from trainhouse.reports.finished_runs import find_runs
from trainhouse.reports.ranking import rank
from trainhouse.reports.run_table import print_ranking
from trainhouse.tests.ranked import three_runs
from trainhouse.tests.tiny import fake_run

Shown = Callable[..., list[str]]

CONFIG = """\
name: x
seed: {seed}
model:
  _target_: src.models.simple_net.SimpleNet
  hidden_sizes: [{width}]
optimizer:
  _target_: torch.optim.Adam
  lr: {lr}
  weight_decay: 0
data:
  target: {target}
  num_workers: {seed}
"""


@pytest.fixture
def shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Shown:
    """Return the lines that a ranking of the runs below `tmp_path` prints."""

    def lines(columns: int | None = None, metric: str | None = None) -> list[str]:
        monkeypatch.delenv("COLUMNS", raising=False)
        if columns:
            monkeypatch.setenv("COLUMNS", str(columns))
        caplog.set_level("INFO", logger="trainhouse.reports")
        caplog.clear()
        print_ranking(rank(find_runs(tmp_path), metric, None, None))
        return "\n".join(record.getMessage() for record in caplog.records).splitlines()

    return lines


def run(folder: Path, loss: float, seed: int = 0, width: str = "8", lr: float = 0.1, **content: Any) -> None:
    metrics: dict[str, float | None] = {"val/loss": loss, "val/acc": 1 - loss, "test/loss": loss + 1, "test/acc": loss}
    ends = {"val/acc": "max", "test/acc": "max"}
    fake_run(folder, metrics, directions=ends, **content)
    text = CONFIG.format(seed=seed, width=width, lr=lr, target="price")
    (folder / "config.yaml").write_text(text, encoding="utf-8")


def test_places_and_values_are_shown_and_what_all_have_in_common_once(tmp_path: Path, shown: Shown) -> None:
    three_runs(tmp_path)
    assert [" ".join(line.split()) for line in shown()] == [
        "by val/loss (smaller is better)",
        "data rows.npy, model SimpleNet",
        "",
        "val/loss run epoch date",
        f"1 0.2000 {tmp_path / 'b'} 3 2026-01-02 03:04",
        f"2 0.5000 {tmp_path / 'a'} 3 2026-01-02 03:04",
        f"3 0.9000 {tmp_path / 'c'} 3 2026-01-02 03:04",
    ]


def test_runs_of_one_configuration_are_a_row_with_their_mean(tmp_path: Path, shown: Shown) -> None:
    for seed, loss in enumerate((0.2, 0.3, 0.4)):
        run(tmp_path / f"wide{seed}", loss, seed, width="128,64")
    for seed, loss in enumerate((0.1, 0.9)):
        run(tmp_path / f"small{seed}", loss, seed)
    by, common, _, header, *rows = shown()
    assert by == "by val/loss (smaller is better)"
    assert common == "data rows.npy, target price, model SimpleNet"
    expected = "val/loss mean ± deviation n test/loss test/acc hidden_sizes run epoch date"
    assert " ".join(header.split()) == expected, "nothing that all runs share, and no seed"
    assert rows[0].split()[1:9] == ["0.1000", "0.5000", "±", "0.5657", "2", "1.5000", "±", "0.5657"]
    assert rows[1].split()[1:6] == ["0.2000", "0.3000", "±", "0.1000", "3"]
    assert "[128,64]" in rows[1]
    assert rows[-1] == "note: row 2 has the best mean of several runs; a single run may be the best by luck"


def test_repeats_alone_are_shown_one_by_one_with_their_seeds(tmp_path: Path, shown: Shown) -> None:
    for seed, loss in enumerate((0.2, 0.3)):
        run(tmp_path / str(seed), loss, seed)
    lines = shown(metric="val/acc")
    assert lines[3].split()[:4] == ["val/acc", "test/acc", "test/loss", "seed"]
    assert [line.split()[1] for line in lines[4:6]] == ["0.8000", "0.7000"], "the larger one first"
    assert lines[6].startswith("mean of these 2 runs: val/acc 0.7500 ± 0.0707, test/acc 0.2500 ± 0.0707")


def test_other_code_and_the_same_run_twice_are_no_repeats(tmp_path: Path, shown: Shown) -> None:
    run(tmp_path / "a", 0.1)
    origin = json.loads((tmp_path / "a" / "metrics.json").read_text())["provenance"]
    run(tmp_path / "b", 0.2, seed=1, provenance={**origin, "sources": {"src/models/simple_net.py": "changed"}})
    run(tmp_path / "c", 0.1)
    lines = shown()
    assert " n " not in lines[3]
    assert len(lines) == 7


@pytest.mark.parametrize("columns", [60, 80])
def test_a_terminal_gets_the_top_twenty_and_the_columns_that_fit(tmp_path: Path, shown: Shown, columns: int) -> None:
    for number in range(37):
        run(tmp_path / f"数据实验{number:02}", 0.01 * number, width=str(number), lr=0.1 * (1 + number % 3))
    lines = shown(columns)
    table = lines[3:24]
    assert [line.split()[0] for line in table[1:]] == [str(place) for place in range(1, 21)]
    assert max(map(cell_len, table)) <= columns
    assert lines[1].endswith(f"runs below {tmp_path}")
    assert lines[24] == "... and 17 more"
    assert lines[25].startswith(f"without, to fit {columns} columns: ")
    assert "date" in lines[25]
    assert "hidden_sizes" in table[0], "in which they differ most"
    assert len([line for line in shown() if str(tmp_path) in line]) == 37, "a pipe gets all"


def test_runs_on_several_targets_are_not_ranked_but_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name, fingerprint in (("a", "0" * 16), ("b", "0" * 16), ("c", "1" * 16)):
        run(tmp_path / name, 0.1, fingerprint=fingerprint)
    (tmp_path / "c" / "config.yaml").write_text(CONFIG.format(seed=0, width=8, lr=1, target="rooms"))
    caplog.set_level("INFO", logger="trainhouse.reports")
    with pytest.raises(
        UserError, match=r"^runs: these are on 2 different data sets or splits.*, or a folder with runs="
    ):
        rank(find_runs(tmp_path), None, None, None)
    rows = [line.split()[:4] for line in caplog.text.splitlines() if line.startswith("rows.npy")]
    assert sorted(rows) == [
        ["rows.npy", "price", "00000000/0.8-0.1-0.1/0", "2"],
        ["rows.npy", "rooms", "11111111/0.8-0.1-0.1/0", "1"],
    ]


def test_many_pruned_trials_are_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    run(tmp_path / "a", 0.1)
    for number in range(5):
        run(tmp_path / str(number), 0.1, status="pruned")
    caplog.set_level("INFO", logger="trainhouse.reports")
    assert len(find_runs(tmp_path)) == 1
    assert [record.getMessage() for record in caplog.records] == ["left out: 5 pruned trials"]


def test_runs_that_differ_in_their_split_alone_are_ranked_with_their_mean_and_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for seed in (0, 1):
        run(tmp_path / str(seed), 0.1 + 0.1 * seed, data_split={"split": [0.8, 0.1, 0.1], "split_seed": seed})
        text = CONFIG.format(seed=0, width=8, lr=1, target="price") + f"  split_seed: {seed}\n"
        (tmp_path / str(seed) / "config.yaml").write_text(text)
    caplog.set_level("INFO", logger="trainhouse.reports")
    assert [one.folder.name for one in rank(find_runs(tmp_path), None, None, None).runs] == ["0", "1"]
    said = "mean of these 2 runs: val/loss 0.1500 ± 0.0707, test/loss 1.1500 ± 0.0707, test/acc 0.1500 ± 0.0707"
    assert f"{said}, each on rows of its own" in caplog.text
    assert "the best of them is so by its rows as well" in caplog.text


def test_of_runs_on_several_splits_the_sweep_that_can_be_ranked_is_named(tmp_path: Path) -> None:
    for number, split_seed in enumerate((0, 1)):
        run(tmp_path / "sweep" / str(number), 0.1, fingerprint=str(split_seed) * 16)
    (tmp_path / "sweep" / "best.yaml").touch()
    with pytest.raises(UserError, match=rf", or the best configuration of a sweep with runs={tmp_path}/sweep"):
        rank(find_runs(tmp_path), None, None, None)
