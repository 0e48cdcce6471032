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


def check_jobs(examples: Sequence[DictConfig], metrics: Sequence[str]) -> None:
    """Raise `UserError` if one of `metrics` is nothing that a job logs, or if all `examples` have the same mistake.

    The examples are as Hydra composes them for a job. A mistake that only some of them have is those jobs' own.
    """
    mistakes = []
    for example in examples:
        try:
            known = _logged(example, metrics)
        except UserError as error:
            mistakes.append(str(error))
            continue
        for metric in metrics:
            if metric not in known:
                hint = did_you_mean(metric, known)
                raise UserError(f"sweep.metric: '{metric}' is not logged{hint} (there are: {', '.join(sorted(known))})")
        return
    if len(set(mistakes)) == 1:
        raise UserError(mistakes[0])


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
