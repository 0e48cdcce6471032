"""Whatever stands in the record of a final model, it ends in one line that says what to do."""

import json
from pathlib import Path

import pytest

from trainhouse.configuration.errors import UserError
from trainhouse.tests.test_promotion import final as final
from trainhouse.tests.test_promotion import promote_best


@pytest.mark.parametrize("value", [[5, {"a": 1}], "x", 3])
@pytest.mark.parametrize("key", ["loss", "metrics", "run", "checkpoint", "epoch", "value", "sha256", "replaces"])
def test_a_value_of_another_kind_in_the_record_ends_in_a_line(key: str, value: object, final: Path) -> None:
    record = final.with_suffix(".json")
    record.write_text(json.dumps({**json.loads(record.read_text()), key: value}))
    before = final.read_bytes()
    said = _refusal(final)
    assert said is None or (said.endswith("replace it with force=true") and "\n" not in said)
    assert said or key not in ("loss", "metrics")
    assert final.read_bytes() == before


def _refusal(final: Path) -> str | None:
    try:
        promote_best(final.parents[1] / "first", final)
    except UserError as error:
        return str(error)
    return None
