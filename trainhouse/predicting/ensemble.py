"""The best models of a sweep as one: the mean of what they predict."""

import os
from collections.abc import Collection, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from trainhouse.checkpoints.checkpoint import Checkpoint, load_checkpoint
from trainhouse.configuration.errors import UserError
from trainhouse.configuration.targets import check_part
from trainhouse.runs.best_of_sweep import BEST, is_file_of_sweep, is_sweep, read_best
from trainhouse.runs.run_folder import BEST_MODEL, shown_path
from trainhouse.training.build_data import is_datamodule
from trainhouse.training.build_module import is_lightning_module, rebuild_module, wrap


class MeanOf(nn.Module):
    """Several trained modules as one network, whose outputs are those of a single one: so it is measured as one.

    Its outputs are those of the members' mean prediction; targets are standardised by the mean of the members' scales,
    `target_mean` and `target_std`, each (T,).
    """

    def __init__(self, members: Sequence[Any]) -> None:
        """`members` share their spec and loss."""
        super().__init__()
        self.members = nn.ModuleList(members)
        self.task = members[0].task
        for name in ("target_mean", "target_std"):
            self.register_buffer(name, torch.stack([getattr(member, name) for member in members]).mean(dim=0))

    def forward(self, x: Tensor) -> Tensor:
        """Map stored rows (B, *input_shape) to logits (B, C), or to standardised predictions (B, T)."""
        total = sum(member.predict(x) for member in self.members)  # type: ignore[operator]
        mean: Tensor = total / len(self.members)  # type: ignore[assignment]
        outputs = self.task.undo(mean)
        return (outputs - self.target_mean) / self.target_std if self.task.scales_targets else outputs


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
    for member in members if len(members) > 1 else ():
        if is_own(member):
            raise UserError(
                f"{key}: {given} is a sweep with modules or data of your own, whose predictions can't be averaged; "
                "give the folder of one of its runs"
            )
    for other in members[1:]:
        one, two = first.data_spec, other.data_spec
        for name in (field.name for field in fields(one) if field.compare):
            _refuse_difference(name, first, other, getattr(one, name), getattr(two, name), "predict")
    return members


def is_own(checkpoint: Checkpoint, typed: Collection[str] = ()) -> bool:
    """Whether the checkpoint is of a LightningModule or a LightningDataModule of the user's own.

    What it names is imported for that, if a file may name it; `typed` are the keys that the command line gives.
    """
    for part in ("model", "data"):
        check_part(part, checkpoint.config[part], str(checkpoint.path), typed)
    return is_lightning_module(checkpoint.config["model"]) or is_datamodule(checkpoint.config["data"])


def rebuild_ensemble(members: Sequence[Checkpoint]) -> Any:
    """Return the trained module of a checkpoint, or of several as one, ready to predict."""
    modules = [rebuild_module(checkpoint) for checkpoint in members]
    if len(modules) == 1:
        return modules[0].eval()
    mean = MeanOf(modules)
    module = wrap(members[0], nn.Identity(), mean)
    for name in ("target_mean", "target_std"):
        getattr(module, name).copy_(getattr(mean, name))
    return module.eval()


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
