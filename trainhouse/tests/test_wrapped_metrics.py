"""Metrics of torchmetrics that are made of others, and those that compare nothing."""

from typing import Any

import pytest
import torch

from trainhouse.arrays.spec import DataSpec
from trainhouse.configuration.errors import UserError
from trainhouse.configuration.views import Parts
from trainhouse.tests.test_build_metrics import LABELS, ONE, SIX, TWO, measured
from trainhouse.training.build_metrics import build_metrics


def torchmetrics(name: str, **arguments: Any) -> dict[str, Any]:
    return {"_target_": f"torchmetrics.{name}", **arguments}


@pytest.mark.parametrize(
    ("part", "spec", "names"),
    [
        (torchmetrics("BootStrapper", base_metric=torchmetrics("Accuracy")), SIX, ["x_mean", "x_std"]),
        (torchmetrics("BootStrapper", base_metric=torchmetrics("AUROC")), TWO, ["x_mean", "x_std"]),
        (torchmetrics("MinMaxMetric", base_metric=torchmetrics("F1Score")), LABELS, ["x_raw", "x_max", "x_min"]),
        (torchmetrics("MetricCollection", metrics={"one": torchmetrics("AUROC")}), TWO, ["one"]),
    ],
)
def test_metrics_within_a_metric_get_their_sizes_and_its_values_their_names(
    part: dict[str, Any], spec: DataSpec, names: list[str]
) -> None:
    assert [*measured(build_metrics(Parts({"x": part}), spec)["val"], spec)] == names


@pytest.mark.parametrize(
    ("part", "spec", "line"),
    [
        (torchmetrics("MeanMetric"), ONE, "metrics.x: MeanMetric sums up numbers of one kind"),
        (torchmetrics("BootStrapper", base_metric=torchmetrics("MeanMetric")), ONE, "metrics.x: MeanMetric sums up"),
        (
            torchmetrics("MinMaxMetric", base_metric=torchmetrics("MeanSquaredError", squard=True)),
            ONE,
            "metrics.x.base_metric",
        ),
    ],
)
def test_what_compares_nothing_with_targets_is_refused(part: dict[str, Any], spec: DataSpec, line: str) -> None:
    with pytest.raises(UserError) as refused:
        build_metrics(Parts({"x": part}), spec)
    assert str(refused.value).startswith(line)


def test_rows_on_which_a_metric_is_not_defined_are_said_with_its_key() -> None:
    part = torchmetrics("regression.TweedieDevianceScore", power=1)
    metric = build_metrics(Parts({"x": part}), ONE)["val"]["x"]
    with pytest.raises(UserError, match=r"^metrics\.x: TweedieDevianceScore can't measure this data: For power=1"):
        metric.update(-torch.ones(3, 1), -torch.ones(3, 1))
