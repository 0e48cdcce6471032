"""Metrics of torchmetrics that are typed among the names of files get names that tell them apart."""

import pytest
from hydra.errors import HydraException

from trainhouse.configuration.errors import UserError
from trainhouse.launching.broken_files import of_defaults
from trainhouse.launching.composed import composed
from trainhouse.launching.listed_objects import with_objects_named
from trainhouse.tests.common import ROOT

TOP = "{_target_: torchmetrics.classification.MulticlassAccuracy, top_k: 2}"
AREA = "{_target_: torchmetrics.AUROC, average: 'null', ignore_index: -1, splits: [test]}"


@pytest.mark.parametrize(
    ("listed", "expected"),
    [
        (f"[{TOP}]", {"multiclass_accuracy_top_k_2": {"top_k": 2}}),
        (f"[acc,{TOP},{{area: {AREA}}}]", {"acc": {}, "multiclass_accuracy_top_k_2": {}, "area": {"average": "null"}}),
        (
            f"[{AREA}]",
            {
                "auroc_average_null_ignore_index_minus_1": {
                    "splits": ["test"],
                }
            },
        ),
        ("[acc,f1]", {"acc": {}, "f1": {}}),
    ],
)
def test_objects_in_a_list_are_keys_under_their_names(listed: str, expected: dict[str, dict[str, object]]) -> None:
    metrics = composed("train", ROOT / "conf", with_objects_named([f"metrics={listed}", "seed=1"])).plain["metrics"]
    assert [*metrics] == [*expected]
    for name, arguments in expected.items():
        assert {key: metrics[name][key] for key in arguments} == arguments


@pytest.mark.parametrize(
    "listed", [f"[{TOP},{TOP}]", "[auroc,{_target_: torchmetrics.AUROC}]", "[{a b: {_target_: c}}]"]
)
def test_a_name_that_is_none_or_another_s_is_refused(listed: str) -> None:
    with pytest.raises(UserError, match=r"metrics: .* (stands twice|is no name)"):
        with_objects_named([f"metrics={listed}"])


@pytest.mark.parametrize(
    "text",
    [
        "defaults:\n  - override /metrics: [acc, {_target_: torchmetrics.AUROC}]\n",
        "metrics:\n  - _target_: torchmetrics.AUROC\n",
    ],
)
def test_a_file_with_an_object_in_its_list_gets_the_line_that_works(text, tmp_path) -> None:
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "mine.yaml").write_text(f"# @package _global_\n{text}")
    overrides = [f"hydra.searchpath=[{tmp_path}]", "experiment=mine"]
    with pytest.raises((HydraException, ValueError)) as caught:
        composed("train", ROOT / "conf", overrides)
    line = of_defaults(caught.value, overrides)
    assert "'metrics: {top2: {_target_: torchmetrics.classification.MulticlassAccuracy, top_k: 2}}'" in line
