"""What this process is to the run: its first or a further one, alone or a job of a sweep."""

from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from trainhouse.machine.ranks import ranks
from trainhouse.runs.job_of_ranks import is_rank_of_job
from trainhouse.runs.layout import CONFIG


def has_log(config: DictConfig) -> bool:
    """Whether the job of `config` keeps a log: it has a folder of its own, and this process is its first."""
    hydra_config = HydraConfig.get()
    has_folder = hydra_config.output_subdir is not None or bool(config.get("resume")) or is_rank_of_job()
    return not is_worker_rank() and has_folder


def is_sweep_job() -> bool:
    """Whether this process runs a job of a sweep, which leaves the terminal to the sweep."""
    return HydraConfig.initialized() and HydraConfig.get().mode == RunMode.MULTIRUN


def is_requeued_job(folder: Path) -> bool:
    """Whether a cluster starts this job of a sweep again: the sweep itself says `resume` to one that it resumes.

    Of several processes, those that are started later may find what the first one has written just now; they hear it.
    """
    return is_sweep_job() and not is_rank_of_job() and not is_worker_rank() and (folder / CONFIG).exists()


def is_worker_rank() -> bool:
    """A further process of a distributed run shares the folder that rank 0 claimed."""
    return ranks().rank > 0
