"""What a run knows of its data beside the DataModule itself; of a user's DataModule it is asked through Lightning.

A user's DataModule may say of itself, all optional:

    facts() -> dict[str, int | float | str | list | dict]     sizes and names that a network is built from
    fingerprint() -> str                                      a name for the content
    row_numbers(batch) -> Sequence[int]                       which rows of the data a batch holds
"""

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import lightning as L
import torch
from lightning.pytorch.loggers.logger import DummyLogger

from trainhouse.arrays.column_summary import ColumnSummary, column_summary, summary_lines
from trainhouse.arrays.datamodule import DataModule
from trainhouse.arrays.order import mix
from trainhouse.arrays.overview import (
    baseline_of,
    data_lines,
    few_rows,
    heavy_tails,
    label_shares,
    own_data_lines,
    task_lines,
)
from trainhouse.arrays.seen import NamedRows, SeenRows, twins
from trainhouse.arrays.spec import TASKS, DataSpec
from trainhouse.arrays.split import SPLITS
from trainhouse.checkpoints.plain import first_not_plain
from trainhouse.configuration.create import refusal_line
from trainhouse.configuration.errors import UserError
from trainhouse.resuming.exact_data import ExactData, ask_no_preparation
from trainhouse.resuming.loops import was_tried
from trainhouse.resuming.trainer_parts import datamodule_of
from trainhouse.runs.this_job import is_worker_rank
from trainhouse.training.own_contents import contents_of
from trainhouse.training.quiet import NOTHING_LEFT, quiet_lightning


@dataclass(frozen=True)
class DataCard:
    """The data's name, a name for its content, and its facts."""

    name: str
    fingerprint: str
    facts: dict[str, Any] = field(default_factory=dict)
    spec: DataSpec | None = None
    rows: dict[str, int] = field(default_factory=dict)
    """Number of rows of each split, as far as it is known."""
    seen: SeenRows | None = field(default=None, compare=False)
    """The rows of arrays that are trained or validated on, by which they are known again."""
    notes: tuple[str, ...] = ()
    """What makes the splits of arrays less than independent of one another, a line each."""
    data_lines: tuple[str, ...] = ()
    """What there is to say of the rows: how many, and what they hold."""
    task_lines: tuple[str, ...] = ()
    """What there is to say of the task, as far as it is known."""
    columns: tuple[ColumnSummary, ...] = ()
    """What each column of a table is."""
    baseline: dict[str, Any] | None = None
    """The metrics of a constant prediction, as `metrics.json` has it."""
    differs: str | None = None
    """What the data does that no resume can do again, if the same item read twice is not the same."""


def card_of(datamodule: L.LightningDataModule, seed: int) -> DataCard:
    """Return what is known of the data. A user's DataModule is set up for it, by a trainer that trains nothing.

    Raises `UserError` for facts that are not plain data.
    """
    if isinstance(datamodule, DataModule):
        rows = {split: datamodule.row_count(split) for split in SPLITS}
        facts = datamodule.spec.of_any_file().to_dict()
        if datamodule.spec.classes:
            facts["class_counts"] = datamodule.class_counts.tolist()
        if datamodule.spec.task == "multilabel":
            facts["label_shares"] = label_shares(datamodule)
        splits = {split: datamodule.named_rows(split) for split in SPLITS}
        seen = SeenRows.of(splits["train"], splits["val"])
        notes = (*few_rows(datamodule), *heavy_tails(datamodule), *_twins(splits, datamodule))
        said, task, spec = tuple(data_lines(datamodule)), tuple(task_lines(datamodule)), datamodule.spec
        columns = column_summary(datamodule)
        notes = (*notes, *summary_lines(columns, datamodule))
        baseline = baseline_of(datamodule).to_dict()
        mark = datamodule.fingerprint
        return DataCard(datamodule.source, mark, facts, spec, rows, seen, notes, said, task, tuple(columns), baseline)
    ask = _Ask()
    with quiet_lightning():
        trainer = L.Trainer(
            accelerator="cpu",
            devices=1,
            limit_train_batches=0,
            limit_val_batches=0,
            logger=DummyLogger(),
            callbacks=[ask],
            **NOTHING_LEFT,
        )
        if was_tried():
            ExactData(trainer, seed)
            if is_worker_rank():
                ask_no_preparation(trainer)
        try:
            trainer.fit(_Nothing(), datamodule=datamodule)
        except ValueError as error:  # of its own `setup`, or of its loaders
            raise UserError(refusal_line(error, "data", inspect.signature(type(datamodule)).parameters)) from error
    assert ask.card is not None
    return ask.card


def with_earlier(card: DataCard, datamodule: L.LightningDataModule, earlier: SeenRows | None) -> DataCard:
    """Return the card of a run whose weights have seen `earlier` rows before its own.

    What is measured on test rows among them is no test: with another `data.split_seed` than theirs, say.
    """
    if earlier is None or card.seen is None or not isinstance(datamodule, DataModule):
        return card
    test = datamodule.named_rows("test")
    notes = card.notes
    if count := int(earlier.known(test.names).sum()):
        are, they = ("is identical to a row", "it says") if count == 1 else ("are identical to rows", "they say")
        rows = f"{count} of {len(test.names)} test rows {are} that the weights of init_from have seen"
        notes = (*notes, f"{rows}, so {they} little of new ones")
    return replace(card, seen=card.seen.with_those_of(earlier), notes=notes)


def _twins(splits: Mapping[str, NamedRows], datamodule: DataModule) -> Iterator[str]:
    """Say which rows are in two splits."""
    for one, other in (("val", "train"), ("test", "train"), ("test", "val")):
        if found := twins(splits[one], splits[other]):
            first, second = found.first
            is_one_file = datamodule.parts[one][0] is datamodule.parts[other][0]
            rows = (
                f"rows {first} and {second}" if is_one_file else f"row {first} of the one and row {second} of the other"
            )
            are, they = ("is identical to a", "it says") if found.count == 1 else ("are identical to", "they say")
            what = f"{other} row{'s' * (found.count > 1)} ({rows}, counted from 0; labels aside)"
            yield f"{found.count} of {found.named} {one} rows {are} {what}, so {they} little of new ones"


class _Nothing(L.LightningModule):
    """A module that is never trained."""

    def training_step(self, batch: Any, batch_idx: int) -> None:
        """Do nothing."""

    def configure_optimizers(self) -> None:
        """Have none."""


class _Ask(L.Callback):
    """Asks a DataModule that has just been set up."""

    card: DataCard | None = None

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        """Fill in the card."""
        datamodule: Any = datamodule_of(trainer)
        name = type(datamodule).__name__
        facts = datamodule.facts() if callable(getattr(datamodule, "facts", None)) else {}
        if not isinstance(facts, Mapping):
            raise UserError(
                f"data: {name}.facts() returns a {type(facts).__name__}; expected a mapping of names to values"
            )
        facts = {key: list(value) if isinstance(value, (tuple, torch.Size)) else value for key, value in facts.items()}
        if bad := first_not_plain(facts):
            raise UserError(f"data: {name}.facts() gives {bad[0]} as {bad[1]}; give plain numbers, strings, lists")
        rows, contents, changing = contents_of(datamodule)
        own = datamodule.fingerprint() if callable(getattr(datamodule, "fingerprint", None)) else None
        fingerprint = str(own) if own is not None else f"{mix(f'{type(datamodule).__module__}.{name}', contents):016x}"
        differs = f"does not give the same row twice ({', '.join(changing)})" if changing else None
        said = tuple(own_data_lines(name, rows, facts))
        self.card = DataCard(name, fingerprint, facts, _spec_of(facts), rows, data_lines=said, differs=differs)


def _spec_of(facts: Mapping[str, Any]) -> DataSpec | None:
    """Return the spec that the facts amount to: those of a task that the project knows, with its sizes."""
    if facts.get("task") not in TASKS or not {"input_shape", "outputs"} <= facts.keys():
        return None
    outputs = int(facts["outputs"])
    classification = facts["task"] == "classification"
    names = facts.get("classes")
    if not isinstance(names, list) or len(names) != outputs:  # a number of them, or none
        names = [str(number) for number in range(outputs)]
    targets = facts.get("targets")
    if not isinstance(targets, list) or len(targets) != outputs:
        targets = ["target"] if outputs == 1 else [str(number) for number in range(outputs)]
    return DataSpec(
        task=facts["task"],
        input_shape=tuple(facts["input_shape"]),
        dtype=str(facts.get("dtype", "float32")),
        outputs=outputs,
        classes=tuple(map(str, names)) if classification else (),
        targets=("target",) if classification else tuple(map(str, targets)),
    )
