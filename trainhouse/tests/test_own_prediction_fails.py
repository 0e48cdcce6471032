"""An error of a DataModule of one's own at prediction has its traceback, and says what was being done."""

import traceback
from typing import Any

import pytest
from torch import Tensor

from trainhouse.checkpoints.checkpoint import load_checkpoint
from trainhouse.configuration.errors import UserError
from trainhouse.predicting.own_prediction import predict_own
from trainhouse.tests.own import OwnModule
from trainhouse.tests.test_own_prediction import CPU, OneLoader, Predicts, Trained, may_be_named, trained

__all__ = ["may_be_named", "trained"]


class FailsInSetup(OneLoader):
    def setup(self, stage: str) -> None:
        super().setup({"fit": "fit", "validate": "validate", "test": "test"}[stage])


class FailsInItsLoader(OneLoader):
    def predict_dataloader(self) -> Any:
        return {}["predict"]


class FailsInItsStep(Predicts):
    def predict_step(self, batch: list[Tensor], batch_idx: int, dataloader_idx: int = 0) -> Tensor:
        raise KeyError("predict")


@pytest.mark.parametrize("data", [FailsInSetup, FailsInItsLoader])
def test_what_was_being_done_closes_the_traceback(data: type, trained: Trained, tmp_path: Any) -> None:
    with pytest.raises(KeyError, match="predict") as raised:
        predict_own(load_checkpoint(trained(Predicts, data)), {}, tmp_path / "p.csv", CPU)
    assert "".join(traceback.format_exception(raised.value)).splitlines()[-1] == (
        f"This was while {data.__name__} was asked for what to predict for (its setup, with stage 'predict', and its "
        "predict_dataloader); data.<argument>=... sets its arguments"
    )


def test_an_error_in_a_step_is_another_matter(trained: Trained, tmp_path: Any) -> None:
    with pytest.raises(KeyError) as raised:
        predict_own(load_checkpoint(trained(FailsInItsStep, OneLoader)), {}, tmp_path / "p.csv", CPU)
    assert not hasattr(raised.value, "__notes__")


class TakesRows(OwnModule):
    def forward(self, x: Tensor) -> Tensor:
        return x.float()


def test_lightnings_own_step_gives_forward_what_it_can_not_take(trained: Trained, tmp_path: Any) -> None:
    with pytest.raises(
        UserError, match=r"^model: TakesRows has no predict_step, and Lightning's gives forward a whole"
    ):
        predict_own(load_checkpoint(trained(TakesRows, OneLoader)), {}, tmp_path / "p.csv", CPU)
