"""What the split of a step and its projection say of times; nothing here asserts how fast anything is."""

import json
from pathlib import Path

import numpy as np
import pytest

from trainhouse.benchmarks import __main__ as command
from trainhouse.benchmarks.scaling.__main__ import table
from trainhouse.benchmarks.scaling.step import Link, Step, expected_most, projected, split

LINK = Link(bandwidth=1e9, latency=1e-5)


def seen(ready: list[float], back: list[float]) -> dict[str, list[float]]:
    """Steps of 10 s, in each of which a batch was fetched in 1 s."""
    began = [10.0 * step for step in range(len(ready))]
    return {"began": began, "fetched": [1.0] * len(ready), "ready": ready, "back": back, "bytes": [800] * len(ready)}


def test_a_step_is_split_by_when_each_rank_and_all_ranks_are_ready() -> None:
    first = seen(ready=[0, 14, 24, 0], back=[0, 18, 28, 0])  # ready after 4 s, and the others 2 s later
    second = seen(ready=[0, 16, 26, 0], back=[0, 18, 28, 0])
    step, work = split([first, second], skipped=1)
    assert step == Step(2, compute=6.0, communication=2.0, data=1.0, waiting=1.0, bytes=800.0)
    assert step.seconds == 10.0
    assert sorted(work.tolist()) == [6.0, 6.0, 8.0, 8.0]
    alone, _ = split([seen(ready=[0, 10, 20, 30], back=[0, 10, 20, 30])], skipped=1)
    assert (alone.compute, alone.communication, alone.waiting) == (9.0, 0.0, 0.0)


def test_a_ring_sends_twice_the_gradients_and_two_messages_a_rank() -> None:
    assert LINK.all_reduce(1e9, 2) == pytest.approx(1.0 + 2e-5)
    assert LINK.all_reduce(1e9, 512) == pytest.approx(2 * 511 / 512 + 1022e-5)
    assert LINK.all_reduce(0, 1) == 0


def test_the_slowest_of_several_is_the_mean_of_the_greatest_draw() -> None:
    values = np.array([1.0, 3.0, 2.0])
    assert expected_most(values, 1) == pytest.approx(2.0)
    pairs = [max(one, other) for one in values for other in values]
    assert expected_most(values, 2) == pytest.approx(np.mean(pairs))
    assert expected_most(values, 1000) == pytest.approx(3.0)


def test_a_projection_says_what_it_assumes() -> None:
    two = Step(2, compute=0.010, communication=0.002, data=0.001, waiting=0.0005, bytes=1e6)
    eight = projected(two, np.array([0.010, 0.012]), 8, LINK)
    assert (eight.compute, eight.data) == (0.010, 0.001)
    assert eight.communication == pytest.approx(14 * (1e6 / 8 / 1e9 + 1e-5))
    assert eight.waiting == pytest.approx(expected_most(np.array([0.010, 0.012]), 8) - 0.011)
    text = table([Step(1, 0.010, 0.0, 0.001, 0.0), two], [eight], LINK)
    assert [line.split()[:2] for line in text.splitlines()[1:4]] == [
        ["1", "measured"],
        ["2", "measured"],
        ["8", "projected"],
    ]
    for assumed in ("1.00 MB of gradients", "8 Gbit/s", "10 us", "none of it hidden", "the slowest of N ranks"):
        assert assumed in text


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--bandwidth", "0"], "--bandwidth: expected a number above 0, got 0.0"),
        (["--latency", "nan"], "--latency: expected a number from 0 up, got nan"),
        (["--steps", "5"], "--steps: expected more than 11, got 5"),
        (["--repeats", "0"], "--repeats: expected a number above 0, got 0"),
        (["--json", "."], r"--json: \. is a folder; name a file"),
    ],
)
def test_an_option_that_would_spoil_the_end_is_refused_at_the_start(arguments: list[str], line: str) -> None:
    with pytest.raises(SystemExit, match=f"^error: {line}$"):
        command.main(["scaling", *arguments])


@pytest.mark.slow
def test_one_rank_and_two_are_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "scaling.json"
    assert command.main(["scaling", "--quick", "model.hidden_sizes=[8]", "--json", str(file)]) == 0
    assert "512    projected" in capsys.readouterr().out
    one, two, *_ = json.loads(file.read_text())["rows"]
    assert (one["ranks"], one["bytes"], one["communication"]) == (1, 0, 0)
    weights = 784 * 8 + 8 * 10 + 10
    assert two["ranks"] == 2
    assert two["bytes"] >= 4 * weights
    assert min(two[part] for part in ("compute", "communication", "data")) > 0
    with pytest.raises(SystemExit, match=r"^error: rank \d: .*hiden_sizes"):
        command.main(["scaling", "--quick", "model.hiden_sizes=[8]"])
