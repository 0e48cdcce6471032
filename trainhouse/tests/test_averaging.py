"""An average that takes the weights' place for a validation is told apart from them in what is saved within it."""

from pathlib import Path

import pytest
import torch

from trainhouse.checkpoints.checkpoint import read
from trainhouse.tests.test_exact_resume import configuration, differing, outcome, resumed_from
from trainhouse.training.train import train


def test_a_run_that_is_stopped_within_a_validation_goes_on_with_its_weights(tmp_path: Path) -> None:
    overrides = ["callbacks=[default,ema]", "callbacks.ema.decay=0.8"]
    config = configuration(tmp_path, *overrides, "trainer.max_epochs=2", "trainer.limit_val_batches=1")
    train(config, tmp_path / "whole")
    kept = sorted((tmp_path / "whole" / "kept").glob("*.ckpt"))
    within = next(path for path in kept if "in_validation" in path.stem)
    before = read(kept[kept.index(within) - 1])
    for name in ("state_dict", "current_model_state"):
        assert all(torch.equal(read(within)[name][key], value) for key, value in before[name].items())
    assert differing(outcome(tmp_path / "whole"), resumed_from(within, config, tmp_path / "resumed")) == []


@pytest.mark.parametrize("moment", ["004_batch_end", "008_epoch_end"])
def test_weights_of_64_bits_go_on_beside_an_average_as_if_never_stopped(moment: str, tmp_path: Path) -> None:
    overrides = ["callbacks=[default,ema]", "callbacks.ema.decay=0.8", "trainer.precision=64-true"]
    config = configuration(tmp_path, *overrides, "trainer.max_epochs=2")
    train(config, tmp_path / "whole")
    kept = tmp_path / "whole" / "kept" / f"{moment}.ckpt"
    states = [read(kept)[name] for name in ("state_dict", "current_model_state")]
    assert all(
        value.dtype == torch.float64 for state in states for value in state.values() if value.is_floating_point()
    )
    assert differing(outcome(tmp_path / "whole"), resumed_from(kept, config, tmp_path / "resumed")) == []
