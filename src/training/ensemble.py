"""The best models of a sweep as one: the mean of what they predict."""

import os
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from src.training.build import rebuild_module
from src.training.checkpoint import Checkpoint, load_checkpoint
from src.training.module import Module
from src.utils.best_of_sweep import BEST, is_file_of_sweep, is_sweep, read_best
from src.utils.errors import UserError
from src.utils.run_folder import BEST_MODEL, shown_path


class Ensemble(Module):
    """Predicts the mean of its members' probabilities, or of their predictions in the targets' own units.

    It has the outputs of a single model, so that it is measured as one: its logits are the logarithms of the mean
    probabilities, and its targets are standardised by the mean of the members' scales.
    """

    def __init__(self, members: Sequence[Module]) -> None:
        """`members` share their spec and loss."""
        super().__init__(members[0].spec, nn.Identity(), nn.ModuleList(members), members[0].loss)
        self.members = members
        for name in ("target_mean", "target_std"):
            getattr(self, name).copy_(torch.stack([getattr(member, name) for member in members]).mean(dim=0))

    def forward(self, x: Tensor) -> Tensor:
        """Map stored rows (B, *input_shape) to logits (B, C), or to standardised predictions (B, T)."""
        mean = self.predict(x)
        if self.spec.task == "classification":
            return mean.clamp_min(torch.finfo(mean.dtype).tiny).log()
        return (mean - self.target_mean) / self.target_std

    def predict(self, x: Tensor) -> Tensor:
        """Map stored rows to class probabilities (B, C), or to predictions (B, T) in the targets' own units."""
        total = self.members[0].predict(x)
        for member in self.members[1:]:
            total = total + member.predict(x)
        return total / len(self.members)


def load_members(path: str | Path, key: str = "ckpt_path") -> list[Checkpoint]:
    """Read a checkpoint or a run's best model, as `load_checkpoint` does; of a sweep, those that `best.yaml` names.

    Raises `UserError` also for a sweep without a best configuration, and for members that predict different things.
    """
    given = Path(path)
    if is_file_of_sweep(given):
        raise UserError(f"{key}: {given} is a file of a sweep; give the sweep's folder, {key}={given.parent}")
    best = None if (given / BEST_MODEL).is_file() else read_best(given)
    if best is None:
        if is_sweep(given):
            raise UserError(
                f"{key}: {given} is a sweep without {BEST}, which it gets when a run of it is complete; finish it, or "
                f"give the folder of one of its runs, as {given / '0'}"
            )
        return [load_checkpoint(path, key)]
    members = [load_checkpoint(run, f"{given / BEST}: runs") for run in best.runs]
    first = members[0]
    for other in members[1:]:
        for name in (field.name for field in fields(first.spec)):
            _refuse_difference(name, first, other, getattr(first.spec, name), getattr(other.spec, name), "predict")
    return members


def rebuild_ensemble(members: Sequence[Checkpoint]) -> Module:
    """Return the trained module of a checkpoint, or of several as one, ready to predict."""
    modules = [rebuild_module(checkpoint) for checkpoint in members]
    return (modules[0] if len(modules) == 1 else Ensemble(modules)).eval()


def check_same_test_rows(members: Sequence[Checkpoint]) -> None:
    """Raise `UserError` unless the members have the same test rows and loss, so that none has trained on them."""
    first, *others = members
    for other in others:
        for name, value in _measured_on(other).items():
            _refuse_difference(name, first, other, _measured_on(first)[name], value, "be evaluated")


def _measured_on(checkpoint: Checkpoint) -> dict[str, Any]:
    data = checkpoint.config["data"]
    return {
        "data_fingerprint": checkpoint.provenance["data_fingerprint"],
        "data.split": data.get("split"),
        "data.split_seed": data.get("split_seed"),
        "data.folds": None if data.get("fold") is None else data.get("folds"),
        "loss": dict(checkpoint.config["loss"]),
    }


def _refuse_difference(name: str, first: Checkpoint, other: Checkpoint, one: Any, two: Any, act: str) -> None:
    if one != two:
        raise UserError(
            f"ckpt_path: {first.path} and {other.path} can't {act} as one: {name} is {one!s:.60} and {two!s:.60}; "
            "give the folder of one of them"
        )


def named(members: Sequence[Checkpoint]) -> str:
    """Say which model predicts, and after how many epochs."""
    if len(members) == 1:
        return f"{members[0].path} (epoch {members[0].epoch})"
    runs = [member.path.parents[1] for member in members]
    sweep = Path(os.path.commonpath(runs))
    each = ", ".join(f"{run.relative_to(sweep)} (epoch {one.epoch})" for run, one in zip(runs, members, strict=True))
    return f"the mean of {len(members)} models of {shown_path(sweep)}: {each}"
