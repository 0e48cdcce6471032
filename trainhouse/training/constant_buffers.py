"""Says which buffers of a module several ranks need not exchange."""

from collections.abc import Iterator

import lightning as L
from torch import nn

from trainhouse.arrays.row_preprocessing import RowPreprocessing
from trainhouse.configuration.speed import fast


class ConstantBuffers(L.Callback):
    """Has each rank keep what it has computed of the data, which is the same on all: DDP sends buffers at each step."""

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        """Name them, before the module is wrapped."""
        if way := fast("constant_buffers"):
            way.exchange_no(constant_buffers(pl_module), pl_module)


def constant_buffers(module: nn.Module) -> Iterator[str]:
    """Yield the names of the buffers that training never changes: the preprocessing's, and those of no elements."""
    preprocessing = [name for name, part in module.named_modules() if isinstance(part, RowPreprocessing)]
    for name, buffer in module.named_buffers():
        if buffer.numel() == 0 or any(name.startswith(f"{part}.") for part in preprocessing):
            yield name
