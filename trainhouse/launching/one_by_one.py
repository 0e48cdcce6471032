"""What `-m` means for a command that doesn't train: the same command once for every combination of values."""

from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.plugins import Plugins
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

from trainhouse.configuration.printable import printable
from trainhouse.launching.below_swept import unhidden


class OneByOne(Sweeper):
    """Keeps no record, and makes no folder: the files that are named on the command line are all that there is."""

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Take the launcher that the configuration names."""
        self.loader = hydra_context.config_loader
        self.runner = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments: list[str]) -> None:
        """Run the command for what `arguments` describe, and say before each which values it has."""
        from trainhouse.sweeps.space import grid

        jobs: list[Any] = grid(OverridesParser.create(config_loader=self.loader).parse_overrides(unhidden(arguments)))
        for number, job in enumerate(jobs):
            own = [one for one in job if any(one not in other for other in jobs)]
            print(printable(f"{number + 1}/{len(jobs)}  {' '.join(own)}".rstrip()), flush=True)
            self.runner.launch([job], initial_job_idx=number)
