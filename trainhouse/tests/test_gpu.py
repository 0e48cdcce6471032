"""On a GPU: what is learned, resumed, stopped and read again. `python -m pytest -m gpu`"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from trainhouse.arrays.batches import Batches, DeviceBatches
from trainhouse.arrays.placement import on_device
from trainhouse.arrays.spec import Rows
from trainhouse.configuration.errors import UserError
from trainhouse.configuration.settings import Train
from trainhouse.tests.common import composed, run_script
from trainhouse.tests.test_exact_resume import configuration, differing, outcome, resumed_from
from trainhouse.training.train import TrainingResult, train

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")]

QUIET = ["++callbacks.progress_bar=null"]
ON_GPU = ["trainer=gpu", "threads=1"]


@pytest.fixture(autouse=True)
def working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(*overrides: str, folder: str = "run") -> TrainingResult:
    return train(composed(*QUIET, "trainer.max_epochs=3", *overrides), Path(folder))


@pytest.mark.parametrize(
    "overrides",
    [
        [],
        ["optimizer.fused=false"],
        ["optimizer=sgd", "optimizer.lr=0.05"],
        ["optimizer=sgd", "optimizer.lr=0.05", "optimizer.fused=false"],
        ["optimizer=adam", "optimizer.fused=false", "trainer.gradient_clip_val=1"],
        ["data.device_resident=true"],
        ["data.num_workers=1"],
        ["trainer.precision=bf16-mixed"],
        ["trainer.precision=16-mixed"],
        ["trainer.precision=16-mixed", "optimizer.fused=false", "trainer.gradient_clip_val=1"],
    ],
    ids=",".join,
)
def test_it_learns_what_the_cpu_learns(overrides: list[str]) -> None:
    on_gpu = run("trainer=gpu", *overrides, folder="gpu")
    plain = [text for text in overrides if "=16-mixed" not in text and "bf16" not in text]
    on_cpu = run("trainer=cpu", *plain, folder="cpu")
    assert on_gpu.best_value == pytest.approx(on_cpu.best_value, rel=0.05)


EXACT: dict[str, list[str]] = {
    "plain": ["scheduler=cosine"],
    "on the device": ["data.device_resident=true", "trainer.accumulate_grad_batches=2"],
    "bf16-mixed": ["trainer.precision=bf16-mixed"],
    "16-mixed": ["trainer.precision=16-mixed"],
}


@pytest.mark.parametrize("name", EXACT)
def test_resuming_from_any_moment_changes_no_bit(name: str, tmp_path: Path) -> None:
    config: Train = configuration(tmp_path, *ON_GPU, *EXACT[name])
    train(config, tmp_path / "whole")
    whole: dict[str, Any] = outcome(tmp_path / "whole")
    moments = sorted((tmp_path / "whole" / "kept").glob("*.ckpt"))[len(name) % 3 :: 6]
    assert len(moments) >= 3
    for number, moment in enumerate(moments):
        assert not differing(whole, resumed_from(moment, config, tmp_path / f"resumed_{number}")), moment.stem


@pytest.mark.parametrize("fused", [True, False])
def test_a_run_that_diverges_is_stopped_with_finite_weights(fused: bool) -> None:
    with pytest.raises(UserError, match=r"^training diverged: .* at epoch 1, step \d+, batch \d+; the weights were"):
        run("trainer=gpu", "optimizer=sgd", "optimizer.lr=1e30", f"optimizer.fused={fused}")
    assert json.loads(Path("run/metrics.json").read_text())["status"] == "failed"


@pytest.mark.filterwarnings("ignore:It is recommended to use `self.log")  # which train.py doesn't repeat
@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_sharing_weights_out_to_one_gpu_changes_none(precision: str) -> None:
    same = ("data.path=rows.npy", "data.rows=400", f"trainer.precision={precision}", "log_gradients=true")
    run("trainer=gpu", *same, folder="gpu")
    run("trainer=fsdp", "trainer.devices=1", "trainer.strategy.auto_wrap_policy=[Linear]", *same, folder="fsdp")
    weights = [
        torch.load(f"{name}/checkpoints/last.ckpt", map_location="cpu", weights_only=True)["state_dict"]
        for name in ("gpu", "fsdp")
    ]
    torch.testing.assert_close(*weights, rtol=1e-3, atol=1e-4)


def test_clipping_what_scales_its_own_gradients_is_refused() -> None:
    with pytest.raises(UserError, match=r"^trainer\.gradient_clip_val: .*set optimizer\.fused=false"):
        run("trainer=gpu", "trainer.precision=16-mixed", "trainer.gradient_clip_val=1")


def test_what_was_saved_is_evaluated_and_predicts_the_same_on_the_cpu() -> None:
    trained = run("trainer=gpu", "data.path=rows.npy", "data.rows=400")
    done = run_script(
        "eval.py", "ckpt_path=run", "hydra.run.dir=eval", "trainer=cpu", "data.path=rows.npy", cwd=Path.cwd()
    )
    assert done.returncode == 0, done.stderr
    evaluated = json.loads(Path("eval/metrics.json").read_text())["metrics"]
    assert evaluated["test/acc"] == pytest.approx(trained.metrics["test/acc"], abs=0.03)


def test_batches_from_a_gpu_are_those_of_the_cpu() -> None:
    values = np.random.RandomState(0).standard_normal((90, 4))
    rows = Rows(values, np.arange(90) % 3)
    device = torch.device("cuda", 0)
    resident = on_device(rows, "auto", device, "x.npy")
    assert resident is not None
    batches = Batches(rows, None, 7, 0)
    for got, expected in zip(DeviceBatches(batches, resident), batches, strict=True):
        for one, other in zip(got, expected, strict=True):
            assert one.to(device) is one
            assert torch.equal(one.cpu(), other)
