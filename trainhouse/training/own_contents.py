"""What names the data behind the loaders of a DataModule of the user's own: lengths, and some items."""

import time
from typing import Any

from torch.utils.data import IterableDataset, Subset

from trainhouse.arrays.split import SPLITS
from trainhouse.resuming.digest import digest
from trainhouse.resuming.exact_data import flattened
from trainhouse.resuming.seeding import reseed

_ITEMS = 8  # of a data set that its fingerprint reads
_TAKES_LONG = 3.0  # seconds, for an item that is read for nothing but a comparison


def contents_of(datamodule: Any) -> tuple[dict[str, int], list[Any], list[str]]:
    """Return the numbers of rows, and what names the data sets behind the loaders: their lengths and some items.

    Parts of one data set are named by the whole and their lengths, so that another seed for `random_split` is still
    the same data. The third is the splits of which the same item, read twice after the same seed, is not the same.
    """
    rows: dict[str, int] = {}
    contents: list[Any] = []
    changing = []
    for split in SPLITS:
        reseed(0, "fingerprint", split)
        try:
            loaders = list(flattened(getattr(datamodule, f"{split}_dataloader")()))
            datasets = [loader.dataset for loader in loaders if hasattr(loader, "dataset")]
            is_repeatable = all(map(_is_repeatable, datasets))
            if not is_repeatable:
                changing.append(split)
            if datasets and len(datasets) == len(loaders):
                rows[split] = sum(len(dataset) for dataset in datasets)
                contents.append([split, *(_content(dataset, with_items=is_repeatable) for dataset in datasets)])
        except Exception:  # this split is not there, has no length, or is set up for its own stage only
            continue
    return rows, contents, changing


def _is_repeatable(dataset: Any) -> bool:
    """Whether the first item is the same when it is read again after the same seed."""
    seen, started = [], time.perf_counter()
    for _ in range(2):
        reseed(0, "fingerprint", "first")
        seen.append(digest(next(iter(dataset)) if isinstance(dataset, IterableDataset) else dataset[0]))
        if time.perf_counter() - started > _TAKES_LONG:
            return True  # which is not known
    return seen[0] == seen[1]


def _content(dataset: Any, with_items: bool) -> list[Any]:
    lengths = [len(dataset)]
    while isinstance(dataset, Subset):
        dataset = dataset.dataset
        lengths.append(len(dataset))
    if not with_items:
        return [type(dataset).__name__, lengths]
    items = []
    for number in sorted({round(part * (len(dataset) - 1) / (_ITEMS - 1)) for part in range(_ITEMS)}):
        reseed(0, "fingerprint", number)
        items.append(digest(dataset[number]))
    return [type(dataset).__name__, lengths, items]
