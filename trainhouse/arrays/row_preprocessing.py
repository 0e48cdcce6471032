"""What the network's first layer is made of: from rows as stored to numbers that are easy to learn from.

Fitted on the training split alone, in one streaming pass. As a module with buffers it runs on the
device, is saved with the weights, and turns raw rows into predictions without any other file.
"""

from collections.abc import Iterator
from math import prod

import numpy as np
import torch
from torch import Tensor, nn

from trainhouse.arrays.spec import DataSpec, Rows
from trainhouse.configuration.errors import UserError

_CHUNK_BYTES = 2**20  # 16 MiB took twice as long: as float64, and thrice over, they leave the processor's cache


class RowPreprocessing(nn.Module):
    """Standardises numbers, fills in missing ones, and spreads category codes out.

    Rows of float numbers are standardised column by column; images, and uint8 values of any shape,
    channel by channel (a pixel that is almost always 0 has no deviation worth dividing by). A
    category becomes one-hot, or a learned vector of `embedding_dim` numbers; an unknown one, zeros.
    Images stored channels last (H, W, 1 | 3 | 4) come out channels first.
    """

    mean: Tensor
    std: Tensor
    plain: Tensor
    coded: Tensor

    def __init__(self, spec: DataSpec, embedding_dim: int = 0) -> None:
        super().__init__()
        self.input_shape, self.columns = spec.input_shape, spec.columns
        self.missing = spec.missing
        categories = spec.categories or {}
        coded = [index for index, name in enumerate(spec.columns) if name in categories]
        self.sizes = [len(categories[spec.columns[index]]) for index in coded]
        self.channels_last = _channels_last(spec.input_shape)
        self.per_channel = spec.dtype == "uint8" or len(spec.input_shape) > 1
        self.register_buffer("coded", torch.tensor(coded, dtype=torch.long), persistent=False)
        plain = [index for index in range(spec.input_shape[0]) if index not in set(coded)]
        self.register_buffer("plain", torch.tensor(plain, dtype=torch.long), persistent=False)
        self.embedding_dim = embedding_dim
        # Place 0 stands for an unknown category: zeros.
        tables = (nn.Embedding(size + 1, embedding_dim, padding_idx=0) for size in self.sizes if embedding_dim)
        self.embeddings = nn.ModuleList(tables)
        channels = _channel_count(spec.input_shape) if self.per_channel else len(plain)
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("std", torch.ones(channels))

    @property
    def output_shape(self) -> tuple[int, ...]:
        """The shape of one row after preprocessing: what a network takes."""
        if self.sizes:
            width = len(self.sizes) * self.embedding_dim if self.embedding_dim else sum(self.sizes)
            return (len(self.plain) + width,)
        if self.channels_last:
            return (self.input_shape[-1], *self.input_shape[:-1])
        return self.input_shape

    def forward(self, x: Tensor) -> Tensor:
        """Map stored rows (B, *input_shape) to float rows (B, *output_shape)."""
        if self.sizes:
            return torch.cat([self._standardise(x[:, self.plain]), *self._spread(x[:, self.coded])], dim=1)
        if self.channels_last:
            x = x.movedim(-1, 1)
        return self._standardise(x)

    def _standardise(self, x: Tensor) -> Tensor:
        shape = (-1,) + (1,) * (x.ndim - 2) if self.per_channel and len(self.mean) > 1 else (-1,)
        x = (x.to(self.mean.dtype) - self.mean.view(shape)).div_(self.std.view(shape))  # the difference is new
        return x.nan_to_num(nan=0.0) if self.missing == "mean" else x

    def _spread(self, codes: Tensor) -> list[Tensor]:
        codes = codes.nan_to_num(nan=-1).long()
        columns = list(zip(codes.unbind(dim=1), self.sizes, strict=True))
        places = [torch.where((code < 0) | (code >= size), 0, code + 1) for code, size in columns]
        if len(self.embeddings):
            return [embedding(place) for embedding, place in zip(self.embeddings, places, strict=True)]
        hot = [nn.functional.one_hot(place, size + 1) for place, (_, size) in zip(places, columns, strict=True)]
        return [code[:, 1:].to(self.mean.dtype) for code in hot]

    def fit(self, rows: Rows, train: np.ndarray | None, source: str) -> None:
        """Take mean and deviation from the rows numbered `train` (None: all), reading each chunk of rows once.

        Every row is checked on the way. Raises `UserError` for a number that is infinite, or missing
        where the spec does not allow it, and for a column that is missing in every training row.
        """
        is_train = np.ones(len(rows.x), dtype=bool)
        if train is not None:
            is_train[:] = False
            is_train[train] = True
        count, mean, squares = np.zeros(1), np.zeros(1), np.zeros(1)
        for start, chunk in _chunks(rows.x):
            check_finite(chunk, start, source, self.missing, self.columns)
            values = self._by_channel(chunk[is_train[start : start + len(chunk)]])
            # Merging the moments of chunks: Chan, Golub & LeVeque, 1979.
            known = (~np.isnan(values)).sum(axis=0).astype(np.float64)
            chunk_mean = np.nansum(values, axis=0) / np.maximum(known, 1)
            total = count + known
            delta = chunk_mean - mean
            squares = squares + np.nansum((values - chunk_mean) ** 2, axis=0)
            squares = squares + delta**2 * count * known / np.maximum(total, 1)
            mean = mean + delta * known / np.maximum(total, 1)
            count = total
        self._refuse_empty(np.broadcast_to(count, self.mean.shape), source)
        std = np.sqrt(squares / np.maximum(count, 1))
        std = np.where(std > 1e-6 * np.maximum(1e-6, np.abs(mean)), std, 1.0)  # a constant column stays at zero
        self.mean.copy_(torch.from_numpy(np.broadcast_to(mean, self.mean.shape).astype(np.float32)))
        self.std.copy_(torch.from_numpy(np.broadcast_to(std, self.std.shape).astype(np.float32)))

    def _refuse_empty(self, count: np.ndarray, source: str) -> None:
        if len(empty := np.flatnonzero(count == 0)):
            if self.per_channel:
                raise UserError(f"{source}: channel {empty[0]} holds no number in any training row")
            index = int(self.plain[empty[0]])
            name, hint = (self.columns[index], f" (data.drop=[{self.columns[index]}])") if self.columns else (index, "")
            raise UserError(f"{source}: column {name} holds no number in any training row; leave it out{hint}")

    def _by_channel(self, chunk: np.ndarray) -> np.ndarray:
        """Return float64 (values, channels) of raw rows."""
        if not self.per_channel:
            return chunk[:, self.plain.numpy()].astype(np.float64)
        if self.channels_last:
            chunk = np.moveaxis(chunk, -1, 1)
        channels = len(self.mean)
        pixels = prod(chunk.shape[1:]) // channels  # -1 can't be worked out for a chunk without training rows
        return chunk.reshape(len(chunk), channels, pixels).transpose(0, 2, 1).reshape(-1, channels).astype(np.float64)


def check_rows(rows: Rows, source: str, missing: str, columns: tuple[str, ...]) -> None:
    """Raise `UserError` for the first number in any row that is not finite, reading a chunk at a time."""
    for start, chunk in _chunks(rows.x):
        check_finite(chunk, start, source, missing, columns)


def _chunks(x: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    step = max(1, _CHUNK_BYTES // max(1, x[:1].nbytes))
    return ((start, x[start : start + step]) for start in range(0, len(x), step))


def check_finite(
    chunk: np.ndarray, start: int, source: str, missing: str = "error", columns: tuple[str, ...] = ()
) -> None:
    """Raise `UserError` for the first number in raw rows that is not finite; `start` is the first row's number.

    A number too large for float32, as which it is used, counts as infinite.
    """
    if chunk.dtype.kind != "f":
        return
    with np.errstate(over="ignore"):
        stored = chunk.astype(np.float32, copy=False)
    wrong = np.isinf(stored) if missing == "mean" else ~np.isfinite(stored)
    if wrong.any():
        row, *column = np.argwhere(wrong)[0]
        where = columns[column[0]] if columns and len(column) == 1 else ", ".join(map(str, column))
        value = chunk[row, *column]
        hint = "; mend it, or leave the row out"
        if np.isnan(value):
            hint = "; only a model trained with data.missing=mean takes missing numbers"
        elif np.isfinite(value):
            hint = ", too large for float32; scale the column down"
        raise UserError(f"{source}: row {start + row}, column {where} is {value}{hint}")


def _channels_last(shape: tuple[int, ...]) -> bool:
    return len(shape) == 3 and shape[-1] in (1, 3, 4) and shape[0] not in (1, 3, 4)


def _channel_count(shape: tuple[int, ...]) -> int:
    if len(shape) < 3:
        return 1
    return shape[-1] if _channels_last(shape) else shape[0]
