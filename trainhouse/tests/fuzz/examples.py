"""How often files of one real run are damaged: ``FUZZ=20`` tries twenty times as many, other ones each time."""

import os
from collections.abc import Callable
from random import Random
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

from trainhouse.sweeps.job import Objective

TIMES = int(os.environ.get("FUZZ", "1"))
OVERRIDES = ("data=csv", "data.file=rows.csv", "data.target=kind", "model.hidden_sizes=[8]", "data.batch_size=32")
OBJECTIVES = [Objective("val/loss", "min")]
chances = st.integers(0, 2**32).map(Random)


def examples(count: int) -> Callable[[Any], Any]:
    """Try `count` examples, the same ones each time unless more are asked for."""
    return settings(
        max_examples=count * TIMES,
        deadline=None,
        derandomize=TIMES == 1,
        database=None,
        phases=[Phase.generate],  # a seed has no simpler one
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
