"""Callbacks of Lightning's that don't go with a run are refused by name, and what would overwrite something is."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from lightning.pytorch.callbacks import ModelCheckpoint

from trainhouse.configuration.errors import UserError
from trainhouse.tests.common import run_script
from trainhouse.tests.own import OwnData, OwnModule, own_config
from trainhouse.tests.tiny import tiny_config
from trainhouse.training.learning_rates import steepest_fall, without_bias
from trainhouse.training.train import train

L = "lightning.pytorch.callbacks"
SCHEDULE = ["callbacks=[default,gradient_accumulation]", "callbacks.gradient_accumulation.scheduling={0: 2}"]


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            [f"+callbacks.x={{_target_:{L}.BackboneFinetuning}}"],
            "callbacks: BackboneFinetuning is for a LightningModule",
        ),
        (
            [f"+callbacks.x={{_target_:{L}.StochasticWeightAveraging,swa_lrs:0.1}}"],
            "callbacks: StochasticWeightAveraging makes its average .* in no checkpoint and untested",
        ),
        ([*SCHEDULE, "optimizer=lbfgs"], "callbacks: GradientAccumulationScheduler does not go with LBFGS"),
        (
            [*SCHEDULE, "scheduler=one_cycle"],
            "callbacks: GradientAccumulationScheduler makes fewer steps than scheduler=",
        ),
        (
            [f"+callbacks.x={{_target_:{L}.LearningRateMonitor}}"],
            "callbacks: LearningRateMonitor logs to loggers alone",
        ),
        ([f"+callbacks.x={{_target_:{L}.SpikeDetection,rtol:0.0}}"], "callbacks: SpikeDetection: the loss jumped at "),
        (
            ["+callbacks.best_checkpoint.save_on_exception=true"],
            "callbacks.best_checkpoint.save_on_exception: would write over what the file is for",
        ),
        (
            [f"+callbacks.x={{_target_:{L}.ModelCheckpoint,monitor:val/acc}}"],
            r"\+callbacks.x.mode: min would take the worst val/acc for the best; set \+callbacks.x.mode=max",
        ),
        (
            [f"+callbacks.x={{_target_:{L}.LambdaCallback,on_fit_start:print}}"],
            "callbacks.x.on_fit_start: expected a function",
        ),
        (
            ["optimizer._partial_=false"],
            "optimizer._partial_: expected true, as torch.optim.Adam gets its params later",
        ),
        (["+callbacks.x={_target_:torch.nn.ReLU}"], "callbacks.x._target_: expected a Callback of Lightning's"),
        ([*SCHEDULE, "trainer.accumulate_grad_batches=2"], "trainer.accumulate_grad_batches: the Gradient"),
        (
            [f"+callbacks.x={{_target_:{L}.LearningRateFinder,attr_name:rate}}"],
            "callbacks.x.attr_name: the rate of a plain network is optimizer.lr",
        ),
        (
            [f"+callbacks.x={{_target_:{L}.BatchSizeFinder,batch_arg_name:size}}"],
            "callbacks.x.batch_arg_name: what is found is data.batch_size",
        ),
        (
            ["+logger.x={_target_:lightning.pytorch.loggers.TensorBoardLogger,flush_sec:1}"],
            "logger.x.flush_sec: .* takes no such argument; did you mean 'flush_secs'?",
        ),
        (
            ["trainer.strategy={_target_:lightning.pytorch.strategies.DDPStrategy,static_graph:1}"],
            "trainer.strategy.static_graph: expected true or false, got 1",
        ),
        (
            ["trainer.strategy={_target_:lightning.pytorch.strategies.FSDPStrategy,state_dict_type:sharded}"],
            "trainer.strategy: FSDPStrategy is torch's first FSDP",
        ),
    ],
)
def test_what_would_give_another_result_than_it_says_is_refused(
    overrides: list[str], message: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=f"^{message}"):
        train(tiny_config(tmp_path / "rows.npy", "logger=none", *overrides), tmp_path / "run")


class Manual(OwnModule):
    """Makes its own steps, and returns nothing."""

    automatic_optimization = False

    def training_step(self, batch: list[Any], batch_idx: int) -> None:  # type: ignore[override]
        optimizer: Any = self.optimizers()
        optimizer.zero_grad()
        self.manual_backward(super().training_step(batch, batch_idx))
        optimizer.step()


@pytest.mark.parametrize(
    ("callback", "message"),
    [
        (
            "SpikeDetection",
            "callbacks: SpikeDetection needs a training_step that returns the loss, which Manual's does",
        ),
        (
            "GradientAccumulationScheduler,scheduling:{0:2}",
            "callbacks: GradientAccumulationScheduler does not go with Manual, which makes its own steps",
        ),
    ],
)
def test_what_a_module_does_not_give_is_named(callback: str, message: str, tmp_path: Path) -> None:
    added = f"+callbacks.x={{_target_:{L}.{callback}}}"
    with pytest.raises(UserError, match=f"^{message}"):
        train(own_config(Manual, OwnData, added), tmp_path / "run")


class KeepBest(ModelCheckpoint):
    """A user's own kind."""


@pytest.mark.parametrize(
    ("callbacks", "is_said"),
    [
        ({"ema": {"_target_": f"{L}.EMAWeightAveraging"}}, True),
        ({"last": {"_target_": "trainhouse.training.callbacks.LastCheckpoint"}}, False),
        ({"best": {"_target_": f"{__name__}.KeepBest", "monitor": "val/loss"}}, False),
    ],
)
def test_a_run_that_keeps_no_checkpoint_says_so(
    callbacks: dict[str, Any], is_said: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    config = tiny_config(tmp_path / "rows.npy", "logger=none", "trainer.max_epochs=1")
    train(config.with_values({"callbacks": callbacks}), tmp_path / "run")
    assert any("no checkpoint will be kept" in line for line in caplog.messages) is is_said
    assert any((tmp_path / "run" / "checkpoints").glob("*.ckpt")) is not is_said


def test_the_rate_is_the_one_at_which_the_loss_falls_fastest() -> None:
    rates = np.logspace(-6, 0, 100)
    losses = 1 - 0.8 / (1 + (1e-2 / rates) ** 2)
    losses[rates > 0.2] = 3.0
    place = steepest_fall(rates, losses)
    assert place is not None
    assert 5e-3 < rates[place] < 2e-2
    assert steepest_fall(rates, np.ones(100)) is None, "it doesn't fall"
    assert steepest_fall(rates, np.linspace(1, 2, 100)) is None, "it rises"
    assert steepest_fall(rates[:3], losses[:3]) is None, "too few"


def test_the_first_losses_of_lightnings_running_mean_are_not_half_of_what_they_are() -> None:
    beta, mean, reported = 0.98, 0.0, []
    for step in range(1, 6):
        mean = beta * mean + (1 - beta) * 2.0
        reported.append(mean / (1 - beta ** (step + 1)))
    assert without_bias(np.array(reported)) == pytest.approx(np.full(5, 2.0))


@pytest.mark.parametrize(
    ("theirs", "why"),
    [
        ("checkpoints/best_model.ckpt", "a run would overwrite it; name another folder"),
        ("figures/loss_curve.png", "a run would overwrite it; name another folder"),
        ("logs/metrics.csv", "a run would overwrite it; name another folder"),
        ("events.out.tfevents.1.host", "TensorBoard would take both runs for one; name another"),
    ],
)
def test_a_run_takes_no_folder_in_which_it_would_overwrite_something(theirs: str, why: str, tmp_path: Path) -> None:
    (tmp_path / "mine" / theirs).parent.mkdir(parents=True)
    (tmp_path / "mine" / theirs).write_text("precious")
    done = run_script("train.py", "hydra.run.dir=mine", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("error: hydra.run.dir: mine/")
    assert f"is there already, and {why}" in done.stderr
    assert (tmp_path / "mine" / theirs).read_text() == "precious"
