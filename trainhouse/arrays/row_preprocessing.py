"""What the network's first layer is made of: from rows as stored to numbers that are easy to learn from.

Fitted on the training split alone, in one streaming pass. As a module with buffers it runs on the
device, is saved with the weights, and turns raw rows into predictions without any other file.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from trainhouse.arrays import date_parts
from trainhouse.arrays.finite_rows import check_finite
from trainhouse.arrays.moments import Moments, by_channel, chunks, is_far, refuse_too_alike
from trainhouse.arrays.precision import KeepsFloat64, has_float64
from trainhouse.arrays.prepared import prepared
from trainhouse.arrays.spec import DataSpec, Rows
from trainhouse.configuration.errors import UserError

_WIDE = (torch.float64, torch.int64, torch.int32)  # which hold more than float32


class RowPreprocessing(KeepsFloat64):
    """Standardises numbers, fills in missing ones, and spreads category codes and dates out.

    Each column of a table, each feature of a sequence and each channel of an image has a mean and deviation of its
    own, whatever the dtype: `DataSpec.channel_axis` says along which axis of a row they lie. A category becomes
    one-hot, or a learned vector of `embedding_dim` numbers; an unknown one, zeros. A date becomes those of its parts
    that vary in training: see `date_parts`. Images stored channels last (H, W, C) come out channels first.

    Moments are float64, and so is the arithmetic where it has to be: for rows in float64, and for columns far from 0.
    All other rows are standardised in float32.
    """

    mean: Tensor
    std: Tensor
    plain: Tensor
    coded: Tensor
    dated: Tensor
    shift: Tensor
    scale: Tensor

    def __init__(self, spec: DataSpec, embedding_dim: int = 0) -> None:
        super().__init__()
        self.input_shape, self.columns = spec.input_shape, spec.columns
        self.missing, self.dtype = spec.missing, spec.dtype
        categories = spec.categories or {}
        coded = [index for index, name in enumerate(spec.columns) if name in categories]
        self.sizes = [len(categories[spec.columns[index]]) for index in coded]
        self.axis = spec.axis
        self.channels_last = len(spec.input_shape) > 2 and self.axis == len(spec.input_shape) - 1
        self.register_buffer("coded", torch.tensor(coded, dtype=torch.long), persistent=False)
        dated = [index for index, name in enumerate(spec.columns) if name in (spec.dates or {})]
        varying = spec.date_parts or {}
        self.parts = [tuple(varying.get(spec.columns[index], date_parts.PARTS)) for index in dated]
        self.register_buffer("dated", torch.tensor(dated, dtype=torch.long), persistent=False)
        # Of rows without either none is listed: a trial on no device is free for any number of columns.
        plain: range | list[int] = range(spec.input_shape[0])
        places = torch.arange(spec.input_shape[0])
        if others := {*coded, *dated}:
            plain = [index for index in plain if index not in others]
            places = torch.tensor(plain, dtype=torch.long)
        self.register_buffer("plain", places, persistent=False)
        # The column that each number is from which is standardised: plain ones, then the amounts that dates have.
        self.sources: range | list[int] = plain
        for index, parts in zip(dated, self.parts, strict=True):
            self.sources = [*self.sources, *(index for part in parts if part in date_parts.NUMBERS)]
        self.embedding_dim = embedding_dim
        # Place 0 stands for an unknown category: zeros.
        tables = (nn.Embedding(size + 1, embedding_dim, padding_idx=0) for size in self.sizes if embedding_dim)
        self.embeddings = nn.ModuleList(tables)
        is_table = len(spec.input_shape) == 1
        channels = 1 if self.axis is None else len(self.sources) if is_table else self.input_shape[self.axis]
        self.register_buffer("mean", torch.zeros(channels, dtype=torch.float64))
        self.register_buffer("std", torch.ones(channels, dtype=torch.float64))
        # The same in float32, in a shape that fits rows as they come out: what ordinary rows are standardised with.
        shape = [1] * len(spec.input_shape)
        if self.axis is not None:
            shape[0 if self.channels_last else self.axis] = channels
        self.register_buffer("shift", torch.zeros(shape), persistent=False)
        self.register_buffer("scale", torch.ones(shape), persistent=False)
        self.is_far = False
        self.register_load_state_dict_pre_hook(_refuse_deviations)  # type: ignore[no-untyped-call]  # as torch has it
        self.register_load_state_dict_post_hook(_after_loading)  # type: ignore[no-untyped-call]  # as torch has it

    @property
    def output_shape(self) -> tuple[int, ...]:
        """The shape of one row after preprocessing: what a network takes."""
        if self.sizes or self.parts:
            width = len(self.sizes) * self.embedding_dim if self.embedding_dim else sum(self.sizes)
            return (len(self.sources) + sum(map(date_parts.width_of, self.parts)) + width,)
        if self.channels_last:
            return (self.input_shape[-1], *self.input_shape[:-1])
        return self.input_shape

    @property
    def how_it_reads(self) -> str:
        """What rows are taken for, in a line, where their shape could mean something else; or nothing."""
        shape, axis = self.input_shape, self.axis
        each = "with a mean and a deviation of its own"
        if axis is None:
            return f"rows of shape {shape} have one mean and one deviation for all their numbers"
        if len(shape) == 1:
            is_bytes = self.dtype == "uint8"
            return f"rows of {shape[0]} bytes are {shape[0]} columns, each {each}; images need a shape" * is_bytes
        if len(shape) == 2:
            steps, features = shape[1 - axis], shape[axis]
            return f"rows of shape {shape} are {steps} steps of {features} features, each {each}"
        is_image = len(shape) == 3 and shape[axis] in (1, 3, 4)
        return "" if is_image else f"rows of shape {shape} have {shape[axis]} channels, each {each}"

    def forward(self, x: Tensor) -> Tensor:
        """Map stored rows (B, *input_shape) to float rows (B, *output_shape)."""
        if self.parts:
            return torch.cat([self._standardise(self._numbers(x)), *self._places(x), *self._spread(x)], dim=1)
        if self.sizes:
            return torch.cat([self._standardise(x[:, self.plain]), *self._spread(x)], dim=1)
        if self.channels_last:
            x = x.movedim(-1, 1)
        return self._standardise(x)

    def _standardise(self, x: Tensor) -> Tensor:
        """In float64 where float32 would round away what tells numbers apart, else in float32."""
        if (self.is_far or x.dtype in _WIDE) and has_float64(x.device):
            mean, std = self.mean.view(self.shift.shape), self.std.view(self.shift.shape)
            x = (x.to(torch.float64) - mean).div_(std).to(self.scale.dtype)
        else:
            x = (x.to(self.shift.dtype) - self.shift).div_(self.scale)  # the difference is new
        return x.nan_to_num(nan=0.0) if self.missing == "mean" else x

    def _dates(self, x: Tensor) -> list[tuple[Tensor, tuple[str, ...]]]:
        return list(zip(x[:, self.dated].unbind(dim=1), self.parts, strict=True))

    def _numbers(self, x: Tensor) -> Tensor:
        """Return the columns of numbers, then the amounts that dates have."""
        found = [one for seconds, parts in self._dates(x) for one in date_parts.amounts(seconds, parts)]
        return torch.cat([x[:, self.plain], *(one[:, None] for one in found)], dim=1)

    def _places(self, x: Tensor) -> list[Tensor]:
        """Return what else a date is, column by column: zeros where it is missing."""
        dates = [(seconds, parts) for seconds, parts in self._dates(x) if date_parts.width_of(parts)]
        return [date_parts.places(seconds, parts).to(self.scale.dtype) for seconds, parts in dates]

    def _spread(self, x: Tensor) -> list[Tensor]:
        """Turn codes, which are no amounts, into one-hot or learned vectors; zeros for what is unknown."""
        if not self.sizes:
            return []
        codes = x[:, self.coded].nan_to_num(nan=-1).long()
        columns = list(zip(codes.unbind(dim=1), self.sizes, strict=True))
        places = [torch.where((code < 0) | (code >= size), 0, code + 1) for code, size in columns]
        if len(self.embeddings):
            return [embedding(place) for embedding, place in zip(self.embeddings, places, strict=True)]
        hot = [nn.functional.one_hot(place, size + 1) for place, (_, size) in zip(places, columns, strict=True)]
        return [code[:, 1:].to(self.scale.dtype) for code in hot]

    def fit(self, rows: Rows, train: np.ndarray | None, source: str) -> None:
        """Take mean and deviation from the rows numbered `train` (None: all), reading each chunk of rows once.

        Every row is checked on the way. Raises `UserError` for a number that is infinite, or missing
        where the spec does not allow it, and for a column that is missing in every training row.
        """
        ours = RowPreprocessing
        if (type(self)._by_channel, type(self)._numbers) != (ours._by_channel, ours._numbers):
            found = self._measured(rows, train, source)  # what a class of one's own makes of rows is not known
        else:
            how = [self.input_shape, self.columns, self.missing, self.dtype, self.axis, self.sizes, self.parts]
            how += [self.plain.tolist(), self.coded.tolist(), self.dated.tolist(), list(self.sources)]
            found = prepared("moments", [rows.x, train], how, source, lambda: self._measured(rows, train, source))
        self.mean.copy_(torch.tensor(found["mean"]))
        self.std.copy_(torch.tensor(found["std"]))
        self.prepare()

    def _measured(self, rows: Rows, train: np.ndarray | None, source: str) -> dict[str, np.ndarray]:
        """Return what is learned, when every row has been checked."""
        is_train = np.ones(len(rows.x), dtype=bool)
        if train is not None:
            is_train[:] = False
            is_train[train] = True
        moments = Moments(len(self.mean))
        for start, chunk in chunks(rows.x):
            check_finite(chunk, start, source, self.missing, self.columns)
            moments.add(self._by_channel(chunk[is_train[start : start + len(chunk)]]))
        self._refuse_empty(moments.count, source)
        refuse_too_alike(moments, source, [self.columns[index] for index in self.sources] if self.columns else ())
        return {"mean": moments.mean, "std": moments.std}

    def prepare(self) -> None:
        """Make what rows are standardised with from `mean` and `std`; to be called when these were changed."""
        for of_rows, wide in ((self.shift, self.mean), (self.scale, self.std)):
            of_rows.copy_(wide.float().view(of_rows.shape))  # in a module of float64 too
        self.is_far = bool(is_far(self.mean, self.std).any())

    def _refuse_empty(self, count: np.ndarray, source: str) -> None:
        """A column without a number in training has no mean: what comes in it later could not be standardised."""
        if len(empty := np.flatnonzero(count == 0)):
            if len(self.input_shape) > 1 or self.axis is None:
                kind = "channel" if len(self.input_shape) > 2 else "feature"
                raise UserError(f"{source}: {kind} {empty[0]} holds no number in any training row")
            index = self.sources[empty[0]]
            name, hint = (self.columns[index], f" (data.drop=[{self.columns[index]}])") if self.columns else (index, "")
            raise UserError(f"{source}: column {name} holds no number in any training row; leave it out{hint}")

    def _by_channel(self, chunk: np.ndarray) -> np.ndarray:
        """Return float64 (values, channels) of raw rows, as an array of its own."""
        if self.parts:
            chunk = self._numbers(torch.from_numpy(np.array(chunk))).numpy()
        elif self.sizes:
            chunk = chunk[:, self.plain.numpy()]
        return by_channel(chunk, self.axis).astype(np.float64)


def _refuse_deviations(
    module: nn.Module,
    weights: Mapping[str, Any],
    prefix: str,
    metadata: object,
    strict: bool,
    missing: list[str],
    unexpected: list[str],
    errors: list[str],
) -> None:
    """Add to the errors of loading what no data has: numbers divided by that would be infinite, or change sides."""
    std = weights.get(f"{prefix}std")
    if isinstance(std, Tensor) and not (std > 0).all():
        errors.append(f"{prefix}std holds a deviation that is not above 0.")


def _after_loading(module: RowPreprocessing, keys: object) -> None:
    module.prepare()
