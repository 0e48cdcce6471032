"""Long lines are folded at spaces, below what they begin with; what has to be copied whole stays whole."""

import pytest

from trainhouse.machine.folding import folded

WORDS = "eighteen of them are the same as rows of training"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (f"note    {WORDS}", "note    eighteen of them are the same as\n        rows of training"),
        (f"changed  {WORDS}", "changed  eighteen of them are the same\n         as rows of training"),
        (f"job 10  {WORDS}", "job 10  eighteen of them are the same as\n        rows of training"),
        (f"        {WORDS}", "        eighteen of them are the same as\n        rows of training"),
        (f"error: {WORDS}", "error: eighteen of them are the same as\n  rows of training"),
        ("short", "short"),
        (f"folder  {'x' * 50}", f"folder  {'x' * 50}"),
        ("x" * 50, "x" * 50),
        (f"trial 3  python train.py {'x' * 50}", f"trial 3\n         python train.py {'x' * 50}"),
        (f"2.4 s; everything is in {'x' * 50}", f"2.4 s; everything is in\n  {'x' * 50}"),
        (f"changed  a={'x' * 50}  b=1  c=2", f"changed  a={'x' * 50}\n         b=1  c=2"),
        (f"error: {'x' * 50}: is not there", f"error: {'x' * 50}:\n  is not there"),
        (f"1  {'x' * 20}  0.1234  {'x' * 20}", f"1  {'x' * 20}  0.1234  {'x' * 20}"),  # a row of a table
        (f"next:  python eval.py ckpt_path={'x' * 30}", f"next:  python eval.py ckpt_path={'x' * 30}"),
        (
            f"stopped at epoch 2; continue with: python train.py {'x' * 30}",
            f"stopped at epoch 2; continue with:\n  python train.py {'x' * 30}",
        ),
    ],
)
def test_a_line_is_folded(line: str, expected: str) -> None:
    assert folded(line, 40) == expected


def test_each_line_is_folded_by_itself_and_a_narrow_terminal_is_left_alone() -> None:
    assert folded(f"a\n\n{'x ' * 30}", 40).split("\n")[:2] == ["a", ""]
    assert folded("word " * 20, 10) == "word " * 20
