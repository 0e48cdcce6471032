"""Checks a composed configuration before anything heavy is imported: every value set, and in its range.

Knows the keys that all runs share. What a network or a data source takes is checked where it is built.
"""

import copy
import math
import re
from collections.abc import Callable
from typing import Any

from omegaconf import DictConfig, OmegaConf, flag_override
from omegaconf.errors import InterpolationResolutionError, MissingMandatoryValue

from trainhouse.configuration.errors import UserError
from trainhouse.configuration.older_versions import is_array_data, with_what_it_lacks
from trainhouse.configuration.schema import check_keys

# What stands for a value of the model that the data is to fill in, once the configuration is plain.
OPEN = "<open>"

Rule = tuple[Callable[[Any], bool], str]


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _whole(low: int, high: int | None = None) -> Rule:
    span = f"from {low} up" if high is None else f"from {low} to {high}"
    return lambda value: _is_int(value) and value >= low and (high is None or value <= high), f"a whole number {span}"


def _number(low: float, text: str, high: float = math.inf, above: bool = False, below: bool = False) -> Rule:
    def holds(value: Any) -> bool:
        return (
            _is_number(value)
            and (value > low if above else value >= low)
            and (value < high if below else value <= high)
        )

    return holds, text


def _one_of(*options: Any) -> Rule:
    return lambda value: value in options, f"one of {', '.join('null' if o is None else str(o) for o in options)}"


def _is_split(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 3
        and all(_is_number(part) and part >= 0 for part in value)
        and value[0] > 0
        and abs(sum(value) - 1) < 1e-6
    )


def _optional(rule: Rule) -> Rule:
    return lambda value: value is None or rule[0](value), f"{rule[1]}, or null"


def _is_share(value: Any) -> bool:
    return (_is_int(value) and value >= 0) or (isinstance(value, float) and 0 <= value <= 1)


def _is_time(value: Any) -> bool:
    if isinstance(value, dict):
        return all(_is_number(part) and part >= 0 for part in value.values()) and any(value.values())
    return re.fullmatch(r"\d+(:\d\d){3}", str(value)) is not None and any(int(part) for part in str(value).split(":"))


_SHARE: Rule = (_is_share, "a whole number of batches from 0 up, or a fraction of them up to 1.0")
_FLAG: Rule = (lambda value: isinstance(value, bool), "true or false")
_AUTO: Rule = (lambda value: isinstance(value, bool) or value == "auto", "true, false or auto")
_TEXT: Rule = (lambda value: isinstance(value, str) and value != "", "a string")
_BELOW_ONE = _number(0, "a number from 0 to below 1", high=1, below=True)

RULES: dict[str, Rule] = {
    "name": (
        lambda value: isinstance(value, str) and value not in ("", ".", "..") and not set(value) & set("/\\=:,"),
        "a folder name without / \\ = , or :",
    ),
    "seed": _whole(0, 2**32 - 1),
    "monitor": _optional(_TEXT),
    "mode": _optional(_one_of("min", "max")),
    "loss.name": _TEXT,
    "loss.label_smoothing": _BELOW_ONE,
    "data.batch_size": _whole(1),
    "data.num_workers": _whole(0),
    "data.worker_timeout": _number(0, "seconds from 0 up"),
    "data.split": (_is_split, "three fractions [train, val, test] that sum to 1, the first above 0"),
    "data.split_seed": _whole(0, 2**32 - 1),
    "data.fold": _optional(_whole(0)),
    "data.folds": _whole(2),
    "data.shuffle": _one_of("rows", "blocks"),
    "data.block_rows": _whole(1),
    "data.window_blocks": _whole(1),
    "data.in_memory": _AUTO,
    "data.device_resident": _AUTO,
    "data.embedding_dim": _whole(0),
    "data.missing": _one_of("error", "mean"),
    "data.augmentation.shift": _number(0, "pixels from 0 up"),
    "data.augmentation.rotate": _number(0, "degrees from 0 to 180", high=180),
    "data.augmentation.scale": _BELOW_ONE,
    "data.augmentation.noise": _number(0, "a number from 0 up"),
    "optimizer.lr": _number(0, "a number above 0", above=True),
    "optimizer.weight_decay": _number(0, "a number from 0 up"),
    "trainer.max_epochs": (
        lambda value: value is None or (_is_int(value) and (value == -1 or value > 0)),
        "a whole number above 0, or -1 for no end",
    ),
    "trainer.max_time": _optional((_is_time, 'days:hours:minutes:seconds in quotes, as "00:12:00:00"')),
    "trainer.min_epochs": _optional(_whole(1)),
    "trainer.min_steps": _optional(_whole(1)),
    "trainer.num_nodes": _whole(1),
    "trainer.limit_train_batches": _SHARE,
    "trainer.limit_val_batches": _SHARE,
    "trainer.limit_test_batches": _SHARE,
    "trainer.overfit_batches": _SHARE,
    "trainer.val_check_interval": (
        lambda value: _is_share(value) and value > 0,
        "a whole number of batches above 0, or a fraction of an epoch up to 1.0",
    ),
    "trainer.check_val_every_n_epoch": _optional(_whole(1)),
    "trainer.num_sanity_val_steps": _whole(-1),
    "trainer.profiler": (
        lambda value: value in (None, "simple", "advanced", "pytorch") or isinstance(value, dict),
        "one of simple, advanced, pytorch, or null",
    ),
    "trainer.max_steps": _whole(-1),
    "trainer.accumulate_grad_batches": _whole(1),
    "trainer.gradient_clip_val": _optional(_number(0, "a number from 0 up")),
    "trainer.log_every_n_steps": _whole(1),
    "callbacks.epoch_checkpoint.every_n_epochs": _whole(1),
    "callbacks.last_checkpoint.every_n_train_steps": _optional(_whole(1)),
    "callbacks.last_checkpoint.every_n_minutes": _optional(_number(0, "a number above 0", above=True)),
    "callbacks.early_stopping.patience": _whole(0),
    "callbacks.early_stopping.min_delta": _number(0, "a number from 0 up"),
    "callbacks.best_checkpoint.save_top_k": (lambda value: _is_int(value) and value != 0, "a whole number, not 0"),
    "scheduler.patience": _whole(0),
    "scheduler.min_lr": _number(0, "a number from 0 up"),
    "logger.tensorboard.default_hp_metric": _FLAG,
    "callbacks.progress_bar.refresh_rate": _whole(1),
    "resume": _optional(_TEXT),
    "init_from": _optional(_TEXT),
    "init_prefix": _optional(_TEXT),
    "compile": _FLAG,
    "preflight": _FLAG,
    "threads": _optional(_whole(1)),
    "split": _one_of("auto", "train", "val", "test", "all"),
    "ckpt_path": _TEXT,
    "runs": _TEXT,
    "metric": _optional(_TEXT),
    "trained_on": _optional(_TEXT),
    "final_model": _TEXT,
    "input": _optional(_TEXT),
    "output": _TEXT,
    "batch_size": _whole(1),
    "accelerator": _one_of("auto", "cpu", "gpu"),
    "dry_run": _FLAG,
    "force": _FLAG,
    "predictions": _FLAG,
}


def checked(config: DictConfig, command: str | None = None) -> dict[str, Any]:
    """Return the configuration as plain, resolved containers.

    Raises `UserError` that names the key of a value that is missing, can't be resolved, or is out of range; and
    of one that ``conf/<command>.yaml`` doesn't know, if a `command` is given.
    """
    try:
        plain = OmegaConf.to_container(_with_open_sizes(config), resolve=True, throw_on_missing=True)
    except MissingMandatoryValue as error:
        key = error.full_key
        raise UserError(f"{key}: required; add {key}=... to the command") from error
    except InterpolationResolutionError as error:
        raise UserError(f"{error.full_key}: {str(error).splitlines()[0]}") from error
    assert isinstance(plain, dict)
    if command == "train":
        plain = with_what_it_lacks({str(key): value for key, value in plain.items()})
    if command:
        check_keys({str(key): value for key, value in plain.items()}, command)
    data = plain.get("data")
    is_own_data = isinstance(data, dict) and "_target_" in data and not is_array_data(data)
    for key, (holds, expected) in RULES.items():
        if key.startswith("data.") and is_own_data:
            continue  # a user's DataModule has keys of its own
        node: Any = plain
        for part in key.split("."):
            if not isinstance(node, dict) or part not in node:
                break
            node = node[part]
        else:
            if not holds(node):
                raise UserError(f"{key}: expected {expected}, got {node!r}")
    return {str(key): value for key, value in plain.items()}


def _with_open_sizes(config: DictConfig) -> DictConfig:
    """Let the model leave values open (``???``): the data may know them."""
    if not isinstance(config.get("model"), DictConfig):
        return config
    config = copy.deepcopy(config)
    with flag_override(config, ["struct", "readonly"], False):
        _open(config.model)
    return config


def _open(node: DictConfig) -> None:
    for key in list(node):
        if OmegaConf.is_missing(node, key):
            node[key] = OPEN
        elif not OmegaConf.is_interpolation(node, key) and isinstance(node[key], DictConfig):
            _open(node[key])
