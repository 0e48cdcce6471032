"""Tables line up on a terminal, and lines are as long as their values."""

from trainhouse.reports.aligned_table import aligned, table


def test_numbers_stand_to_the_right_and_nothing_is_cut() -> None:
    long = "x" * 300
    rows = [[1, "a", 0.5], [12, long, 123.456]]
    assert table(["", "name", "loss"], rows).splitlines() == [
        f"    {'name':<300}    loss",
        f" 1  {'a':<300}  0.5000",
        f"12  {long}  123.46",
    ]
    assert table(["", "name"], []) == "  name"


def test_characters_that_are_two_columns_wide_are_counted_as_two() -> None:
    assert table(["class", "n"], [["模型", 1], ["cat", 20]]).splitlines() == ["class   n", "模型    1", "cat    20"]
    assert aligned(["模", "±1", "100"]) == [" 模", " ±1", "100"]
