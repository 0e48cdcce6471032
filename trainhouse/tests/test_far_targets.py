"""Targets keep their meaning at any offset and scale, and several of them are measured each in its own unit."""

from functools import partial
from pathlib import Path

import lightning as L
import numpy as np
import pytest
import torch
from torch import nn

from src.evaluation.metrics import R2, WIDEST, usual
from src.training.module import MeanLoss, Module
from trainhouse.arrays.datamodule import DataModule
from trainhouse.arrays.labels import encode_targets
from trainhouse.arrays.spec import Dataset, DataSpec, Rows
from trainhouse.checkpoints.checkpoint import Checkpoint
from trainhouse.configuration.errors import UserError
from trainhouse.predicting.ensemble import rebuild_ensemble
from trainhouse.predicting.evaluate_split import Collect, evaluate
from trainhouse.tests.common import composed
from trainhouse.tests.tiny import tiny_module, tiny_trainer
from trainhouse.training.checks import check_precision

NAMES = ("seconds", "weight.kg")
SPEC = DataSpec("regression", (4,), "float32", 2, targets=NAMES)
OFFSETS = {
    "seconds of 1970": ([20, 1], [1.7e9, 0]),
    "tiny": ([1e-50, 1], [3e-50, 0]),
    "huge": ([1e30, 1], [1e31, 0]),
    "ordinary": ([100, 1], [500, 0]),
}


def far_data(scales: list[float], offsets: list[float]) -> DataModule:
    random = np.random.RandomState(0)
    x = random.standard_normal((97, 4)).astype(np.float32)
    y = x[:, :2] * np.array(scales) + np.array(offsets) + 0.1 * np.array(scales) * random.standard_normal((97, 2))
    return DataModule(Dataset(SPEC, Rows(x, encode_targets(y, "y.npy")), "far"), 16, 0, [0.6, 0.2, 0.2], 0, seed=0)


def expected(predictions: np.ndarray, targets: np.ndarray) -> dict[str, float]:
    """Return the metrics, in extended precision."""
    true = targets.astype(np.longdouble)
    errors = predictions - true
    r2 = 1 - (errors**2).sum(axis=0) / ((true - true.mean(axis=0)) ** 2).sum(axis=0)
    found = {"test/r2": float(r2.mean())}
    for column, name in enumerate(NAMES):
        found[f"test/rmse_{name}"] = float(np.sqrt((errors[:, column] ** 2).mean()))
        found[f"test/mae_{name}"] = float(np.abs(errors[:, column]).mean())
        found[f"test/r2_{name}"] = float(r2[column])
    return found


def measured(module: L.LightningModule, data: DataModule, folder: Path) -> tuple[dict[str, float], np.ndarray]:
    """Return what a test run measures, and what the module predicts for the rows of the test split one by one."""
    collect = Collect(SPEC, None, data.row_numbers_of("test"))
    trainer = tiny_trainer(folder, collect)
    found = evaluate(trainer, module.eval(), data.eval_batches("test"), "test", collect).metrics
    rows, numbers = data.parts["test"]
    with torch.inference_mode():
        alone = torch.cat([module.predict(torch.from_numpy(rows.x[[number]])) for number in numbers])  # type: ignore
    return {name: value for name, value in found.items() if name != "test/loss"}, alone.numpy()


@pytest.mark.parametrize("name", OFFSETS)
def test_metrics_are_those_of_the_true_targets(name: str, tmp_path: Path) -> None:
    data = far_data(*OFFSETS[name])
    module = tiny_module(data, optimizer=partial(torch.optim.SGD, lr=0.5))
    trainer = tiny_trainer(tmp_path, max_epochs=20)
    trainer.fit(module, data)
    rows, numbers = data.parts["test"]
    found, predictions = measured(module, data, tmp_path)
    assert found == pytest.approx(expected(predictions, rows.y[numbers]), rel=1e-4)
    assert found["test/r2_seconds"] > 0.7, "it learned"
    assert trainer.callback_metrics["train/loss"] < 1, "the loss is of standardised targets"


@pytest.mark.parametrize(("name", "dtype"), [("seconds of 1970", np.float64), ("ordinary", np.float32)])
def test_predictions_are_float64_only_where_float32_would_round_them_away(
    name: str, dtype: type, tmp_path: Path
) -> None:
    data = far_data(*OFFSETS[name])
    _, predictions = measured(tiny_module(data), data, tmp_path)
    assert predictions.dtype == dtype
    assert len(np.unique(predictions[:, 0])) == len(predictions)


@pytest.mark.parametrize("name", OFFSETS)
def test_the_mean_of_several_models_is_measured_as_one(name: str, tmp_path: Path) -> None:
    data = far_data(*OFFSETS[name])
    one, other = tiny_module(data), tiny_module(data)
    with torch.no_grad():
        for weight in other.network.parameters():
            weight.mul_(-0.5)
        other.target_mean.add_(0.25 * other.target_std)  # another fold has another scale
    config = composed("model.hidden_sizes=[8]", "model.dropout=0")
    together = rebuild_ensemble(
        [Checkpoint(Path("x.ckpt"), config, SPEC, {}, module.state_dict(), 1, {}) for module in (one, other)]
    )
    rows, numbers = data.parts["test"]
    found, predictions = measured(together, data, tmp_path)
    apart = [measured(module, data, tmp_path)[1].astype(np.float64) for module in (one, other)]
    deviation = rows.y.std(axis=0, dtype=np.longdouble).astype(float)
    np.testing.assert_allclose((predictions - np.mean(apart, axis=0)) / deviation, 0, atol=1e-5)
    assert found == pytest.approx(expected(np.mean(apart, axis=0), rows.y[numbers]), rel=1e-4)


def test_a_constant_target_is_predicted_as_it_is(tmp_path: Path) -> None:
    data = far_data([20, 1], [1.7e9, 0])
    data.parts["train"][0].y[:, 0] = 1.7e9 + 0.3
    module = tiny_module(data)
    assert module.target_std[0] == 1
    nn.init.zeros_(module.network.layers[-1].weight)
    nn.init.zeros_(module.network.layers[-1].bias)
    found, predictions = measured(module, data, tmp_path)
    assert predictions[:, 0] == pytest.approx(1.7e9 + 0.3, abs=1e-6)
    assert found["test/rmse_seconds"] == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(
    ("written", "dtype"),
    [
        (np.arange(9.0) / 7, np.float32),
        (1.7e9 + np.arange(9), np.float64),
        (1_700_000_000 + np.arange(9), np.float64),
        (1e-50 * np.arange(9), np.float64),
        (2_000 + np.arange(9), np.float32),
        (np.full(9, 0.1), np.float32),
    ],
)
def test_targets_are_kept_in_float64_where_float32_would_change_them(written: np.ndarray, dtype: type) -> None:
    targets = encode_targets(written, "y.npy")
    assert targets.dtype == dtype
    np.testing.assert_allclose(targets[:, 0], written, rtol=1e-7)


def test_a_state_dict_in_float32_of_an_older_version_fits() -> None:
    data = far_data([100, 1], [500, 0])
    module = tiny_module(data)
    state = {
        name: value.float() if value.dtype == torch.float64 else value for name, value in module.state_dict().items()
    }
    x = torch.from_numpy(data.parts["train"][0].x)
    before = module.predict(x)
    module.load_state_dict(state)
    torch.testing.assert_close(module.predict(x), before)


def test_a_cast_leaves_the_scale_of_the_targets_as_it_is() -> None:
    module = tiny_module(far_data([20, 1], [1.7e9, 0]))
    mean = module.target_mean.clone()
    assert torch.equal(module.half().float().target_mean, mean)


def test_every_metric_has_its_better_end_under_the_name_that_is_logged(tmp_path: Path) -> None:
    data = far_data([20, 1], [1.7e9, 0])
    module = tiny_module(data)
    trainer = tiny_trainer(tmp_path)
    trainer.fit(module, data)
    trained = set(trainer.callback_metrics)
    trainer.test(module, data, verbose=False)
    assert trained | set(trainer.callback_metrics) == set(module.directions)
    assert module.directions["val/r2_weight.kg"] == module.directions["val/r2"] == "max"
    assert module.directions["val/mae_weight.kg"] == "min"


def test_what_ranks_have_seen_is_put_together_as_if_one_had_seen_it() -> None:
    random = np.random.RandomState(0)
    y = 1.7e9 + 20 * random.standard_normal((100, 2)) * [1, 1e-3]
    said = y + random.standard_normal((100, 2)) * [5, 1e-3]
    ranks = []
    for part in (slice(0, 10), slice(10, 70), slice(70, 100)):
        metric = R2("r2", ("a", "b"))
        for start in range(part.start, part.stop, 7):
            batch = slice(start, min(start + 7, part.stop))
            metric.update(torch.from_numpy(said[batch]), torch.from_numpy(y[batch]))
        ranks.append(metric)
    together = R2("r2", ("a", "b"))
    together.update(torch.from_numpy(said), torch.from_numpy(y))
    merged, *others = ranks
    for other in others:
        merged.merge_state(other)
    exact = y.astype(np.longdouble)
    each = 1 - ((said - exact) ** 2).sum(axis=0) / ((exact - exact.mean(axis=0)) ** 2).sum(axis=0)
    for metric in (together, merged):
        found = metric.compute()
        assert [float(value) for value in found.values()] == pytest.approx([float(each.mean()), *map(float, each)])


@pytest.mark.skipif(torch.float32 == WIDEST, reason="this machine counts in float32")
def test_the_mean_loss_of_many_batches_is_not_rounded_away() -> None:
    """In float32 the sum stands still at 2^24 times what is added."""
    mean = MeanLoss()
    mean.total.fill_(2.0**30)
    mean.rows.fill_(2**30)
    for _ in range(64):
        mean.update(torch.tensor(2.0), 2**4)
    assert float(mean.total) == 2.0**30 + 64 * 32


@pytest.mark.parametrize("precision", ["16-true", "bf16-true"])
def test_a_precision_that_rounds_rows_before_they_are_standardised_is_refused(precision: str) -> None:
    expected_line = rf"^trainer\.precision: {precision} rounds numbers .*; use {precision.replace('true', 'mixed')}"
    for spec in (SPEC, DataSpec("classification", (4,), "float32", 2, classes=("a", "b"))):
        with pytest.raises(UserError, match=expected_line):
            check_precision(precision, spec)
        check_precision(precision.replace("true", "mixed"), spec)
    check_precision(precision, DataSpec("classification", (1, 8, 8), "uint8", 2, classes=("a", "b")))


def test_one_target_has_the_plain_names() -> None:
    single = DataSpec("regression", (4,), "float32", 1)
    assert all(getattr(metric, "names", [name]) == [name] for name, metric in usual(single, "test").items())


def test_an_untrained_module_scales_nothing() -> None:
    data = far_data([20, 1], [1.7e9, 0])
    module = Module(SPEC, nn.Identity(), nn.Linear(4, 2), loss=nn.functional.mse_loss)
    x = torch.from_numpy(data.parts["train"][0].x)
    assert torch.equal(module.predict(x), module.network(x))
