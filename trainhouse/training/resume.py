"""Resumes a run that was stopped: in its folder, with its configuration, from its newest whole checkpoint."""

import logging
from collections.abc import Collection
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from omegaconf import OmegaConf

from trainhouse.checkpoints.checkpoint import load_checkpoint, read
from trainhouse.configuration.auto_length import AUTO
from trainhouse.configuration.bounded import interpolations, read_config, read_mapping
from trainhouse.configuration.config import checked
from trainhouse.configuration.errors import UserError
from trainhouse.configuration.kept_on_resume import MISSING_IN_OLDER, may_have_changed
from trainhouse.configuration.older_versions import BEFORE, with_loss_as_part, with_reader_complete
from trainhouse.configuration.schema import CONF
from trainhouse.configuration.settings import Train
from trainhouse.configuration.targets import check_config, locate
from trainhouse.machine.files import check_writable, remove_partial_files
from trainhouse.machine.writes import is_foreign, only_below
from trainhouse.runs.layout import CHECKPOINTS, CONFIG, METRICS
from trainhouse.runs.links import refuse_links_out
from trainhouse.runs.saved_config import config_header, signed_parts, started_with
from trainhouse.runs.this_job import is_worker_rank
from trainhouse.runs.typed import shown_path
from trainhouse.training.build_data import SERVING_KEYS, is_datamodule
from trainhouse.training.edited import is_still_own, refuse_edited, unedited_data
from trainhouse.training.may_change import with_overrides
from trainhouse.training.newest_checkpoint import newest_checkpoint
from trainhouse.training.rebuild_module import rebuild_untrained
from trainhouse.training.same_step import with_given_ranks, with_same_step
from trainhouse.training.schedule_span import spans_the_run
from trainhouse.training.train import train
from trainhouse.training.training_result import TrainingResult

_log = logging.getLogger(__name__)

GROUPS_THAT_MAY_BE_NONE = ("scheduler", "callbacks", "logger")
_MORE_PATIENCE = "it was stopped early; callbacks.early_stopping.patience=... or callbacks.early_stopping=null resumes"


def resume(folder: Path, settings: Train, overrides: list[str]) -> TrainingResult:
    """Resume the run in `folder`; a run that has come to its end is left as it is, and its result returned.

    `settings` are what the command line `overrides` compose to today; all but what `may_change` comes from the run.
    Raises `UserError` for an override that the run can't follow, and for a folder that nothing can be read from.
    """
    given = OverridesParser.create().parse_overrides(overrides)
    added = {override.key_or_group for override in given if override.is_add() or override.is_force_add()}
    saved, foreign = _saved_settings(folder, settings, added, typed=[override.key_or_group for override in given])
    if foreign:
        refuse_links_out(folder, is_foreign=True)
    with only_below(foreign, folder):
        return _resume(folder, saved, settings, given)


def _resume(folder: Path, saved: Train, settings: Train, given: list[Override]) -> TrainingResult:
    typed = [override.key_or_group for override in given]
    new = with_given_ranks(with_overrides(saved, settings, given, folder), typed)
    if new.trainer.max_epochs == AUTO != saved.trainer.max_epochs:
        raise UserError(f"trainer.max_epochs: the run has {saved.trainer.max_epochs}; give another number of epochs")
    patience, before = ((one.callbacks.early_stopping.plain or {}).get("patience") for one in (new, saved))
    if patience == AUTO != before:
        raise UserError(f"callbacks.early_stopping.patience: the run has {_patience(saved):g}; give another number")
    if (result := _finished(folder, saved, new)) is not None:
        return result
    check_writable(folder / CHECKPOINTS)
    if not is_worker_rank():  # the first process may be writing by now
        for place in (folder, *(path for path in folder.iterdir() if path.is_dir())):
            remove_partial_files(place)
    checkpoint = newest_checkpoint(folder / CHECKPOINTS)
    if checkpoint:
        refuse_edited(saved, folder / CONFIG, checkpoint, may_have_changed)
    at_first = [line.partition("=")[0] for line in started_with(folder)]
    new, said = with_same_step(new, saved, checkpoint, [*typed, *at_first])
    if checkpoint is None:
        lines = [f"resume  {shown_path(folder)} has no checkpoint yet: it starts from the beginning"]
    else:
        epochs, limit = read(checkpoint, lazily=True)["callbacks"]["ExactResume"]["epoch"], new.trainer.epochs
        if limit is not None and 0 <= limit < epochs:
            raise UserError(f"trainer.max_epochs: {limit}, but the run has trained {epochs} epochs already")
        if is_foreign():
            rebuild_untrained(load_checkpoint(checkpoint))  # refuses a network that the file can't fill
        lines = [f"resume  from {shown_path(checkpoint)}", *_new_length(saved, new)]
    return train(new, folder, resume_from=checkpoint, said_first=[*lines, *([f"        {said}"] if said else [])])


def _saved_settings(
    folder: Path, settings: Train, added: set[str], typed: Collection[str]
) -> tuple[Train, Path | None]:
    """Read a run's configuration as data; check it as one from the command line is, its keys, and what it names.

    Returns its file too, if this user account has not written it. It has to have the keys of `settings`, but for those
    `added` on the command line; some may be taken from there.
    """
    path = folder / CONFIG
    header = OmegaConf.to_container(OmegaConf.create(config_header(folder)), resolve=False)
    try:
        plain = read_config(path, may_resolve=[text for _, text in interpolations(header)])
        for key in ("defaults", "hydra"):  # for Hydra, when the run is started once more
            plain.pop(key, None)
    except (ValueError, OSError) as error:
        raise UserError(f"{path}: {' '.join(str(error).split())}") from error
    has_own_data, is_own = signed_parts(path, plain)
    checkpoint = None if is_own else newest_checkpoint(folder / CHECKPOINTS)
    if checkpoint:  # it may have been edited
        typed = [*typed, *unedited_data(plain, checkpoint)]
        is_own = is_still_own(plain, checkpoint, may_have_changed)
    check_config(plain, str(path), typed, has_own_data)  # before anything is resolved
    try:
        saved = checked(OmegaConf.create(with_loss_as_part(plain)))
    except UserError as error:
        raise UserError(f"{path}: {error}") from error
    return _completed(saved, settings, added, path), None if is_own else path


def _completed(saved: Train, settings: Train, added: set[str], path: Path) -> Train:
    """Return the settings of a run with keys that decide nothing; raise `UserError` if one lacks that all runs have."""
    values: dict[str, Any] = {}
    for group in ("data", "model", "optimizer", "trainer", "loss"):
        if not isinstance(saved.plain.get(group), dict):
            raise UserError(f"{path}: {group} is missing, or not a mapping")
    for group in GROUPS_THAT_MAY_BE_NONE:
        values[group] = saved.plain.get(group)
        if not isinstance(values[group], dict | None):
            raise UserError(f"{path}: {group} is not a mapping")
    saved = saved.with_values({**values, "data": with_reader_complete(saved.data.plain)})
    values = {}
    serving = {} if is_datamodule(saved.data) else _serving_keys(settings)
    for prefix, shared, known in (
        ("", settings.plain, saved.plain),
        ("trainer.", settings.trainer.plain, saved.trainer.plain),
        ("data.", serving, saved.data.plain),
    ):
        for key in shared.keys() - known.keys():
            if prefix + key in MISSING_IN_OLDER:
                values[prefix + key] = shared[key]
            elif prefix + key in BEFORE:
                values[prefix + key] = BEFORE[prefix + key]
            elif prefix + key not in added:
                raise UserError(f"{path}: {prefix}{key} is missing")
    return saved.with_values(values)


def _serving_keys(settings: Train) -> dict[str, Any]:
    """What array data of today has; the command line of a resume composes some array data in most cases."""
    known = OmegaConf.to_container(OmegaConf.load(CONF / "data" / "array_defaults.yaml"))
    assert isinstance(known, dict)
    return {key: settings.data.plain.get(key, known.get(key)) for key in SERVING_KEYS}


def _finished(folder: Path, saved: Train, new: Train) -> TrainingResult | None:
    """Return the result of a run that has come to its end and is not asked to go beyond; else None."""
    path = folder / METRICS
    try:
        content = read_mapping(path)
    except UserError:  # damaged: it is written again
        return None
    if content is None or content.get("status") != "completed":  # killed before it was written
        return None
    try:
        result, stopped_by = TrainingResult.of_run(folder, content), content["stopped_by"]
    except (KeyError, TypeError) as error:
        raise UserError(f"{path}: is incomplete ({error}); delete it to resume") from error
    epochs, limit = result.epochs, new.trainer.epochs
    extends, way = False, "it was ended by trainer.max_steps, which can't be changed"
    if stopped_by == "early stopping":
        extends, way = _patience(new) > _patience(saved), _MORE_PATIENCE
    elif stopped_by == "max_epochs":
        extends, way = limit in (None, -1) or limit > epochs, f"trainer.max_epochs={2 * epochs} extends it"
    elif stopped_by == "max_time":
        extends, way = new.trainer.max_time != saved.trainer.max_time, "more trainer.max_time extends it"
    if extends:
        return None
    _log.info("%s has already finished after %d epochs; nothing is changed (%s)\n", shown_path(folder), epochs, way)
    return result


def _new_length(saved: Train, new: Train) -> list[str]:
    """Say that a schedule over the whole run is another, if the run has another length."""
    before, now = saved.trainer.max_epochs, new.trainer.max_epochs
    scheduler = new.scheduler
    if before != now and scheduler and spans_the_run(locate(scheduler.target, "scheduler")):
        return [f"        the {scheduler.name} schedule is laid out again, over {now} epochs in place of {before}"]
    return []


def _patience(settings: Train) -> float:
    early_stopping = settings.callbacks.early_stopping
    patience = early_stopping.patience if early_stopping else None
    return patience if isinstance(patience, int) else float("inf")
