"""Which jobs a sweep has not come to, when it ends before its time."""

from pathlib import Path

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.conf import HydraConf
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.types import RunMode
from omegaconf import OmegaConf


def jobs_after(hydra_config: HydraConf, last: int) -> list[str]:
    """Return the overrides of the jobs of a sweep behind its job number `last`, as ``3: seed=4 model=cnn``.

    Knows what Hydra's own sweeper will run; of a sweeper that searches, nobody does.
    """
    if hydra_config.mode != RunMode.MULTIRUN or not hydra_config.sweeper["_target_"].endswith(".BasicSweeper"):
        return []
    sweep = OmegaConf.load(Path(hydra_config.sweep.dir) / "multirun.yaml").hydra
    arguments = [f"{key}={value}" for key, value in (sweep.sweeper.params or {}).items()] + list(sweep.overrides.task)
    overrides = OverridesParser.create().parse_overrides(arguments)
    jobs = BasicSweeper.split_arguments(overrides, max_batch_size=None)[0]
    return [f"{number}: {' '.join(job)}" for number, job in enumerate(jobs) if number > last]
