"""Dates as numbers to learn from: how long ago, the year, and where in the year, the week and the day.

A date is stored as seconds since 1970-01-01 00:00, without a time zone or in UTC, in float64: float32 has steps of two
minutes there. A time of day is one of 1970-01-01.
"""

import math

import torch
from torch import Tensor

from trainhouse.arrays.spec_values import DATE_PARTS

PARTS = DATE_PARTS
NUMBERS = ("elapsed", "year")
"""The parts that are amounts: they are standardised. The others are places on a circle, or one of seven days."""
_WIDTHS = {"month": 2, "weekday": 7, "hour": 2}
_DAY = 86400


def width_of(parts: tuple[str, ...]) -> int:
    """Return how many numbers the parts are that are no amounts."""
    return sum(_WIDTHS.get(part, 0) for part in parts)


def amounts(seconds: Tensor, parts: tuple[str, ...]) -> list[Tensor]:
    """Return of dates (B,) those of the `parts` that are amounts, each (B,) of the same dtype; NaN stays NaN."""
    found = [seconds] if "elapsed" in parts else []
    if "year" in parts:
        year, _, _ = _civil(_days(seconds))
        found.append(torch.where(seconds.isnan(), seconds, year.to(seconds.dtype)))
    return found


def places(seconds: Tensor, parts: tuple[str, ...]) -> Tensor:
    """Return of dates (B,) the `parts` that are no amounts, (B, W); a missing date is zeros.

    The month is two numbers, sine and cosine of the day's place in the year; the hour the same of the time of day; the
    weekday one of seven, Monday first.
    """
    days = _days(seconds)
    found = []
    if "month" in parts:
        _, month, day = _civil(days)
        found += _on_circle(((month - 1) + (day - 1) / 31) / 12)
    if "weekday" in parts:
        found += list(torch.nn.functional.one_hot((days + 3) % 7, 7).unbind(dim=1))  # 1970-01-01 was a Thursday
    if "hour" in parts:
        found += _on_circle((seconds.nan_to_num() - days * _DAY) / _DAY)
    known = ~seconds.isnan()
    return torch.stack([one.to(seconds.dtype) * known for one in found], dim=1)


def raw_parts(seconds: Tensor) -> dict[str, Tensor]:
    """Return each part of dates (B,), none of them missing, as one whole number, to see which of them vary."""
    days = _days(seconds)
    year, month, _ = _civil(days)
    return {"year": year, "month": month, "weekday": (days + 3) % 7, "hour": seconds - days * _DAY}


def _days(seconds: Tensor) -> Tensor:
    """Whole days since 1970 (B,), below 0 for those before; 0 for what is missing."""
    return torch.floor(seconds.nan_to_num() / _DAY).long()


def _on_circle(turns: Tensor) -> list[Tensor]:
    angle = 2 * math.pi * turns
    return [angle.sin(), angle.cos()]


def _civil(days: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Year, month from 1 and day from 1 of days since 1970, in the Gregorian calendar.

    Years are counted from March, so that the day that leap years have is the last one; 400 years have 146,097 days.
    """
    since = days + 719_468  # 0000-03-01
    era = torch.div(since, 146_097, rounding_mode="floor")
    day_of_era = since - era * 146_097  # 0 to 146,096
    years = (day_of_era - day_of_era // 1_460 + day_of_era // 36_524 - day_of_era // 146_096) // 365
    day_of_year = day_of_era - (365 * years + years // 4 - years // 100)  # 0 to 365, from March
    months = (5 * day_of_year + 2) // 153  # 0 to 11: of 31, 30, 31, 30, 31 days, and again
    day = day_of_year - (153 * months + 2) // 5 + 1
    month = torch.where(months < 10, months + 3, months - 9)
    return years + era * 400 + (month <= 2).long(), month, day
