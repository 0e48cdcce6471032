"""Looks at a sweep before its first job is run, for what would spoil every one of them."""

import os
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from trainhouse.arrays.datamodule import DataModule
from trainhouse.configuration.config import checked
from trainhouse.configuration.errors import UserError, did_you_mean
from trainhouse.configuration.settings import Train
from trainhouse.machine.writes import FOREIGN_CONFIG, only_below
from trainhouse.reports.likeness import are_own, is_loss, loss_of, refuse_unlike
from trainhouse.reports.names import SPLITS, split_of
from trainhouse.training.build_module import is_lightning_module
from trainhouse.training.build_run import build_run
from trainhouse.training.checks import check_validated
from trainhouse.training.figures_of_test import check_figures
from trainhouse.training.final_test import directions_of_test, has_test
from trainhouse.training.monitoring import check_logged, check_mode_is_said
from trainhouse.training.preflight import preflight


def common_mistake(
    examples: Sequence[DictConfig],
    metrics: Mapping[str, str],
    others: Sequence[DictConfig] = (),
    asked: bool = False,
    are_all: bool = False,
) -> str | None:
    """Return in a line the mistake that would spoil the whole sweep; None if there is none.

    The `examples` are configurations as Hydra composes them for a job, and are built one after another. If none of
    them can be built, their mistake is returned if it is the same in each, or if they `are_all` jobs of the sweep;
    else each is its job's own. A fault of the code is none of these: the logs of the jobs show it with its traceback.

    The first that can be built says what a job logs. The `metrics` that the sweep compares by, each with what it takes
    for better (``min`` or ``max``), have to be among that, with the same direction. One that is a loss has to be the
    same function in all examples and in the `others`, which are not built. Losses that LightningModules of the user's
    own compute can't be compared: they are refused unless the user has `asked` for that metric.
    """
    mistakes = []
    losses = [_loss(one) for one in (*examples, *others)] if any(map(is_loss, metrics)) else []
    for example in examples:
        try:
            with only_below(os.environ.get(FOREIGN_CONFIG), Path(example.hydra.sweep.dir)):
                known, directions = _logged(example, metrics)
        except UserError as error:
            mistakes.append(str(error))
            continue
        except Exception:
            return None
        for metric, mode in metrics.items():
            if metric not in known:
                hint = did_you_mean(metric, known)
                return f"sweep.metric: '{metric}' is not logged{hint} (there are: {', '.join(sorted(known))})"
            if mode != (right := directions.get(metric, mode)):
                return f"sweep.mode: {mode} would take the worst {metric} for the best; set sweep.mode={right}"
            if not (asked and are_own(losses)):
                try:
                    refuse_unlike(
                        "sweep.metric", metric, losses, {name: directions[name] for name in sorted(directions)}
                    )
                except UserError as error:
                    return str(error)
        return None
    return mistakes[0] if are_all or len(set(mistakes)) == 1 else None


def _loss(config: DictConfig) -> dict[str, Any] | None:
    """What a job's losses measure; None if its configuration can't be read, which is its own mistake."""
    try:
        content = OmegaConf.to_container(OmegaConf.masked_copy(config, ["model", "module", "loss"]), resolve=True)
        settings = Train(content)
        return loss_of(settings, is_lightning_module(settings.model))
    except (UserError, OmegaConfBaseException, LookupError, TypeError, AttributeError):
        return None


def _logged(config: DictConfig, metrics: Collection[str]) -> tuple[set[str], dict[str, str]]:
    """Return what a job logs, and which end of it is better, as far as that is known.

    A batch of it is only run if `metrics` are not among what the module promises to log.
    """
    before = HydraConfig.instance().cfg
    HydraConfig.instance().set_config(config)  # what its values refer to
    try:
        with open_dict(config):
            settings = checked(DictConfig({key: config[key] for key in config if key != "hydra"}), "train")
        built = build_run(settings, resume_from=None)
        settings, module, datamodule, directions = built.settings, built.module, built.datamodule, built.directions
        check_figures(settings, module, datamodule)
        known: set[str] = set()
        if isinstance(datamodule, DataModule) and not built.has_own_module:
            splits = [split for split in SPLITS if datamodule.row_count(split)]
            known = {name for name in directions if split_of(name) in splits}
        if not known or not set(metrics) <= known:
            logged = preflight(module, datamodule, [], settings.trainer, settings.seed)
            directions = logged.directions | directions
            check_logged(settings, logged, directions)
            check_validated(settings, datamodule, logged.of_validation)
            if built.has_own_module:
                check_mode_is_said(settings, directions)
            if has_test(module, datamodule):  # by a step that serves validation too
                known |= {name for name in metrics if name.removeprefix("test/") in logged.names}
                directions |= directions_of_test(directions, metrics, logged.names)
            known |= {*logged.names, *(name for name in directions if split_of(name) == "test")}
            known |= {re.sub(r"^[a-z]+", "test", name) for name in logged.names if split_of(name) == "val"}
            if not logged.is_complete:  # what else is logged is not known
                known |= set(metrics)
        return known, directions
    finally:
        HydraConfig.instance().cfg = before
