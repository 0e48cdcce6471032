"""Rows count by their weights: in the loss and the metrics as repeated rows do, and not at all where none has one."""

import json
from functools import partial

import numpy as np
import pytest
import torch
from torch import Tensor

from src.evaluation.metrics import R2, AbsoluteErrors, Accuracy, RootOfSquaredErrors
from src.training.losses import Auto, BinaryCrossEntropy, CrossEntropy, Focal, huber, mae, mse, quantile
from src.training.module import MeanLoss
from trainhouse.arrays.beside import Beside
from trainhouse.arrays.datamodule import DataModule
from trainhouse.arrays.spec import Dataset, Rows
from trainhouse.configuration.errors import UserError
from trainhouse.tests.common import run_script
from trainhouse.tests.tiny import CLASSES, TARGETS, tiny_module, tiny_trainer
from trainhouse.training.row_weights import check_row_weights, class_counts, takes_weights

TIMES = torch.tensor([1, 3, 0, 2, 2])
LOGITS, TRUE = torch.randn(5, 2, generator=torch.Generator().manual_seed(0)), torch.tensor([0, 1, 1, 0, 1])
NUMBERS = torch.randn(5, 2, generator=torch.Generator().manual_seed(1)).double()
LOSSES = [
    (CrossEntropy(2, label_smoothing=0.1, class_weight=[1.0, 2.0]), LOGITS, TRUE),
    (CrossEntropy(2), LOGITS, TRUE),
    (Focal(2), LOGITS, TRUE),
    (BinaryCrossEntropy(2, pos_weight=3.0), LOGITS, TRUE),
    (Auto("classification", 2), LOGITS, TRUE),
    (Auto("regression", 2), LOGITS.double(), NUMBERS),
    *((one, LOGITS.double(), NUMBERS) for one in (mse, mae, huber, quantile)),
]


@pytest.mark.parametrize(("loss", "outputs", "targets"), LOSSES)
def test_a_row_of_weight_3_counts_as_three_rows(loss, outputs: Tensor, targets: Tensor) -> None:
    weighed = loss(outputs, targets, weights=TIMES.float()) * 5 / TIMES.sum()
    repeated = loss(outputs.repeat_interleave(TIMES, dim=0), targets.repeat_interleave(TIMES, dim=0))
    torch.testing.assert_close(weighed, repeated)
    torch.testing.assert_close(loss(outputs, targets, weights=torch.ones(5)), loss(outputs, targets))


@pytest.mark.parametrize(
    ("make", "outputs", "targets"),
    [
        (Accuracy, LOGITS, TRUE),
        (lambda: AbsoluteErrors("mae", ("a", "b")), LOGITS.double(), NUMBERS),
        (lambda: RootOfSquaredErrors("rmse", ("a", "b")), LOGITS.double(), NUMBERS),
        (lambda: R2("r2", ("a", "b")), LOGITS.double(), NUMBERS),
    ],
)
def test_a_metric_counts_it_so_too_over_batches(make, outputs: Tensor, targets: Tensor) -> None:
    weighed, repeated = make(), make()
    assert takes_weights(weighed)
    for part in (slice(0, 2), slice(2, 3), slice(3, 5)):  # the second of which weighs nothing
        weighed.update(outputs[part], targets[part], weights=TIMES[part].float())
        if times := TIMES[part].sum():
            rows = [one[part].repeat_interleave(TIMES[part], dim=0) for one in (outputs, targets)]
            assert len(rows[0]) == times
            repeated.update(*rows)
    one, other = weighed.compute(), repeated.compute()
    torch.testing.assert_close(one, other, check_dtype=False)
    weighed.reset()
    weighed.update(outputs, targets)
    assert weighed.compute() != one or make is Accuracy


def test_the_loss_of_an_epoch_is_the_mean_by_weights() -> None:
    loss = MeanLoss()
    loss.update(torch.tensor(2.0), 2, weights=torch.tensor([0.5, 1.5]))  # 2 is a mean over rows
    loss.update(torch.tensor(1.0), 1, weights=torch.tensor([6.0]))
    assert loss.compute().item() == pytest.approx((2 * 2 + 1) / 8)


def data(weights: np.ndarray | None, spec=CLASSES) -> DataModule:
    random = np.random.RandomState(0)
    y = np.arange(37) % 3 if spec is CLASSES else random.standard_normal((37, 2)).astype(np.float32)
    rows = Rows(random.standard_normal((37, 4)).astype(np.float32), y)
    return DataModule(Dataset(spec, rows, "tiny", beside=Beside(weights=weights)), 5, 0, [0.6, 0.2, 0.2], 0, 0)


def trained(weights: np.ndarray | None, tmp_path, spec=CLASSES) -> dict[str, float]:
    module, trainer = tiny_module(served := data(weights, spec)), tiny_trainer(tmp_path, max_epochs=2)
    trainer.fit(module, served)
    return {name: float(value) for name, value in trainer.callback_metrics.items()}


@pytest.mark.parametrize("spec", [CLASSES, TARGETS], ids=["classes", "targets"])
def test_equal_weights_train_as_none_do_and_others_do_not(tmp_path, spec) -> None:
    plain = trained(None, tmp_path, spec)
    assert trained(np.full(37, 7.0), tmp_path, spec) == pytest.approx(plain, rel=1e-5)
    other = trained(np.arange(37.0), tmp_path, spec)
    assert other["val/loss"] != pytest.approx(plain["val/loss"], rel=1e-3)


def test_weights_are_scaled_so_that_a_training_row_weighs_1_on_average() -> None:
    served = data(np.arange(37.0))
    batch = next(iter(served.trial_batches("val")))
    assert len(batch) == 3
    assert batch[2].dtype == torch.float32
    assert served.weights_of("train").mean() == pytest.approx(1)
    assert served.weights_of("val") == pytest.approx(
        served.row_numbers_of("val") / np.mean(served.row_numbers_of("train"))
    )


def test_a_loss_that_takes_no_weights_is_refused_and_metrics_that_do_not_are_named(caplog) -> None:
    served = data(np.arange(37.0))
    with pytest.raises(UserError, match=r"data.weights: the loss mine takes no weights"):
        check_row_weights(tiny_module(served, loss=partial(mine)), served)
    caplog.set_level("INFO")
    check_row_weights(tiny_module(served), served)
    assert "data.weights counts in the loss; f1 counts each row once" in caplog.text


def test_classes_are_balanced_by_the_weights_of_their_rows() -> None:
    served, labels = data(np.arange(37.0)), (np.arange(37) % 3)
    rows, weights = served.row_numbers_of("train"), served.weights_of("train")
    facts = class_counts({"outputs": 3, "class_counts": served.class_counts.tolist()}, served)
    sums = np.array([weights[labels[rows] == code].sum() for code in range(3)])
    of_each = sums.sum() / (3 * sums)
    loss = CrossEntropy(3, class_counts=facts["class_counts"], class_weight="balanced")
    np.testing.assert_allclose(loss.weight, of_each, rtol=1e-6)
    assert class_counts({"class_counts": [1]}, data(None)) == {"class_counts": [1]}


def mine(outputs: Tensor, targets: Tensor) -> Tensor:
    return outputs.sum()


@pytest.mark.slow
def test_two_processes_weigh_rows_as_one_does(tmp_path) -> None:
    random = np.random.RandomState(0)
    rows = [(*random.standard_normal(2), random.choice([0.1, 1, 9])) for _ in range(101)]
    lines = [f"{a},{b},{weight},{2 * a - b}" for a, b, weight in rows]
    (tmp_path / "rows.csv").write_text("\n".join(["a,b,w,y", *lines]))
    table = ("data=table", "data.file=rows.csv", "data.target=y", "data.weight_column=w", "data.processed=.")
    rest = ("trainer=cpu", "trainer.max_epochs=2", "optimizer=sgd", "model.dropout=0", "figures=false", "logger=none")
    found = {}
    for ranks in (1, 2):
        spread = (f"data.batch_size={16 // ranks}", f"trainer.devices={ranks}", f"hydra.run.dir=of_{ranks}")
        done = run_script("train.py", *table, *rest, *spread, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        found[ranks] = json.loads((tmp_path / f"of_{ranks}" / "metrics.json").read_text())["metrics"]
    assert found[2] == pytest.approx(found[1], rel=1e-5)
