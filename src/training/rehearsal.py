"""Looks at the first job of a sweep before it is run: a metric that nobody logs would spoil every job."""

from collections.abc import Sequence

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, open_dict

from src.evaluation.metrics import build_metrics
from src.training.build import build_data, build_module
from src.training.preflight import preflight
from src.utils.config import checked
from src.utils.errors import UserError, did_you_mean


def check_first_job(config: DictConfig, metrics: Sequence[str]) -> None:
    """Raise `UserError` if one of `metrics` is nothing that a job of `config` logs.

    `config` is as Hydra composes it for a job. A mistake of another kind is the job's own, and is told with it.
    """
    before = HydraConfig.instance().cfg
    HydraConfig.instance().set_config(config)  # what its values refer to
    try:
        with open_dict(config):
            plain = checked(DictConfig({key: config[key] for key in config if key != "hydra"}), "train")
        datamodule = build_data(plain["data"], plain["seed"])
        splits = [split for split in ("train", "val", "test") if datamodule.row_count(split)]
        known = {f"{split}/loss" for split in splits}
        known |= {str(name) for split in splits for name in build_metrics(datamodule.spec, split)}
        if set(metrics) <= known:
            return
        logged = preflight(build_module(plain, datamodule), datamodule, [], plain["trainer"])  # of the user's own
    except UserError:
        return
    finally:
        HydraConfig.instance().cfg = before
    known |= {*logged, *(name.replace("val/", "test/", 1) for name in logged if "test" in splits)}
    for metric in metrics:
        if metric not in known:
            hint = did_you_mean(metric, known)
            raise UserError(f"sweep.metric: '{metric}' is not logged{hint} (there are: {', '.join(sorted(known))})")
