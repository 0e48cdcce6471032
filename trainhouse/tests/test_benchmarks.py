"""The benchmarks' own logic, with measurements made up: nothing here asserts how fast anything is."""

import json
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from trainhouse.benchmarks import __main__ as command
from trainhouse.benchmarks.lab import Lab
from trainhouse.benchmarks.measuring import Row, Samples, interleaved, row, seconds_of, selected, timed
from trainhouse.benchmarks.outcome_table import Outcome, shown, table, write_results
from trainhouse.benchmarks.processes import SkippedError, in_terminal, output_of, peak_memory, python, side_by_side
from trainhouse.benchmarks.rows import ROWS
from trainhouse.benchmarks.rows.training import speed_of

FACTS = {"torch": "2", "threads": 1}


@row("rows/s", "of a fake's speed", higher_is_better=True)
def fast(lab: Lab) -> Samples:
    """A fake
    rate."""
    return Samples([50.0, 10.0, 30.0], [20.0, 20.0, 10.0])


@row("s", "of a fake's speed")
def slow(lab: Lab) -> Samples:
    """Fake seconds."""
    return Samples([2.0], [0.5], "a note")


@row("s", "of nothing")
def absent(lab: Lab) -> Samples:
    """Needs what is not there."""
    raise SkippedError("skipped: needs a fake")


@row("s", "of nothing")
def broken(lab: Lab) -> Samples:
    """Fails."""
    raise RuntimeError("a fake ended with 3:\nand more")


def test_repeats_are_taken_by_turns_and_warm_ups_are_left_out() -> None:
    calls: list[str] = []

    def call(name: str) -> int:
        calls.append(name)
        return len(calls)

    ours, yardstick = interleaved(2, lambda: call("ours"), lambda: call("yardstick"), warm_ups=1)
    assert calls == ["ours", "yardstick"] * 3
    assert (ours, yardstick) == ([3, 5], [4, 6])


def test_times_are_taken_for_each_repeat() -> None:
    samples = timed(3, lambda: None, lambda: None)
    assert len(samples.ours) == len(samples.yardstick) == 3
    assert min(samples.ours) >= 0
    assert seconds_of(lambda: None) >= 0


def test_a_ratio_is_of_medians_and_more_of_it_is_better() -> None:
    samples = Samples([50.0, 10.0, 30.0], [20.0, 20.0, 10.0])
    assert samples.ratio(higher_is_better=True) == 30 / 20
    assert samples.ratio(higher_is_better=False) == 20 / 30
    assert samples.ratio_range(higher_is_better=True) == (0.5, 3.0)
    assert samples.beyond == 10.0


def test_rows_are_selected_by_the_beginnings_of_their_names() -> None:
    assert [row.name for row in selected(ROWS, ["train_c", "guard"])] == ["train_cnn", "train_cnn_wall", "guard"]
    assert selected(ROWS, []) == ROWS
    with pytest.raises(ValueError, match="no row begins with 'gaurd'"):
        selected(ROWS, ["train", "gaurd"])


def test_every_row_has_a_name_of_its_own_and_says_what_it_measures() -> None:
    assert len({row.name for row in ROWS}) == len(ROWS)
    for each in ROWS:
        assert len(each.what) > 40, each.name
        assert "Yardstick" in each.what or each.what.startswith("As `"), each.name
        assert each.unit, each.name
        assert each.ratio_of.startswith("of "), each.name


def test_a_docstring_becomes_one_line() -> None:
    assert fast.what == "A fake rate."
    assert fast.name == "fast"


def test_the_table_shows_medians_ratios_and_reasons() -> None:
    outcomes = [
        Outcome(fast, fast.measure(None)),
        Outcome(slow, slow.measure(None)),
        Outcome(absent, None, "skipped: x"),
    ]
    _, first, second, third, *_ = table(outcomes).splitlines()
    assert first.split() == [
        "fast",
        "30.0",
        "rows/s",
        "20.0",
        "rows/s",
        "1.50",
        "0.500-3.00",
        *["of", "a", "fake's", "speed"],
    ]
    assert second.split()[:6] == ["slow", "2.00", "s", "0.500", "s", "0.250"]
    assert second.endswith("of a fake's speed; a note")
    assert third.split() == ["absent", "-", "-", "-", "-", "skipped:", "x"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (12345.6, "12,346"),
        (12.34, "12.3"),
        (1.234, "1.23"),
        (0.1234, "0.123"),
        (0.01234, "0.0123"),
        (0, "0"),
        (2e-6, "2e-06"),
    ],
)
def test_numbers_have_three_digits(value, text) -> None:
    assert shown(value) == text


def test_the_json_file_has_every_repeat_and_the_machine(tmp_path) -> None:
    path = tmp_path / "results.json"
    write_results(path, [Outcome(fast, fast.measure(None), seconds=1.23), Outcome(absent, None, "skipped: x")], FACTS)
    content = json.loads(path.read_text())
    assert content["torch"] == "2"
    first, second = content["rows"]
    assert first["repeats"] == {"ours": [50.0, 10.0, 30.0], "yardstick": [20.0, 20.0, 10.0]}
    assert (first["ours"], first["yardstick"], first["ratio"], first["unit"]) == (30.0, 20.0, 1.5, "rows/s")
    assert second == {"name": "absent", "what": "Needs what is not there.", "problem": "skipped: x"}


def test_a_row_that_fails_or_is_skipped_leaves_the_others(tmp_path, monkeypatch, capsys) -> None:
    folders: list[Path] = []

    def measure(lab: Lab) -> Samples:
        """Look where it is."""
        folders.append(lab.folder)
        assert (lab.repeats, lab.quick) == (7, True)
        return Samples([1.0], [1.0])

    monkeypatch.setattr(command, "ROWS", [broken, absent, Row("last", "s", "of it", False, measure)])
    path = tmp_path / "results.json"
    assert command.main(["--json", str(path), "--quick", "--repeats", "7"]) == 1
    problems = [row.get("problem") for row in json.loads(path.read_text())["rows"]]
    assert problems == ["failed: and more", "skipped: needs a fake", None]
    assert "needs a fake" in capsys.readouterr().out
    assert not folders[0].exists()


def test_an_unknown_row_is_one_line() -> None:
    with pytest.raises(SystemExit, match="error: no row begins with 'nothing'"):
        command.main(["nothing"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--repeats", "0"], "--repeats: expected a whole number"),
        (["--json", "trainhouse"], "--json: trainhouse is a folder"),
    ],
)
def test_an_option_that_would_spoil_the_end_is_refused_at_the_start(arguments, message) -> None:
    with pytest.raises(SystemExit, match=f"error: {message}"):
        command.main(arguments)


@pytest.mark.parametrize("arguments", [["--quick"], ["fast", "--repeats", "1"]])
def test_only_a_whole_measurement_replaces_the_last_one(arguments, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(command, "ROWS", [fast])
    monkeypatch.setattr(command, "_RESULTS", tmp_path / "results.json")
    assert command.main(arguments) == 0
    assert list(tmp_path.iterdir()) == []
    assert command.main(["--repeats", "1"]) == 0
    assert (tmp_path / "results.json").is_file()


def test_explaining_measures_nothing(monkeypatch, capsys) -> None:
    monkeypatch.setattr(command, "ROWS", [broken])
    assert command.main(["--explain"]) == 0
    assert capsys.readouterr().out == "broken\n    Fails.\n"


def test_what_rows_share_is_made_once(tmp_path) -> None:
    lab = Lab(tmp_path)
    made: list[int] = []
    assert lab.once("a", lambda: made.append(1)) is lab.once("a", lambda: made.append(2))
    assert made == [1]
    assert lab.new_folder() != lab.new_folder()
    assert lab.images(20) == lab.images(20)
    assert lab.table(5, 3).stat().st_size > 5 * 3 * 4


def test_speed_leaves_out_the_first_epoch(tmp_path) -> None:
    (tmp_path / "logs").mkdir()
    rows = ["epoch,step,train_seconds", "1,4,9.0", "2,8,2.0", "3,12,2.0"]
    (tmp_path / "logs" / "metrics.csv").write_text("\n".join(rows) + "\n")
    ends = [
        f"2026-01-01 00:00:{second:02},500 INFO    epoch {n}/3  loss 1" for n, second in ((1, 10), (2, 14), (3, 18))
    ]
    (tmp_path / "logs" / "training.log").write_text("\n".join(["2026-01-01 00:00:01,000 INFO    data", *ends]))
    assert speed_of(tmp_path) == (8 / 4.0, 8 / timedelta(seconds=8).total_seconds(), 4 / 2.0)


def test_a_command_in_a_terminal_sees_a_terminal(tmp_path) -> None:
    seen = in_terminal(
        python("-c", "import os; print(os.isatty(1), os.isatty(2), os.get_terminal_size(2).columns)"), tmp_path
    )
    assert seen.split() == ["True", "True", "100"]


def test_a_command_that_fails_says_what_it_printed(tmp_path) -> None:
    failing = python("-c", "print('the reason'); raise SystemExit(3)")
    for start in (output_of, in_terminal, peak_memory, lambda command, cwd: side_by_side([command], cwd)):
        with pytest.raises(RuntimeError, match=r"ended with 3, not 0:\s+the reason"):
            start(failing, tmp_path)
    assert output_of(failing, tmp_path, expected_status=3) == "the reason\n"


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc")
def test_peak_memory_sees_what_was_freed(tmp_path) -> None:
    small, large = (
        peak_memory(python("-c", f"x = b'x' * {size} * 2**20; import time; time.sleep(0.1); del x"), tmp_path)
        for size in (1, 101)
    )
    assert 95 < large - small < 105


def test_without_proc_memory_is_skipped(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("trainhouse.benchmarks.processes.Path", lambda path: SimpleNamespace(exists=lambda: False))
    with pytest.raises(SkippedError, match="needs /proc"):
        peak_memory(python("-c", "pass"), tmp_path)
