"""Weights that no network of this project has written are refused before they are copied into one."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from trainhouse.arrays.spec import DataSpec
from trainhouse.checkpoints.weights import check_kinds, check_weights, let_take_compiled
from trainhouse.configuration.errors import UserError
from trainhouse.tests.tiny import CLASSES
from trainhouse.training.newest_checkpoint import newest_checkpoint


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (torch.tensor([1.0, float("nan")]), "w holds values that are not finite"),
        (torch.tensor(float("inf")).expand(10**12), "w holds values that are not finite"),
        (torch.zeros(2, device="meta"), "w is a torch.strided tensor on meta"),
        ([1.0], "w is a list, not a tensor"),
    ],
    ids=lambda value: "" if isinstance(value, str) else type(value).__name__,
)
def test_what_is_no_dense_finite_tensor_is_refused(value: Any, reason: str) -> None:
    with pytest.raises(UserError, match=rf"x\.ckpt: {reason}"):
        check_weights({"w": value}, "x.ckpt")


def test_names_are_strings_and_a_modules_extra_state_may_be_anything() -> None:
    with pytest.raises(UserError, match="its weights have a name that is no string: 7"):
        check_weights({7: torch.zeros(1)}, "x.ckpt")
    check_weights({"w": torch.zeros(1).expand(10**12), "_extra_state": {"a": 1}}, "x.ckpt")  # repeated in memory only


@pytest.mark.parametrize("dtype", [torch.int8, torch.bool, torch.complex64])
def test_another_kind_of_number_is_refused_and_another_precision_is_not(dtype: torch.dtype) -> None:
    layer = nn.Linear(2, 2)
    others = {name: value.to(dtype) for name, value in layer.state_dict().items()}
    with pytest.raises(UserError, match=rf"x\.ckpt: weight is {dtype}, the network's torch\.float32"):
        check_kinds(layer, others, "x.ckpt")
    check_kinds(layer, {name: value.bfloat16() for name, value in layer.state_dict().items()}, "x.ckpt")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"input_shape": [2.5]}, "input_shape"),
        ({"input_shape": [10**12]}, "input_shape"),
        ({"task": ["classification"]}, "task"),
        ({"dtype": "object"}, "dtype"),
        ({"outputs": True}, "outputs"),
        ({"outputs": 7}, "outputs is 7, of 3 names"),
        ({"classes": ["a", 1, "c"]}, "classes"),
        ({"columns": ["x"]}, "input_shape"),
        ({"categories": {"x": ["a"]}}, "categories"),
        ({"missing": None}, "missing"),
    ],
)
def test_a_spec_of_other_types_is_none(change: dict[str, Any], reason: str) -> None:
    assert DataSpec.from_dict(CLASSES.to_dict()) == CLASSES
    with pytest.raises(TypeError, match=reason):
        DataSpec.from_dict({**CLASSES.to_dict(), **change})


@pytest.mark.parametrize("key", ["epoch", "batch", "global_step"])
@pytest.mark.parametrize("value", [None, -1, 1.5, "1", torch.zeros(2), float("inf")], ids=str)
def test_a_checkpoint_that_does_not_say_where_it_stands_is_passed_over(key: str, value: Any, tmp_path: Path) -> None:
    state: dict[str, Any] = {"epoch": 1, "batch": 0, "validation": None}
    content: dict[str, Any] = {
        "project": {"format": 1, "provenance": {"data_fingerprint": "0"}},
        "callbacks": {"ExactResume": state},
        "global_step": 3,
    }
    torch.save(content, tmp_path / "whole.ckpt")
    (state if key in state else content)[key] = value
    torch.save(content, tmp_path / "other.ckpt")
    assert newest_checkpoint(tmp_path) == tmp_path / "whole.ckpt"


def test_a_folder_that_is_called_as_a_checkpoint_is_named_before_training(tmp_path: Path) -> None:
    (tmp_path / "last.ckpt").mkdir()
    with pytest.raises(UserError, match=r"last\.ckpt: is a folder, not a checkpoint file; move it away$"):
        newest_checkpoint(tmp_path)


def compiled() -> nn.Module:
    module = nn.ModuleDict({"net": nn.Linear(2, 1)})
    module["net"] = torch.compile(module["net"], backend="eager")  # type: ignore[assignment]
    return module


def plain() -> nn.Module:
    return nn.ModuleDict({"net": nn.Linear(2, 1)})


@pytest.mark.parametrize(("saved", "loads"), [(compiled, plain), (plain, compiled), (compiled, compiled)])
def test_a_network_that_was_compiled_or_is_takes_the_weights(
    saved: Callable[[], nn.Module], loads: Callable[[], nn.Module]
) -> None:
    weights, module = saved().state_dict(), loads()
    let_take_compiled(module)
    module.load_state_dict(weights)
    for mine, given in zip(module.state_dict().values(), weights.values(), strict=True):
        assert torch.equal(mine, given)
    with pytest.raises(UserError, match=r"net\..*weight is torch\.int64"):
        check_kinds(module, {name: value.long() for name, value in weights.items()}, "a file")
