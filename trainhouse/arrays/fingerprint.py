"""A short name for the content of a data set, so that runs on different data are never mixed up.

All of the content counts. An array above 64 MiB is hashed in blocks, by as many threads as there are cores (a gigabyte
in half a second on two), and once only: see `hash_cache`.
"""

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

import numpy as np

from trainhouse.arrays import hash_cache
from trainhouse.arrays.array_file import stream_array
from trainhouse.arrays.spec import Dataset
from trainhouse.machine.cores import available_cores

_LARGE = 64 * 2**20  # bytes from which on an array is hashed in blocks
_BLOCK = 8 * 2**20
_SAMPLES = 1024
_FORM, _CONTENT = 8, 16  # hexadecimal digits of a name that has both parts


def fingerprint(dataset: Dataset) -> str:
    """Return hexadecimal digits that differ when the rows or labels differ.

    Of a data set with a large array the first eight are of shapes and types alone.
    """
    if not _is_large(dataset):
        return sampled(dataset)
    digest = hashlib.sha256()
    for array in _arrays(dataset):
        digest.update(f"{array.shape}{array.dtype}".encode())
        digest.update(content_of(array, dataset.name))
    return _form(dataset) + digest.hexdigest()[:_CONTENT]


def content_of(array: np.ndarray, source: str) -> bytes:
    """Return the SHA-256 of an array's content, without its shape and type; `source` names it for messages.

    That of a large file is looked up first, since to read it again takes seconds.
    """
    if array.nbytes <= _LARGE:
        return hashlib.sha256(np.ascontiguousarray(array).data).digest()
    return bytes.fromhex(hash_cache.hash_of(array, lambda: _hash_in_blocks(array, source)))


def sampled(dataset: Dataset) -> str:
    """Return the name that older versions gave: of a large array only 1,024 evenly spaced rows count."""
    digest = hashlib.sha256()
    for array in _arrays(dataset):
        digest.update(f"{array.shape}{array.dtype}".encode())
        if array.nbytes > _LARGE:
            array = array[np.linspace(0, len(array) - 1, _SAMPLES).astype(np.int64)]
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:_CONTENT]


def has_other_form(dataset: Dataset, name: str) -> bool:
    """Whether shapes and types tell that `name` is another data set's, so that nothing has to be read."""
    return _is_large(dataset) and len(name) > _CONTENT and not name.startswith(_form(dataset))


def is_named(dataset: Dataset, name: str) -> bool:
    """Whether `name` is the data set's own: of this version, or of one that took samples."""
    if has_other_form(dataset, name):
        return False
    return name == (fingerprint(dataset) if len(name) > _CONTENT else sampled(dataset))


def _arrays(dataset: Dataset) -> Iterator[np.ndarray]:
    for rows in (dataset.rows, dataset.val, dataset.test):
        if rows is not None:
            yield from rows
    for beside in (dataset.beside, dataset.val_beside, dataset.test_beside):
        yield from beside.arrays()


def _is_large(dataset: Dataset) -> bool:
    return any(array.nbytes > _LARGE for array in _arrays(dataset))


def _form(dataset: Dataset) -> str:
    forms = "".join(f"{array.shape}{array.dtype}" for array in _arrays(dataset))
    return hashlib.sha256(forms.encode()).hexdigest()[:_FORM]


def _hash_in_blocks(array: np.ndarray, source: str) -> str:
    def hash_block(block: np.ndarray) -> bytes:
        return hashlib.sha256(np.ascontiguousarray(block).data).digest()  # lets other threads run meanwhile

    whole, threads = hashlib.sha256(), available_cores()
    blocks = stream_array(array, max(1, _BLOCK * len(array) // array.nbytes), source)
    with ThreadPoolExecutor(threads) as pool:
        while group := list(islice(blocks, 2 * threads)):  # a few at a time, so that memory holds no more
            for digest in pool.map(hash_block, group):
                whole.update(digest)
    return whole.hexdigest()
