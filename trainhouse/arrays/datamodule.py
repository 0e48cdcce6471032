"""The data as Lightning takes it: three splits of one data set, in whole batches."""

import functools
import logging
from typing import Any

import lightning as L
import numpy as np

from trainhouse.arrays.assigning import assign_rows, how_split, refuse_unseen_classes
from trainhouse.arrays.batches import Batches, Cursor, DeviceBatches, EveryRow
from trainhouse.arrays.beside import Beside
from trainhouse.arrays.far_numbers import watched
from trainhouse.arrays.fingerprint import fingerprint, has_other_form, is_named
from trainhouse.arrays.learned import coded_for, learned_from, with_codes_of
from trainhouse.arrays.moments import chunks
from trainhouse.arrays.placement import Choice, OnDevice, all_in_memory, on_device
from trainhouse.arrays.precision import has_float64
from trainhouse.arrays.seen import NamedRows, row_names
from trainhouse.arrays.spec import Dataset, DataSpec, Rows
from trainhouse.arrays.split import SPLITS
from trainhouse.arrays.unlabelled import labelled
from trainhouse.arrays.weighing import weighed
from trainhouse.arrays.worker_loader import worker_loader
from trainhouse.configuration.errors import UserError

_log = logging.getLogger(__name__)


class DataModule(L.LightningDataModule):
    """Splits a data set and serves its batches. Knows its facts (`spec`) before a trainer exists."""

    def __init__(
        self,
        dataset: Dataset,
        batch_size: int,
        num_workers: int,
        split: list[float] | None,
        split_seed: int,
        seed: int,
        worker_timeout: float = 0.0,
        fold: int | None = None,
        folds: int = 5,
        shuffle: str = "rows",
        block_rows: int = 256,
        window_blocks: int = 64,
        in_memory: Choice = False,
        device_resident: Choice = False,
        like: DataSpec | None = None,
    ) -> None:
        """`split` holds the fractions of train, val and test; a split with files of its own takes none.

        With `split` None nothing is split: there is ``all``, and whatever has files of its own.
        `worker_timeout` is the number of seconds after which a worker that gives no batch is an error, 0 for none.
        `seed` decides the order of the training rows, `split_seed` alone which rows those are. `fold` is that of
        `assign_rows`, which says what contradicts it. With `shuffle` ``blocks`` the order is that of `BlockOrder`.
        `in_memory` and `device_resident` are true, false or ``auto``: whether rows are copied there, once. They change
        no batch. `like` is the spec of a model, whose categories the rows get; without it they are those of the
        training rows.
        """
        super().__init__()
        self.source, self.reason, self.left_out = dataset.name, dataset.reason, dataset.left_out
        self.batch_size = batch_size
        self.num_workers = num_workers
        self.worker_timeout = worker_timeout
        self.seed = seed
        self.cursor = Cursor()
        self.blocks = (block_rows, window_blocks) if shuffle == "blocks" else None
        if device_resident is True and num_workers:
            raise UserError(
                "data.device_resident: workers can't serve rows that are on a device; set data.num_workers=0"
            )
        self.device_resident = False if num_workers else device_resident
        self._said_narrow = False
        self._on_device: dict[int, OnDevice | None] = {}
        self._as_read = dataset
        dataset = all_in_memory(dataset, in_memory)
        numbers = {name: np.arange(0) for name in SPLITS}
        if split:
            numbers = assign_rows(dataset, split, split_seed, fold, folds)
        if like:
            dataset = coded_for(dataset, like)
        elif split:
            dataset = learned_from(dataset, numbers["train"])
        own = {"val": dataset.val, "test": dataset.test}  # in the codes of the training rows
        self.spec, self.lacking = dataset.spec, dataset.lacking
        self.parts: dict[str, tuple[Rows, np.ndarray | None]] = {
            name: (rows, labelled(rows.y)) if (rows := own.get(name)) else (dataset.rows, numbers[name])
            for name in SPLITS
        }
        self.parts["all"] = (dataset.rows, labelled(dataset.rows.y))
        self.beside: dict[str, Beside] = weighed(dataset, numbers if split else None)
        self.split_by = how_split(dataset) if split else ""
        if split:
            absent = [self.spec.classes[place] for place in np.flatnonzero(self.class_counts == 0)]
            refuse_unseen_classes(dataset, absent, "data.split" if fold is None else "data.folds")

    @functools.cached_property
    def class_counts(self) -> np.ndarray:
        """The training rows of each class (C,); empty for targets."""
        rows, numbers = self.parts["train"]
        labels = rows.y if numbers is None else rows.y[numbers]
        return np.bincount(labels, minlength=self.spec.outputs) if self.spec.classes else np.zeros(0, dtype=np.int64)

    @functools.cached_property
    def fingerprint(self) -> str:
        """A name for the content; large files are read for it, the first time that it is asked for."""
        return fingerprint(self._as_read)

    def is_named(self, name: str) -> bool:
        """Whether a fingerprint is that of this data: of this version, or of an older one."""
        return is_named(self._as_read, name)

    def has_other_form(self, name: str) -> bool:
        """Whether a fingerprint is of data of another size, shape or type: nothing is read for that."""
        return has_other_form(self._as_read, name)

    def row_count(self, split: str) -> int:
        """Return the number of rows of ``train``, ``val``, ``test`` or ``all``."""
        rows, numbers = self.parts[split]
        return len(rows.y) if numbers is None else len(numbers)

    def row_numbers_of(self, split: str) -> np.ndarray:
        """Return the numbers of a split's rows in the file that they are from, in the order of evaluation."""
        numbers = self.parts[split][1]
        return np.arange(self.row_count(split)) if numbers is None else numbers

    def weights_of(self, split: str) -> np.ndarray | None:
        """Return the weights (K,) of a split's rows, None if each counts once."""
        weights = self.beside[split].weights
        return None if weights is None else weights[self.row_numbers_of(split)]

    def named_rows(self, split: str) -> NamedRows:
        """Return names of a split's rows, by which they are known again."""
        return NamedRows.of(*self.parts[split], self._is_wide)

    def names_of_all(self, split: str, spec: DataSpec) -> np.ndarray:
        """Return the names (N,) that a model of `spec` knows the rows of a split by, also of one with very many."""
        rows = with_codes_of(self.parts[split][0], self.spec, spec)
        return row_names(rows.x, self.row_numbers_of(split), self._is_wide)

    def serve_in_test(self, split: str) -> None:
        """Serve a split in place of the test split; validation serves its own."""
        if split != "val":
            self.parts["test"], self.beside["test"] = self.parts[split], self.beside[split]

    def leave_out(self, split: str, which: np.ndarray) -> None:
        """Serve a split without the rows for which `which` (N,) is true."""
        self.parts[split] = (self.parts[split][0], self.row_numbers_of(split)[~which])

    def train_dataloader(self) -> Any:
        """Return an iterable of shuffled batches that starts at the cursor."""
        batches = self.train_batches()
        if not self.blocks:  # of which each rank has its own stretch
            self.cursor.rows = self.cursor.rows or batches.trained_rows
        return self._serve(batches)

    def train_batches(self) -> Batches:
        """Return the training batches of every epoch, as a map from (epoch, batch), both counted from 0."""
        rows, numbers = self.parts["train"]
        overfit = getattr(self.trainer, "overfit_batches", 0)  # learns the same few batches each epoch
        seed = None if overfit else self.seed
        ranks, weights = self._ranks(), self.beside["train"].weights
        return Batches(rows, numbers, self.batch_size, seed, self.cursor, *ranks, self.blocks, self._is_wide, weights)

    def trial_batches(self, split: str) -> Batches:
        """Return batches of ``train`` or ``val`` to try things out on, large enough for all metrics."""
        rows, numbers = self.parts[split]
        size, weights = max(self._least_rows, self.batch_size), self.beside[split].weights
        return Batches(rows, numbers, size, wide=self._is_wide, weights=weights)

    def val_dataloader(self) -> Any:
        """Return an iterable of the validation split's batches, in stored order; of none if it is empty."""
        return self.eval_batches("val") if self.row_count("val") else []

    def test_dataloader(self) -> Any:
        """Return an iterable of the test split's batches, in stored order."""
        return self.eval_batches("test") if self.row_count("test") else []

    def eval_batches(self, split: str) -> Any:
        """Return an iterable of the batches of ``train``, ``val``, ``test`` or ``all``, in stored order.

        Raises `UserError` if the split has too few rows for its metrics to mean anything.
        """
        if self.row_count(split) < self._least_rows:
            count = self.row_count(split) or "no"
            needed = self._least_rows
            raise UserError(
                f"data.split: the {split} split of {self.source} has {count} rows, at least {needed} are needed"
            )
        rows, numbers = self.parts[split]
        name, size = f"the {split} split of {self.source}", self.batch_size
        ranks, weights = self._ranks(), self.beside[split].weights
        return self._serve(EveryRow(name, rows, numbers, size, None, None, *ranks, None, self._is_wide, weights))

    def say_far_numbers(self, split: str) -> None:
        """Warn of numbers of a split that are far outside what the model was trained on."""
        rows, numbers = self.parts[split]
        for _ in watched((chunk for _, chunk in chunks(rows.x, numbers)), self.spec, self.source, numbers):
            pass

    @property
    def _least_rows(self) -> int:
        """A share of the variance needs a variance."""
        return 1 if self.spec.classes else 2

    @property
    def _is_wide(self) -> bool:
        return self.spec.dtype == "float64"

    def _ranks(self) -> tuple[int, int]:
        return (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)

    def _serve(self, batches: Batches) -> Any:
        """Iterate in this process, or in workers. A plain iterable costs a third of a DataLoader's step."""
        if self.trainer and not has_float64(self.trainer.strategy.root_device):
            self._narrow(batches)
        if self.num_workers == 0:
            resident = self._resident(batches.rows)
            return DeviceBatches(batches, resident) if resident else batches
        return worker_loader(batches, self.num_workers, self.worker_timeout)

    def _narrow(self, batches: Batches) -> None:
        """Say once what a device without float64 costs."""
        if np.float64 in (batches.dtype, batches.rows.y.dtype) and not self._said_narrow:
            self._said_narrow = True
            _log.warning(
                "warning: %s is float64, which this device has not: its numbers are rounded to float32 before they are "
                "standardised; trainer.accelerator=cpu doesn't",
                self.source,
            )
        batches.narrow()

    def _resident(self, rows: Rows) -> OnDevice | None:
        """The rows on the trainer's device, put there once, or None."""
        if not self.trainer or not self.device_resident:
            return None
        if id(rows) not in self._on_device:
            device = self.trainer.strategy.root_device
            self._on_device[id(rows)] = on_device(rows, self.device_resident, device, self.source, self._is_wide)
        return self._on_device[id(rows)]
