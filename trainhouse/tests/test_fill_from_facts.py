"""What a configuration leaves open is filled from what the data knows."""

from typing import Any

import pytest

from trainhouse.configuration.config import OPEN
from trainhouse.configuration.errors import UserError
from trainhouse.training.build_module import filled_from_facts


def test_what_is_left_open_is_filled_from_the_facts_at_any_depth_and_saved_so() -> None:
    model = {"size": OPEN, "lr": 0.1, "part": {"names": OPEN, "deep": {"size": OPEN}}}
    facts = {"size": 3, "names": ["a"], "lr": 9}
    filled = filled_from_facts(model, facts, "rows")
    assert model["size"] == model["part"]["names"] == OPEN, "what was given stays as it is"
    assert filled == {"size": 3, "lr": 0.1, "part": {"names": ["a"], "deep": {"size": 3}}}
    facts["names"].append("b")
    assert filled["part"]["names"] == ["a"]


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({}, r"^model\.size: required; rows does not say it \(it has no facts\(\)\); add model\.size=\.\.\.$"),
        ({"b": 1, "a": 2}, r"^model\.size: required; rows does not say it \(it says a, b\); add model\.size"),
    ],
)
def test_a_size_that_nobody_knows_is_asked_for(facts: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        filled_from_facts({"size": OPEN}, facts, "rows")
