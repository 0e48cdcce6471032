"""The value that "best" means: what the module says of itself, what it logs, and which end of it is better."""

import copy
import logging
from pathlib import Path
from typing import Any

import lightning as L
from hydra.core.hydra_config import HydraConfig
from omegaconf import OmegaConf

from trainhouse.configuration.check_arguments import parameters_of
from trainhouse.configuration.create import located
from trainhouse.configuration.errors import UserError
from trainhouse.configuration.read_by import set_in_files
from trainhouse.configuration.schema import CONF, config_file
from trainhouse.configuration.settings import Train
from trainhouse.configuration.views import Part
from trainhouse.sweeps.settings import DEFAULT_MONITOR
from trainhouse.training.logged_in_trial import Logged, hint_of

_log = logging.getLogger(__name__)


def with_own_monitor(settings: Train, module: L.LightningModule) -> Train:
    """Return the settings with the module's own `monitor` in place of the default, unless the user named one.

    Its direction is that of the module's `directions`.
    """
    own = getattr(module, "monitor", None)
    if (
        settings.monitor != DEFAULT_MONITOR
        or not isinstance(own, str)
        or own == DEFAULT_MONITOR
        or _was_typed("monitor")
    ):
        return settings
    mode = (getattr(module, "directions", None) or {}).get(own, settings.mode)
    return with_monitor(settings, own, mode if not _was_typed("mode") else settings.mode)


def with_monitor(settings: Train, monitor: str, mode: str | None) -> Train:
    """Return the settings with another monitor wherever the present one stands for it."""
    before, new = (settings.monitor, settings.mode), copy.deepcopy(settings.plain)
    new["monitor"], new["mode"] = monitor, mode
    for node in (new.get("callbacks") or {}).values():
        if isinstance(node, dict) and node.get("monitor") == before[0]:
            node["monitor"] = monitor
            if node.get("mode") == before[1]:
                node["mode"] = mode
    if isinstance(scheduler := new.get("scheduler"), dict) and scheduler.get("mode") == before[1]:
        scheduler["mode"] = mode
    if isinstance(sweep := new.get("sweep"), dict) and sweep.get("metric") == before[0]:
        sweep["metric"], sweep["mode"] = monitor, mode
    return Train(new)


def _was_typed(key: str) -> bool:
    """Whether the command line says it; of a run that is resumed or run again its own configuration does."""
    if not HydraConfig.initialized():
        return False
    hydra_config = HydraConfig.get()
    overrides = [override.lstrip("+") for override in hydra_config.overrides.task]
    main = [source.path for source in hydra_config.runtime.config_sources if source.provider == "main"]
    is_elsewhere = any(Path(path).resolve() != CONF.resolve() for path in main)
    return is_elsewhere or any(override.startswith((f"{key}=", "resume=")) for override in overrides)


def check_mode_is_said(settings: Train, directions: dict[str, str]) -> None:
    """Raise `UserError` where nothing says which end of the monitored value is better: the default would be a guess."""
    monitor = settings.monitor
    if monitor is None or monitor in directions or "loss" in monitor.lower() or _is_mode_set(monitor, settings.mode):
        return
    raise UserError(
        f"mode: is a small or a large {monitor} better? Add mode=min or mode=max (or let the module say it: "
        f"directions = {{'{monitor}': 'max'}})"
    )


def directions_of(module: Any, settings: Train) -> dict[str, str]:
    """Return the better end of what a module logs, as it says; of a monitored metric that does not, as `mode` does.

    Raises `UserError` where nobody does: the default would be a guess.
    """
    directions, monitor = dict(getattr(module, "directions", None) or {}), settings.monitor
    if monitor is None or monitor in directions or (metric := _metric_of(monitor, module)) is None:
        return directions
    if not _is_mode_set(monitor, settings.mode):
        raise UserError(
            f"mode: is a small or a large {monitor} better? Add mode=min or mode=max (or let the metric say it: "
            f"higher_is_better = True in its class, or, of one of torchmetrics, metrics.{metric}.mode=max)"
        )
    return directions | {monitor: settings.mode} if settings.mode else directions


def _metric_of(monitor: str, module: Any) -> str | None:
    """Return the name of the metric around a plain network that gives a value; None if none does."""
    split = monitor.partition("/")[0]
    metrics = getattr(module, "metrics", None)
    measured = metrics[f"{split}_split"] if metrics is not None and f"{split}_split" in metrics else {}
    for name, metric in measured.items():
        values = [f"{split}/{one}" for one in getattr(metric, "names", None) or ()]
        if monitor in (values or [name]):
            return str(name).partition("/")[2]
    return None


def _is_mode_set(monitor: str, mode: str | None) -> bool:
    """Whether somebody has: on the command line, in an experiment, or in ``conf/train.yaml`` beside its `monitor`."""
    if not HydraConfig.initialized() or _was_typed("mode"):
        return True  # who calls from Python gives a whole configuration
    choices = dict(HydraConfig.get().runtime.choices)
    if any(override.startswith("mode=") for _, override in set_in_files(choices)):
        return True
    default = OmegaConf.to_container(OmegaConf.load(config_file("train")), resolve=False)
    assert isinstance(default, dict)
    return monitor == default.get("monitor") or mode != default.get("mode")


def check_logged(settings: Train, logged: Logged, directions: dict[str, str]) -> None:
    """Raise `UserError` if what is monitored is not logged, or if the worst of it would be taken for the best."""
    monitor, mode = settings.monitor, settings.mode
    if monitor is None:
        _check_callbacks(settings, logged, directions)
        return
    if logged.is_complete and monitor not in logged.names:
        none = "; monitor=null trains without a best model" if not logged.names else ""
        raise UserError(f"monitor: '{monitor}' is not logged{hint_of(monitor, logged.names)}{none}")
    if monitor in logged.twice:
        raise UserError(
            f"monitor: '{monitor}' is logged by training and by validation, so that one hides the other; give them two "
            "names, as train_loss and val_loss"
        )
    if logged.twice:
        _log.warning(
            "warning: %s is logged by training and by validation: one hides the other", ", ".join(sorted(logged.twice))
        )
    check_direction("mode", mode, monitor, directions)
    _check_callbacks(settings, logged, directions | ({monitor: mode} if mode else {}))


def _check_callbacks(settings: Train, logged: Logged, directions: dict[str, str]) -> None:
    for name, part in settings.callbacks.items():
        key = f"callbacks.{name}"
        wanted = _monitor_of(part, key)
        if logged.is_complete and isinstance(wanted, str) and wanted not in logged.names:
            raise UserError(f"{key}.monitor: '{wanted}' is not logged{hint_of(wanted, logged.names)}")
        check_callback(key, part, directions, is_complete=logged.is_complete)


def _monitor_of(part: Part, key: str) -> Any:
    """Return what a callback monitors: what is written, or its class's default."""
    if not part.is_mapping or "monitor" in part or "_target_" not in part:
        return part.get("monitor") if part.is_mapping else None
    return getattr(parameters_of(located(part, key)).get("monitor"), "default", None)


def check_callback(key: str, part: Part, directions: dict[str, str], is_complete: bool = False) -> None:
    """Raise `UserError` for a callback whose mode, which may be its class's default, is the worse end of its monitor.

    Where `directions` are complete, also for a default where nothing says which end is better.
    """
    if not part.is_mapping or "_target_" not in part or not isinstance(monitor := _monitor_of(part, key), str):
        return
    if "mode" in part:
        if mode := part.get("mode"):
            check_direction(f"{key}.mode", mode, monitor, directions)
        return
    default = getattr(parameters_of(located(part, key)).get("mode"), "default", None)
    if default not in ("min", "max"):
        return
    check_direction(f"+{key}.mode", default, monitor, directions)
    if is_complete and monitor not in directions and "loss" not in monitor.lower():
        raise UserError(f"+{key}.mode: is a small or a large {monitor} better? Set it to min or max")


def check_direction(key: str, mode: str | None, monitor: str, directions: dict[str, str]) -> None:
    """Raise `UserError` if `mode` is the worse end of the monitored value, as far as `directions` know it."""
    right = directions.get(monitor)
    if mode is None:
        hint = f"; set {key}={right}" if right else "; is a small or a large one better? Set it to min or max"
        raise UserError(f"{key}: null leaves open which {monitor} is the best{hint}")
    if mode in ("min", "max") and right is not None and mode != right:
        raise UserError(f"{key}: {mode} would take the worst {monitor} for the best; set {key}={right}")
