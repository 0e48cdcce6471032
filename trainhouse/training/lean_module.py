"""The base of a LightningModule whose steps are small: Lightning's own, less what each attribute costs it."""

from typing import TYPE_CHECKING

import lightning as L

from trainhouse.configuration.speed import fast

if TYPE_CHECKING:

    class LeanModule(L.LightningModule):
        """A LightningModule."""

else:
    LeanModule = getattr(fast("lean_loop"), "LeanModule", L.LightningModule)
