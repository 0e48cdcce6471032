"""A checkpoint whose record has been made up ends in one line that names the file and what is wrong in it."""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import pytest
import torch

from trainhouse.arrays.labels import find_classes, known_classes
from trainhouse.arrays.spec import DataSpec
from trainhouse.checkpoints.checkpoint import load_checkpoint
from trainhouse.configuration.errors import UserError
from trainhouse.reports.writers import class_array
from trainhouse.tests.common import run_script
from trainhouse.tests.tiny import tiny_run
from trainhouse.training.rebuild_module import rebuild_module, restore

Change = Callable[[dict[str, Any]], object]
Refusal = Callable[[Change], str]

HUGE = 10**400
SPECS = {
    "a name of a class that fills the memory": ("classes", ["a", "b", "1" * 100_000], "classes has a name of 100000"),
    "a column twice": ("columns", ["a", "a", "b", "c"], "columns names one twice"),
    "more ranges than columns": ("ranges", [[0, 1]] * 5, "ranges has 5 places, of 4"),
    "fewer ranges than columns": ("ranges", [[0, 1]] * 3, "ranges has 3 places, of 4"),
    "a range that float64 has not": ("ranges", [[0, HUGE]] * 4, "ranges is a list"),
    "a range of no numbers": ("ranges", [[math.nan, math.nan]] * 4, "ranges is a list"),
    "a range from the greatest to the least": ("ranges", [[1, 0]] * 4, "ranges is a list"),
    "a dtype that no rows are served in": ("dtype", "int8", "dtype is 'int8'"),
}
RECORDS = {
    "no spec": ("spec", None, r"spec is None"),
    "a tensor for a spec": ("spec", torch.zeros(3), "spec is a Tensor"),
    "an epoch before the first": ("epoch", -5, "epoch is -5"),
    "a truth for an epoch": ("epoch", True, "epoch is True"),
    "a metric that float64 has not": ("metrics", {"val/loss": HUGE}, "metrics are not all numbers"),
    "a tensor for the rows that were seen": ("seen_rows", torch.zeros(3), "seen_rows is a Tensor"),
}


@pytest.fixture
def content(made_once: Any) -> dict[str, Any]:
    """What an honest checkpoint holds."""
    content: dict[str, Any] = torch.load(tiny_run(made_once) / "checkpoints" / "best_model.ckpt", weights_only=True)
    return content


@pytest.fixture
def refusal(content: dict[str, Any], tmp_path: Path) -> Refusal:
    """What is said of a checkpoint that has been changed."""

    def said(change: Change) -> str:
        change(content)
        torch.save(content, tmp_path / "made.ckpt")
        with pytest.raises(UserError) as refused:
            rebuild_module(load_checkpoint(tmp_path / "made.ckpt"))
        message = str(refused.value)
        assert message.startswith(f"{tmp_path / 'made.ckpt'}: ")
        assert "\n" not in message
        assert len(message) < 1000
        return message

    return said


@pytest.mark.parametrize("case", SPECS)
def test_a_spec_that_no_arrays_have_is_refused(case: str, refusal: Refusal) -> None:
    key, value, message = SPECS[case]
    assert message in refusal(lambda content: content["project"]["spec"].update({key: value}))


@pytest.mark.parametrize("case", RECORDS)
def test_a_record_that_no_training_writes_is_refused(case: str, refusal: Refusal) -> None:
    key, value, message = RECORDS[case]
    assert message in refusal(lambda content: content["project"].update({key: value}))


@pytest.mark.parametrize("total", [-3, 0, HUGE], ids=["below 0", "0", "huge"])
def test_a_number_of_rows_that_were_seen_is_no_less_than_their_names(total: int, refusal: Refusal) -> None:
    assert f"seen_rows.total is {total}, of " in refusal(
        lambda content: content["project"]["seen_rows"].update(total=total)
    )


@pytest.mark.parametrize(
    "change", [torch.zeros_like, torch.neg, lambda std: std * torch.tensor([1.0, 1, 0, 1])], ids=["0", "-1", "one 0"]
)
def test_a_deviation_that_is_not_above_0_is_refused(change: Callable[[Any], Any], refusal: Refusal) -> None:
    def apply(content: dict[str, Any]) -> None:
        content["state_dict"]["preprocessing.std"] = change(content["state_dict"]["preprocessing.std"])

    assert "preprocessing.std holds a deviation that is not above 0" in refusal(apply)


def test_a_deviation_of_targets_that_is_not_above_0_is_refused(made_once: Any) -> None:
    module = L.LightningModule()
    module.register_buffer("target_std", torch.ones(2))
    checkpoint = load_checkpoint(tiny_run(made_once))
    restore(module, replace(checkpoint, state_dict={"target_std": torch.tensor([0.5, 2])}))
    with pytest.raises(UserError, match=r"best_model\.ckpt: target_std holds a deviation that is not above 0"):
        restore(module, replace(checkpoint, state_dict={"target_std": torch.tensor([0.5, 0])}))


def test_what_a_script_says_is_one_line(content: dict[str, Any], tmp_path: Path) -> None:
    content["project"]["spec"] = torch.zeros(3)
    torch.save(content, tmp_path / "made.ckpt")
    np.save(tmp_path / "rows.npy", np.zeros((2, 4), np.float32))
    given = [f"ckpt_path={tmp_path}/made.ckpt", f"input={tmp_path}/rows.npy", f"output={tmp_path}/out.csv"]
    for done in (run_script("infer.py", *given, cwd=tmp_path), run_script("eval.py", given[0], cwd=tmp_path)):
        assert done.returncode == 1
        assert done.stderr.startswith(f"error: {tmp_path}/made.ckpt: its record is incomplete")
        assert done.stderr.count("\n") == 1


def test_names_of_classes_longer_than_any_number_stay_names() -> None:
    names = ("1" * 25, "2" * 400)
    assert class_array(names).tolist() == list(names)
    like = DataSpec("classification", (1,), "float32", 2, classes=names)
    assert known_classes(like, np.array([1.0])).tolist() == list(names)
    assert known_classes(replace(like, classes=("1", "2")), np.array([1.0])).tolist() == [1, 2]


def test_a_label_that_is_a_whole_document_is_refused_in_training() -> None:
    with pytest.raises(UserError, match=r"^y: a label has 1,001 characters"):
        find_classes(np.array(["a", "b" * 1001] * 5), "y")
