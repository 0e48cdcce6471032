"""An annotation decides which values fit it, says so in words."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Annotated, Any, Literal

import pytest
from annotated_types import Ge, Gt, Interval, Le, Len, Lt, MinLen, MultipleOf, Predicate, doc
from torch import Tensor

from trainhouse.configuration.settings import MAY_BE_MISSING, MAY_CHANGE, Serving, Train, keys, marked
from trainhouse.configuration.values import expected, fits

SHARE = Annotated[float, Interval(ge=0, lt=1)]

# Each hint with values that fit it, values that don't, and its words.
HINTS: dict[str, tuple[Any, list[Any], list[Any], str]] = {
    "int": (int, [0, -3, 10**400], [1.0, True, "1", None], "a whole number"),
    "float": (float, [0, 1.5], [True, "1.5", None], "a number"),
    "bool": (bool, [True], [1, "true", None], "true or false"),
    "optional": (Annotated[str, MinLen(1)] | None, ["a", None], ["", 1], "a string, or null"),
    "share": (SHARE, [0, 0.5], [-0.1, 1, float("nan"), True, 10**400], "a number from 0 to below 1"),
    "above": (Annotated[int, Gt(0)], [1, 10**400], [0], "a whole number above 0"),
    "finite": (Annotated[float, Ge(0)], [0], [float("inf")], "a number from 0 up"),
    "below": (Annotated[float, Lt(3)], [-5], [3], "a number below 3"),
    "at most": (Annotated[float, Le(3)], [-5, 3], [4], "a number up to 3"),
    "even": (Annotated[int, MultipleOf(2)], [0, 4], [3], "a whole number"),
    "literal": (Literal["a", 2], ["a", 2], ["2", None, True], "one of a, 2"),
    "choice or flag": (bool | Literal["auto"], [True, "auto"], [1, "maybe"], "one of true, false, auto"),
    "whole, not true": (Literal[1], [1], [True, 1.0], "one of 1"),
    "list": (
        Annotated[Sequence[Annotated[int, Ge(1)]], MinLen(1)],
        [[1, 2]],
        [[], [0], [1.5], 3, "12"],
        "a list of whole numbers from 1 up",
    ),
    "short list": (Annotated[list[int], Len(1, 2)], [[1], [1, 2]], [[], [1, 2, 3]], "a list of whole numbers"),
    "tuple": (tuple[float, float], [[1, 0.5]], [[1], [1, 2, 3], ["a", "b"]], "a list of 2 numbers"),
    "mapping": (dict[str, int], [{}, {"a": 1}], [[], None], "a mapping"),
    "own words": (Annotated[str, Predicate(str.isupper), doc("capitals")], ["AB"], ["ab", 3], "capitals"),
    "what YAML has no values for": (Tensor, [1, "x", None], [], "Tensor"),
    "beside it": (Tensor | float, [1, "x"], [], "Tensor or a number"),
    "a function": (
        Callable[..., int],
        [{"_target_": "src.f", "_partial_": True}],
        ["x", 1],
        "a function, as {_target_: src.utils.my_file.my_function, _partial_: true}",
    ),
    "a time": (str | timedelta | None, ["00:01", None], [5], "a string, or null"),
}


@pytest.mark.parametrize("name", HINTS)
def test_values_fit_a_hint_or_do_not(name: str) -> None:
    hint, fitting, others, _ = HINTS[name]
    assert [value for value in fitting if not fits(value, hint)] == []
    assert [value for value in others if fits(value, hint)] == []


@pytest.mark.parametrize("name", HINTS)
def test_a_hint_is_said_in_words(name: str) -> None:
    assert expected(HINTS[name][0]) == HINTS[name][3]


def test_marks_are_read_from_the_annotations() -> None:
    assert "trainer.max_epochs" in marked(MAY_CHANGE)
    assert "data.batch_size" not in marked(MAY_CHANGE)
    assert {"threads", "data.worker_timeout"} <= {*marked(MAY_BE_MISSING)} & {*marked(MAY_CHANGE)}


def test_keys_are_listed_with_those_of_their_groups() -> None:
    names = [key for key, _ in keys(Train)]
    assert {"seed", "data", "trainer.max_epochs", "callbacks.early_stopping.patience"} <= {*names}
    assert {f"data.{name}" for name, _ in keys(Serving)} <= {*names}
