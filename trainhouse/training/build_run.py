"""What a run trains, and on what: read, built, and known to fit together."""

from dataclasses import dataclass
from pathlib import Path

import lightning as L

from trainhouse.arrays.datamodule import DataModule
from trainhouse.checkpoints.checkpoint import seen_in, spec_in
from trainhouse.checkpoints.fine_tuning import initialise, read_initial
from trainhouse.configuration.create import located
from trainhouse.configuration.settings import Train
from trainhouse.machine.terminal import doing
from trainhouse.resuming.seeding import reseed
from trainhouse.training.build_data import build_data
from trainhouse.training.build_module import build_module, is_lightning_module
from trainhouse.training.check_parts import check_parts
from trainhouse.training.checks import check_loaders, check_own_run, check_run
from trainhouse.training.compiling import check_networks
from trainhouse.training.data_card import DataCard, card_of, with_earlier
from trainhouse.training.default_length import with_length
from trainhouse.training.monitoring import directions_of, with_own_monitor
from trainhouse.training.row_weights import check_row_weights
from trainhouse.training.same_data import check_same_rows
from trainhouse.training.schedule_span import spans_the_run
from trainhouse.training.unread import refuse_unread


@dataclass
class BuiltRun:
    """What a run trains, and on what; it is known to fit together."""

    settings: Train
    datamodule: L.LightningDataModule
    card: DataCard
    module: L.LightningModule
    directions: dict[str, str]
    """The better end, ``min`` or ``max``, of the metrics that say it."""

    @property
    def has_own_module(self) -> bool:
        """Whether the module is a LightningModule of the user's own."""
        return is_lightning_module(self.settings.model)

    @property
    def ends_by_schedule(self) -> bool:
        """Whether the learning rate falls to its end over the length of the run: a longer one would be another."""
        scheduler = self.settings.scheduler
        return bool(scheduler) and not self.has_own_module and spans_the_run(located(scheduler, "scheduler"))


def build_run(settings: Train, resume_from: Path | None) -> BuiltRun:
    """Read the data, build the module, and refuse what doesn't go together."""
    seed = settings.seed
    initial = read_initial(settings) if settings.init_from and not resume_from else None
    has_own_module = is_lightning_module(settings.model)
    refuse_unread(settings, has_own_module)
    if has_own_module and not resume_from:
        check_loaders(settings)
    check_parts(settings)
    reseed(seed, "init")
    then = spec_in(resume_from) if resume_from else None
    with doing("reading the data"):
        datamodule = build_data(settings.data, seed, preprocessed=has_own_module, like=then)
        if resume_from and isinstance(datamodule, DataModule):
            check_same_rows(resume_from, datamodule)
        card = card_of(datamodule, seed)
    earlier = seen_in(resume_from) if settings.init_from and resume_from else initial.seen if initial else None
    card = with_earlier(card, datamodule, earlier)
    if not isinstance(datamodule, DataModule):
        reseed(seed, "init")
        datamodule = build_data(settings.data, seed)  # the one that was asked has been set up, and may have drawn
    reseed(seed, "init")
    module, settings = build_module(settings, datamodule, card)
    if settings.compile and has_own_module:
        check_networks(module)
    check_row_weights(module, datamodule)
    if not resume_from:
        settings = with_own_monitor(settings, module)
    settings = with_length(settings, datamodule, has_own_module)
    directions = directions_of(module, settings)
    if isinstance(datamodule, DataModule):
        check_run(settings, datamodule, directions if not has_own_module else None)
    else:
        check_own_run(settings, datamodule, module)
    if initial:
        initialise(module, initial)
    return BuiltRun(settings, datamodule, card, module, directions)
