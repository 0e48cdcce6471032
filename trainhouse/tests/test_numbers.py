"""Numbers have the digits that they need."""

import math

import pytest

from trainhouse.machine.numbers import format_number


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.0000"),
        (0.98765432, "0.9877"),
        (-0.5, "-0.5000"),
        (12.345678, "12.346"),
        (123.45678, "123.46"),
        (1234.5678, "1,234.6"),
        (23287.8809, "23,288"),
        (5.1e9, "5.1e+09"),
        (0.00012345, "0.0001234"),
        (1e-9, "1e-09"),
        (math.nan, "nan"),
        (-math.inf, "-inf"),
    ],
)
def test_a_measure(value: float, text: str) -> None:
    assert format_number(value) == text


@pytest.mark.parametrize(("value", "text"), [(0.4, "0"), (12345.6, "12,350"), (987654321, "987,700,000")])
def test_a_count(value: float, text: str) -> None:
    assert format_number(value, whole=True) == text
