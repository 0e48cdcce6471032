"""Learning-rate schedules against their formulas."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.optim import SGD, Optimizer

from src.training.schedules import cosine, one_cycle

PEAK = 0.2


def run(schedule: Callable[..., Any], total_steps: int, **arguments: float) -> tuple[list[float], list[float]]:
    """Return the rate and the momentum that each step is taken with."""
    optimizer: Optimizer = SGD([torch.nn.Parameter(torch.zeros(1))], lr=PEAK, momentum=0.9)
    scheduler = schedule(optimizer, total_steps=total_steps, **arguments)
    rates, momenta = [], []
    for _ in range(total_steps):
        rates.append(optimizer.param_groups[0]["lr"])
        momenta.append(optimizer.param_groups[0]["momentum"])
        optimizer.step()
        scheduler.step()
    rates.append(optimizer.param_groups[0]["lr"])
    return rates, momenta


@pytest.mark.parametrize("final", [0.0, 0.1])
@pytest.mark.parametrize(("total", "warmup", "rising"), [(20, 0.2, 4), (20, 0.0, 0), (7, 0.5, 4), (1, 0.0, 0)])
def test_cosine_rises_in_a_line_and_falls_along_half_a_cosine(
    total: int, warmup: float, rising: int, final: float
) -> None:
    rates, _ = run(cosine, total, warmup=warmup, final=final)
    rise = [(step + 1) / (rising + 1) for step in range(rising)]
    half = [(1 + math.cos(math.pi * step / (total - rising))) / 2 for step in range(total - rising + 1)]
    expected = rise + [final + (1 - final) * part for part in half]
    assert rates == pytest.approx([PEAK * part for part in expected])
    assert rates[0] == pytest.approx(PEAK / (rising + 1))
    assert max(rates) == rates[rising] == PEAK
    assert rates[-1] == pytest.approx(PEAK * final)


def test_cosine_stays_at_its_end_when_training_continues() -> None:
    optimizer = SGD([torch.nn.Parameter(torch.zeros(1))], lr=PEAK)
    scheduler = cosine(optimizer, total_steps=4, final=0.5)
    for _ in range(9):
        optimizer.step()
        scheduler.step()
    assert optimizer.param_groups[0]["lr"] == pytest.approx(PEAK / 2)


@pytest.mark.parametrize(("total", "warmup", "start"), [(20, 0.3, 0.04), (50, 0.1, 0.5)])
def test_one_cycle_rises_from_its_start_to_the_rate_and_falls_to_almost_zero(
    total: int, warmup: float, start: float
) -> None:
    rates, momenta = run(one_cycle, total, warmup=warmup, start=start)
    top = warmup * total - 1

    def between(low: float, high: float, share: float) -> float:
        return high + (low - high) * (1 + math.cos(math.pi * share)) / 2

    end = PEAK * start / 1e4
    for step in range(total):
        up = step <= top
        share = step / top if up else (step - top) / (total - 1 - top)
        assert rates[step] == pytest.approx(between(PEAK * start, PEAK, share) if up else between(PEAK, end, share))
    assert rates[0] == pytest.approx(PEAK * start)
    assert max(rates) == pytest.approx(PEAK) == rates[round(top)]
    assert rates[total - 1] < PEAK / 1000
    assert momenta.index(min(momenta)) == round(top), "the momentum is least where the rate is greatest"


def test_one_cycle_keeps_the_ratio_of_two_groups_rates() -> None:
    first, second = (torch.nn.Parameter(torch.zeros(1)) for _ in range(2))
    optimizer = SGD([{"params": [first], "lr": 0.1}, {"params": [second], "lr": 0.4}], momentum=0.9)
    scheduler = one_cycle(optimizer, total_steps=10)
    for _ in range(9):
        assert optimizer.param_groups[1]["lr"] == pytest.approx(4 * optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
