"""What a run trains, and on what: read, built, and known to fit together."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning as L

from trainhouse.arrays.datamodule import DataModule
from trainhouse.checkpoints.checkpoint import seen_in, spec_in
from trainhouse.checkpoints.fine_tuning import initialise, read_initial
from trainhouse.machine.terminal import doing
from trainhouse.resuming.seeding import reseed
from trainhouse.training.build_data import build_data
from trainhouse.training.build_module import build_module, is_lightning_module
from trainhouse.training.check_parts import check_parts
from trainhouse.training.checks import check_loaders, check_own_run, check_run
from trainhouse.training.data_card import DataCard, card_of, with_earlier
from trainhouse.training.monitoring import with_own_monitor
from trainhouse.training.same_data import check_same_rows
from trainhouse.training.unread import refuse_unread


@dataclass
class BuiltRun:
    """What a run trains, and on what; it is known to fit together."""

    config: dict[str, Any]
    datamodule: L.LightningDataModule
    card: DataCard
    module: L.LightningModule
    directions: dict[str, str]
    """The better end, ``min`` or ``max``, of the metrics that say it."""

    @property
    def has_own_module(self) -> bool:
        """Whether the module is a LightningModule of the user's own."""
        return is_lightning_module(self.config["model"])


def build_run(config: dict[str, Any], resume_from: Path | None) -> BuiltRun:
    """Read the data, build the module, and refuse what doesn't go together."""
    seed = config["seed"]
    initial = read_initial(config) if config["init_from"] and not resume_from else None
    has_own_module = is_lightning_module(config["model"])
    refuse_unread(config, has_own_module)
    if has_own_module and not resume_from:
        check_loaders(config)
    check_parts(config)
    reseed(seed, "init")
    then = spec_in(resume_from) if resume_from else None
    with doing("reading the data"):
        datamodule = build_data(config["data"], seed, preprocessed=has_own_module, like=then)
        if resume_from and isinstance(datamodule, DataModule):
            check_same_rows(resume_from, datamodule)
        card = card_of(datamodule, seed)
    earlier = seen_in(resume_from) if config["init_from"] and resume_from else initial.seen if initial else None
    card = with_earlier(card, datamodule, earlier)
    if not isinstance(datamodule, DataModule):
        reseed(seed, "init")
        datamodule = build_data(config["data"], seed)  # the one that was asked has been set up, and may have drawn
    reseed(seed, "init")
    module = build_module(config, datamodule, card)
    if not resume_from:
        config = with_own_monitor(config, module)
    directions = dict(getattr(module, "directions", None) or {})
    if isinstance(datamodule, DataModule):
        check_run(config, datamodule, directions if not has_own_module else None)
    else:
        check_own_run(config, datamodule, module)
    if initial:
        initialise(module, initial, config)
    return BuiltRun({**config}, datamodule, card, module, directions)
