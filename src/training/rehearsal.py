"""Looks at a sweep before its first job is run, for what would spoil every one of them."""

from collections.abc import Sequence

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, open_dict

from src.evaluation.metrics import build_metrics
from src.training.build import build_data, build_module
from src.training.checks import check_run
from src.training.preflight import preflight
from src.utils.config import checked
from src.utils.errors import UserError, did_you_mean


def common_mistake(examples: Sequence[DictConfig], metrics: Sequence[str]) -> str | None:
    """Return in a line what all `examples` do wrong, or which of `metrics` is nothing that a job logs.

    The examples are as Hydra composes them for a job. A mistake that only some of them have is those jobs' own, and so
    is a fault of the code, which their logs will show with its traceback.
    """
    mistakes = []
    for example in examples:
        try:
            known = _logged(example, metrics)
        except UserError as error:
            mistakes.append(str(error))
            continue
        except Exception:
            return None
        for metric in metrics:
            if metric not in known:
                hint = did_you_mean(metric, known)
                return f"sweep.metric: '{metric}' is not logged{hint} (there are: {', '.join(sorted(known))})"
        return None
    return mistakes[0] if len(set(mistakes)) == 1 else None


def _logged(config: DictConfig, metrics: Sequence[str]) -> set[str]:
    """Return what a job logs; a batch of it is only run if `metrics` are not among what all jobs log."""
    before = HydraConfig.instance().cfg
    HydraConfig.instance().set_config(config)  # what its values refer to
    try:
        with open_dict(config):
            plain = checked(DictConfig({key: config[key] for key in config if key != "hydra"}), "train")
        datamodule = build_data(plain["data"], plain["seed"])
        check_run(plain, datamodule)
        module = build_module(plain, datamodule)
        splits = [split for split in ("train", "val", "test") if datamodule.row_count(split)]
        known = {f"{split}/loss" for split in splits}
        known |= {str(name) for split in splits for name in build_metrics(datamodule.spec, split)}
        if not set(metrics) <= known:
            logged = preflight(module, datamodule, [], plain["trainer"])
            known |= {*logged, *(name.replace("val/", "test/", 1) for name in logged if "test" in splits)}
        return known
    finally:
        HydraConfig.instance().cfg = before
