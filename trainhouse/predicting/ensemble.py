"""The best models of a sweep as one: the mean of what they predict."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from trainhouse.arrays.grouped import OTHER
from trainhouse.arrays.precision import KeepsFloat64
from trainhouse.arrays.spec import DataSpec
from trainhouse.checkpoints.checkpoint import Checkpoint, load_checkpoint
from trainhouse.configuration.errors import UserError
from trainhouse.configuration.targets import check_part
from trainhouse.reports.likeness import SPLIT_BY
from trainhouse.runs.best_of_sweep import BEST, is_file_of_sweep, is_sweep, read_best
from trainhouse.runs.layout import BEST_MODEL
from trainhouse.runs.typed import shown_path
from trainhouse.training.build_data import is_datamodule
from trainhouse.training.build_module import is_lightning_module
from trainhouse.training.rebuild_module import rebuild_module, wrap


class MeanOf(KeepsFloat64):
    """Several trained modules as one network, whose outputs are those of a single one: so it is measured as one.

    Its outputs are those of the members' mean prediction; targets are standardised by the mean of the members' scales,
    `target_mean` and `target_std`, each (T,).
    """

    target_mean: Tensor
    target_std: Tensor

    def __init__(self, members: Sequence[Any], own_codes: Sequence[Mapping[int, Sequence[int]]] = ()) -> None:
        """`members` share their spec and loss.

        `own_codes` are for each member, by the column, its codes for the shared ones and, as the last one, for no text.
        """
        super().__init__()
        self.members = nn.ModuleList(members)
        self.own_codes = own_codes
        self.task = members[0].task
        for name in ("target_mean", "target_std"):
            self.register_buffer(name, torch.stack([getattr(member, name) for member in members]).mean(dim=0))
        if all(hasattr(member, "threshold") for member in members):
            self.threshold = sum(float(member.threshold) for member in members) / len(members)

    def forward(self, x: Tensor) -> Tensor:
        """Map stored rows (B, *input_shape) to logits (B, C), or to standardised predictions (B, T)."""
        members: Any = self.members
        total = sum(member.predict(self._coded(x, number)) for number, member in enumerate(members))
        mean: Tensor = total / len(members)
        outputs: Tensor = self.task.undo(mean)
        return (outputs - self.target_mean) / self.target_std if self.task.scales_targets else outputs  # in float64

    def _coded(self, x: Tensor, number: int) -> Tensor:
        """Return the rows with the codes of one member's categories."""
        if not self.own_codes or not self.own_codes[number]:
            return x
        x = x.clone()
        for column, codes in self.own_codes[number].items():
            table = torch.tensor(codes, dtype=x.dtype, device=x.device)
            places = x[:, column].nan_to_num(nan=-1).long()
            none = len(codes) - 1
            x[:, column] = table[torch.where((places < 0) | (places > none), none, places)]
        return x


def load_members(path: str | Path) -> list[Checkpoint]:
    """Read a checkpoint or a run's best model, as `load_checkpoint` does; of a sweep, those that `best.yaml` names.

    Raises `UserError` also for a sweep without a best configuration, and for members that predict different things.
    """
    given = Path(path)
    if is_file_of_sweep(given):
        raise UserError(f"ckpt_path: {given} is a file of a sweep; give the sweep's folder, ckpt_path={given.parent}")
    best = None if (given / BEST_MODEL).is_file() else read_best(given)
    if best is None:
        if is_sweep(given):
            raise UserError(
                f"ckpt_path: {given} is a sweep without {BEST}, which it gets when a run of it is complete; finish it, "
                f"or give the folder of one of its runs, as {given / '0'}"
            )
        return [load_checkpoint(path)]
    members = [load_checkpoint(run, f"{given / BEST}: runs") for run in best.runs]
    first = members[0]
    for member in members if len(members) > 1 else ():
        if is_own(member):
            raise UserError(
                f"ckpt_path: {given} is a sweep with modules or data of your own, whose predictions can't be averaged; "
                "give the folder of one of its runs"
            )
    for other in members[1:]:
        one, two = (replace(one.data_spec, categories=_texts_of_file(one.data_spec)) for one in (first, other))
        for name in (field.name for field in fields(one) if field.compare):
            _refuse_difference(name, first, other, getattr(one, name), getattr(two, name), "predict")
    return members


def is_own(checkpoint: Checkpoint) -> bool:
    """Whether the checkpoint is of a LightningModule or a LightningDataModule of the user's own.

    What it names is imported for that, if a file may name it; its paths are checked by who uses them.
    """
    for part in ("model", "data"):
        check_part(part, checkpoint.config.plain[part], str(checkpoint.path), own=True)
    return is_lightning_module(checkpoint.config.model) or is_datamodule(checkpoint.config.data)


def foreign_of(members: Sequence[Checkpoint]) -> Path | None:
    """Return the file of a member that this user account has not trained; None if all are its own."""
    return next((member.foreign for member in members if member.foreign), None)


def rebuild_ensemble(members: Sequence[Checkpoint]) -> Any:
    """Return the trained module of a checkpoint, or of several as one, ready to predict."""
    modules = [rebuild_module(checkpoint) for checkpoint in members]
    if len(modules) == 1:
        return modules[0].eval()
    mean = MeanOf(modules, _own_codes(members))
    module = wrap(members[0], nn.Identity(), mean)
    # Not copied by hand: a module may look at what it has loaded.
    module.load_state_dict({name: getattr(mean, name) for name in ("target_mean", "target_std")}, strict=False)
    if hasattr(mean, "threshold"):
        made: Any = module
        made.set_threshold(float(mean.threshold))
    return module.eval()


def spec_of_rows(members: Sequence[Checkpoint]) -> DataSpec:
    """Return what rows for all members are: known strings and near numbers are those that are so for one of them.

    Members of different folds have different training rows, and so may have different categories and ranges.
    """
    first, specs = members[0].data_spec, [member.data_spec for member in members]
    if len(specs) == 1:
        return first
    found, grouped = _texts_of_file(first) or {}, {name for spec in specs for name in spec.grouped}
    known = {
        name: tuple(text for text in texts if any(text in (spec.categories or {})[name] for spec in specs))
        for name, texts in found.items()
    }
    others = {name: tuple(text for text in texts if text not in known[name]) for name, texts in found.items()}
    known = {name: (*texts, OTHER) if name in grouped else texts for name, texts in known.items()}
    ranges = tuple(
        (min(ends[0] for ends in known_ends), max(ends[1] for ends in known_ends)) if known_ends else None
        for known_ends in (
            [ends for ends in column if ends] for column in zip(*(spec.ranges for spec in specs), strict=False)
        )
    )
    unlearned = {name: texts for name, texts in others.items() if texts}
    shared = tuple(sorted(grouped))
    return replace(first, categories=known or None, unlearned=unlearned or None, ranges=ranges, grouped=shared)


def _texts_of_file(spec: DataSpec) -> dict[str, tuple[str, ...]] | None:
    """Return the texts of the file, without the category that rare ones share in some members only."""
    found = spec.texts() or {}
    return {name: tuple(text for text in texts if text != OTHER) for name, texts in found.items()} or None


def _own_codes(members: Sequence[Checkpoint]) -> list[dict[int, list[int]]]:
    shared = spec_of_rows(members)
    found = []
    for member in members:
        own = member.data_spec.categories or {}
        found.append(
            {
                shared.columns.index(name): [
                    *(own[name].index(text) if text in own[name] else _code_of_others(member, name) for text in texts),
                    -1,
                ]
                for name, texts in (shared.categories or {}).items()
                if texts != own[name]
            }
        )
    return found


def _code_of_others(member: Checkpoint, column: str) -> int:
    spec = member.data_spec
    return len((spec.categories or {})[column]) - 1 if column in spec.grouped else -1


def check_same_test_rows(members: Sequence[Checkpoint]) -> None:
    """Raise `UserError` unless the members have the same test rows and loss, so that none has trained on them."""
    first, *others = members
    for other in others:
        for name, value in _measured_on(other).items():
            _refuse_difference(name, first, other, _measured_on(first)[name], value, "be evaluated")


def _measured_on(checkpoint: Checkpoint) -> dict[str, Any]:
    data = checkpoint.config.data
    return {
        "data_fingerprint": checkpoint.provenance["data_fingerprint"],
        "data.split": data.get("split"),
        "data.split_seed": data.get("split_seed"),
        "data.folds": None if data.fold is None else data.folds,
        **{f"data.{key}": data.get(key) for key in SPLIT_BY},
        "loss": checkpoint.config.loss.plain,
    }


def _refuse_difference(name: str, first: Checkpoint, other: Checkpoint, one: Any, two: Any, act: str) -> None:
    if one != two:
        raise UserError(
            f"ckpt_path: {first.path} and {other.path} can't {act} as one: {name} is {one!s:.60} and {two!s:.60}; "
            "give the folder of one of them"
        )


def which_models(members: Sequence[Checkpoint]) -> str:
    """Say which model predicts, and after how many epochs."""
    if len(members) == 1:
        return f"{members[0].path} (epoch {members[0].epoch})"
    runs = [member.path.parents[1] for member in members]
    sweep = Path(os.path.commonpath(runs))
    each = ", ".join(f"{run.relative_to(sweep)} (epoch {one.epoch})" for run, one in zip(runs, members, strict=True))
    return f"the mean of {len(members)} models of {shown_path(sweep)}: {each}"
