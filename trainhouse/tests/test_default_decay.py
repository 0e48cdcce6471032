"""How strongly weights are pulled towards 0 in a run of which nobody has said it."""

from typing import Any

import pytest
from omegaconf import OmegaConf

from trainhouse.configuration.auto_length import with_length_for_references
from trainhouse.configuration.errors import UserError
from trainhouse.configuration.settings import Train
from trainhouse.tests.common import composed
from trainhouse.tests.own import OwnData
from trainhouse.tests.tiny import CLASSES, tiny_data
from trainhouse.training import default_decay
from trainhouse.training.check_parts import check_parts
from trainhouse.training.default_decay import with_decay


def decay(*overrides: str, data: Any = None, own: bool = False) -> Any:
    settings: Train = composed(*overrides)
    check_parts(settings)
    return with_decay(settings, data or tiny_data(CLASSES), own).optimizer.weight_decay


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ((), 0.05),  # of 22 training rows, as of 100
        (("optimizer.weight_decay=0",), 0),
        (("optimizer=sgd", "optimizer.weight_decay=auto"), 0.05),
        (("optimizer=adamw",), 0.01),
        (("optimizer=adamw", "optimizer.weight_decay=auto"), 0.01),
        (("model=linear",), 0),
        (("trainer.overfit_batches=1",), 0),  # a few rows are to be learned by heart
    ],
)
def test_few_rows_have_a_weight_decay_unless_it_is_said(overrides: tuple[str, ...], expected: float) -> None:
    assert decay(*overrides) == expected


def test_it_falls_with_the_rows_and_many_have_none(monkeypatch: pytest.MonkeyPatch) -> None:
    data = tiny_data(CLASSES, rows=500)
    assert decay(data=data) == pytest.approx(5 / data.row_count("train"), rel=0.05)
    monkeypatch.setattr(default_decay, "MANY_ROWS", data.row_count("train"))
    assert decay(data=data) == 0


def test_what_the_user_brings_has_none() -> None:
    assert decay(own=True) == decay(data=OwnData()) == 0


@pytest.mark.parametrize("reference", ["${optimizer}", "${optimizer.weight_decay}"])
def test_a_module_that_is_handed_the_optimizer_gets_a_number(reference: str) -> None:
    config = OmegaConf.create({"optimizer": {"weight_decay": "auto"}, "model": {"optimizer": reference}})
    assert with_length_for_references(config).optimizer.weight_decay == 0
    config.model = None
    assert with_length_for_references(config).optimizer.weight_decay == "auto"


def test_a_group_of_weights_asks_for_a_number() -> None:
    from trainhouse.training.weights_by_name import checked_groups

    with pytest.raises(UserError, match=r"optimizer\.groups\..*weight_decay: expected"):
        checked_groups(composed("optimizer.groups={layers.1.*: {weight_decay: auto}}").optimizer)
