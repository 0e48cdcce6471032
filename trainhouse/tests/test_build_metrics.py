"""The metrics group: what each file measures, on which splits, with sizes from the data."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torchmetrics import MaxMetric, Metric
from torchmetrics.functional import (
    auroc,
    average_precision,
    exact_match,
    f1_score,
    mean_absolute_percentage_error,
    recall,
)
from torchmetrics.functional.classification import multiclass_calibration_error

from trainhouse.arrays.spec import DataSpec
from trainhouse.checkpoints.checkpoint import load_checkpoint
from trainhouse.configuration.bounded import read_yaml
from trainhouse.configuration.errors import UserError
from trainhouse.configuration.schema import config_file, options
from trainhouse.configuration.views import Parts
from trainhouse.tests.tiny import CLASSES, TARGETS, tiny_config, tiny_data, tiny_module, tiny_trainer
from trainhouse.training.build_metrics import build_metrics
from trainhouse.training.rebuild_module import rebuild_module
from trainhouse.training.train import train

TWO = DataSpec("classification", (4,), "float32", 2, classes=("no", "yes"))
SIX = DataSpec("classification", (4,), "float32", 6, classes=tuple("abcdef"))
ONE = DataSpec("regression", (4,), "float32", 1)
LABELS = DataSpec("multilabel", (4,), "float32", 3, targets=("hot", "wet", "dark"))
SPECS = {"two classes": TWO, "six classes": SIX, "one target": ONE, "two targets": TARGETS}


def from_file(name: str, **arguments: Any) -> dict[str, Any]:
    content = read_yaml(config_file(f"metrics/{name}")) or {}
    return {key: {**part, **arguments} for key, part in content.items()}


def batch(spec: DataSpec, rows: int = 200, seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    outputs = torch.randn(rows, spec.outputs, generator=generator)
    if spec.task == "multilabel":
        return outputs, torch.randint(2, (rows, spec.outputs), generator=generator).float()
    if spec.task == "classification":
        return outputs, torch.randint(spec.outputs, (rows,), generator=generator)
    return outputs.double() + 5, (outputs + 5 + torch.rand(rows, spec.outputs, generator=generator)).float()


PROBABLE, TRUE = batch(LABELS)[0].sigmoid(), batch(LABELS)[1].long()


def measured(metrics: Mapping[str, Metric], spec: DataSpec) -> dict[str, Tensor]:
    """Return what the metrics make of a batch in two parts."""
    found: dict[str, Tensor] = {}
    outputs, targets = batch(spec)
    for name, metric in metrics.items():
        for part in (slice(0, 150), slice(150, None)):
            metric.update(outputs[part], targets[part])
        value = metric.compute()
        found |= value if isinstance(value, dict) else {name: value}
    return found


@pytest.mark.parametrize("name", options("metrics"))
def test_every_file_measures_the_data_of_its_task_and_is_refused_on_others(name: str) -> None:
    fitting = dict.fromkeys(("classification", "regression"), 0)
    refused: list[str] = []
    for spec in SPECS.values():
        try:
            chosen = build_metrics(Parts(from_file(name)), spec)
        except UserError as error:
            refused.append(str(error))
            continue
        fitting[spec.task] += 1
        values = measured(chosen["test"], spec)
        assert set(chosen["val"]) == set(chosen["test"])
        assert all(value.ndim == 0 and value.isfinite() for value in values.values())
        assert all(metric.higher_is_better is not None for metric in chosen["test"].values())
    assert all(line.startswith(f"metrics.{name}: ") for line in refused)
    assert sum(count > 0 for count in fitting.values()) == (2 if name in ("auto", "none") else 1)


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        (from_file("recall"), recall(PROBABLE, TRUE, "multilabel", num_labels=3, average="macro")),
        (from_file("auroc"), auroc(PROBABLE, TRUE, "multilabel", num_labels=3)),
        (from_file("f1"), f1_score(PROBABLE, TRUE, "multilabel", num_labels=3, average="macro")),
        (
            {"exact": {"_target_": "torchmetrics.classification.MultilabelExactMatch"}},
            exact_match(PROBABLE, TRUE, "multilabel", num_labels=3),
        ),
    ],
)
def test_metrics_of_torchmetrics_measure_several_labels(part: dict[str, Any], expected: Tensor) -> None:
    (value,) = measured(build_metrics(Parts(part), LABELS)["test"], LABELS).values()
    assert value == pytest.approx(expected)


def test_each_label_has_its_name_and_what_is_measured_twice_is_refused() -> None:
    each = build_metrics(Parts(from_file("recall", average="none")), LABELS)["test"]
    assert [*measured(each, LABELS)] == ["recall_hot", "recall_wet", "recall_dark"]
    with pytest.raises(UserError, match=r"^metrics.auroc: labels measures that already; leave it out"):
        build_metrics(Parts({**from_file("auto"), **from_file("auroc")}), LABELS)
    part = {"f1": {"_target_": "torchmetrics.classification.MultilabelF1Score"}}
    with pytest.raises(UserError, match=r"^metrics.f1: MultilabelF1Score is for multilabel, but this is class"):
        build_metrics(Parts(part), TWO)


PROBABILITIES = {spec.outputs: batch(spec)[0].softmax(dim=1) for spec in (TWO, SIX)}


@pytest.mark.parametrize(
    ("spec", "name", "expected"),
    [
        (TWO, "auroc", auroc(PROBABILITIES[2][:, 1], batch(TWO)[1], "binary")),
        (SIX, "auroc", auroc(PROBABILITIES[6], batch(SIX)[1], "multiclass", num_classes=6)),
        (TWO, "average_precision", average_precision(PROBABILITIES[2][:, 1], batch(TWO)[1], "binary")),
        (TWO, "recall", recall(PROBABILITIES[2][:, 1], batch(TWO)[1], "binary")),
        (SIX, "recall", recall(PROBABILITIES[6], batch(SIX)[1], "multiclass", num_classes=6, average="macro")),
        (SIX, "calibration_error", multiclass_calibration_error(PROBABILITIES[6], batch(SIX)[1], 6, n_bins=15)),
        (ONE, "mape", mean_absolute_percentage_error(*batch(ONE))),
        (ONE, "max_error", (batch(ONE)[0] - batch(ONE)[1]).abs().max()),
    ],
)
def test_metrics_get_probabilities_or_targets_in_their_own_units(spec: DataSpec, name: str, expected: Tensor) -> None:
    found = measured(build_metrics(Parts(from_file(name)), spec)["val"], spec)
    assert float(found[name]) == pytest.approx(float(expected), rel=1e-5)


def test_a_value_for_each_class_or_target_has_its_name() -> None:
    by_class = build_metrics(Parts(from_file("recall", average="none")), CLASSES)["val"]
    assert set(measured(by_class, CLASSES)) == {"recall_a", "recall_b", "recall_c"}
    assert set(measured(build_metrics(Parts(from_file("pearson")), TARGETS)["val"], TARGETS)) == {
        "pearson_u",
        "pearson_v",
    }


def test_splits_say_where_and_a_key_of_its_own_goes_before_the_usual() -> None:
    own = {"f1": {"_target_": "torchmetrics.F1Score", "average": "weighted", "splits": ["train"]}}
    chosen = build_metrics(Parts({**from_file("auto"), **own}), CLASSES)
    assert {split: set(metrics) for split, metrics in chosen.items()} == {
        "train": {"acc", "f1"},
        "val": {"acc", "f1"},
        "test": {"acc", "f1"},
    }
    assert chosen["train"]["f1"].names == ["f1"], "that of torchmetrics"
    assert not hasattr(chosen["val"]["f1"], "names")


class LargestClass(MaxMetric):
    higher_is_better = True

    def update(self, outputs: Tensor, targets: Tensor) -> None:
        super().update(targets.max().float())


def largest_class(spec: DataSpec, split: str) -> Metric:
    return LargestClass()


def seven(task: str) -> int:
    return 7


def test_a_metric_of_ones_own_is_logged_under_the_key_of_its_file(tmp_path: Path) -> None:
    part = {"largest": {"_target_": f"{__name__}.largest_class", "splits": ["val"]}}
    data = tiny_data(CLASSES)
    module = tiny_module(data, metrics=build_metrics(Parts(part), CLASSES))
    found = tiny_trainer(tmp_path).validate(module, data, verbose=False)[0]
    assert found["val/largest"] == 2
    assert module.directions == {"train/loss": "min", "val/loss": "min", "test/loss": "min", "val/largest": "max"}


@pytest.mark.parametrize(
    ("name", "part", "message"),
    [
        ("x", {"_target_": f"{__name__}.seven"}, "metrics.x._target_: .* gives no torchmetrics.Metric, but a int"),
        ("x", {"_target_": "torchmetrics.Recal"}, r"metrics.x._target_: cannot load .* did you mean 'Recall'\?"),
        (
            "x",
            {"_target_": "torchmetrics.Recall", "averag": "macro"},
            "metrics.x: Unexpected keyword arguments: `averag`",
        ),
        ("x", {"_target_": "torchmetrics.Recall", "splits": ["vall"]}, r"metrics.x.splits: .*did you mean 'val'\?"),
        ("x", {"_target_": "torchmetrics.ConfusionMatrix"}, r"metrics.x: .* computes \(3, 3\); expected one number"),
        ("x", {"_target_": "torchmetrics.R2Score"}, "metrics.x: R2Score is for regression, but this is classification"),
        ("x", {"_target_": "torchmetrics.text.BLEUScore"}, "metrics.x: BLEUScore can't measure this data"),
        ("x", {"_target_": "torchmetrics.Recall", "mode": "maximum"}, "metrics.x.mode: expected min or max"),
        (
            "x",
            {"_target_": f"{__name__}.LargestClass", "mode": "max"},
            "metrics.x.mode: .*LargestClass.higher_is_better",
        ),
        ("loss", {"_target_": "torchmetrics.Recall"}, "metrics.loss: the loss has that name"),
        ("x", 3, "metrics.x: expected a mapping with _target_"),
    ],
)
def test_what_cannot_be_measured_is_refused_with_its_key(name: str, part: Any, message: str) -> None:
    with pytest.raises(UserError, match=f"^{message}"):
        build_metrics(Parts({name: part}), CLASSES)


def test_a_checkpoint_is_measured_by_its_own_metrics(tmp_path: Path) -> None:
    settings = tiny_config(tmp_path / "rows.npy", "metrics=[auto,mcc]", "monitor=val/mcc", "mode=max")
    result = train(settings, tmp_path / "run")
    assert {"val/mcc", "val/acc", "test/mcc"} <= result.metrics.keys()
    module: Any = rebuild_module(load_checkpoint(tmp_path / "run" / "checkpoints" / "best_model.ckpt"))
    assert set(module.metrics["test_split"]) == {"test/acc", "test/f1", "test/mcc"}
