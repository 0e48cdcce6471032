"""Composes the jobs of a sweep: the files once for each choice of config groups, not once for each job.

Most of the time that Hydra takes for a job goes into reading and merging the files of `conf/`, which are the same for
all jobs that choose the same of them. Only what is then typed for single keys differs.
"""

import copy
from collections.abc import Sequence

from hydra._internal.config_loader_impl import ConfigLoaderImpl, get_overrides_dirname
from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf


def compose_once(loader: ConfigLoader) -> None:
    """Have `loader` compose each choice of config groups once; files that change later are not read again."""
    if isinstance(loader, ConfigLoaderImpl):
        loader.load_sweep_config = _JobComposer(loader)  # type: ignore[method-assign]


class _JobComposer:
    """Does what `ConfigLoader.load_sweep_config` does."""

    def __init__(self, loader: ConfigLoaderImpl) -> None:
        self._compose, self._repository = loader.load_sweep_config, loader.repository
        self._composed: dict[tuple[str, ...], DictConfig] = {}

    def __call__(self, master_config: DictConfig, sweep_overrides: Sequence[str]) -> DictConfig:
        overrides = OverridesParser.create().parse_overrides(list(sweep_overrides))
        choices = tuple(str(one.input_line) for one in overrides if self._chooses_files(one))
        if choices not in self._composed:
            self._composed[choices] = self._compose(master_config, list(choices))
        config = copy.deepcopy(self._composed[choices])
        ConfigLoaderImpl._apply_overrides_to_config([one for one in overrides if not self._chooses_files(one)], config)
        _note(overrides, master_config, config)
        OmegaConf.copy_cache(from_config=master_config, to_config=config)
        return config

    def _chooses_files(self, override: Override) -> bool:
        if override.package is not None or override.key_or_group == "hydra.searchpath":
            return True
        return self._repository.group_exists(override.key_or_group) and not isinstance(override.value(), dict)


def _note(overrides: Sequence[Override], master: DictConfig, config: DictConfig) -> None:
    """Keep the overrides where Hydra keeps them, in the order in which they were given."""
    hydra_config = config.hydra
    of_tasks = [one for one in overrides if not one.is_hydra_override()]
    of_hydra = [one.input_line for one in overrides if one.is_hydra_override()]
    hydra_config.overrides.task = [one.input_line for one in of_tasks]
    typed = OmegaConf.to_container(master.hydra.overrides.hydra, resolve=False)  # as text, interpolations too
    assert isinstance(typed, list)
    hydra_config.overrides.hydra = [*typed, *of_hydra]
    naming = hydra_config.job.config.override_dirname
    hydra_config.job.override_dirname = get_overrides_dirname(
        of_tasks, kv_sep=naming.kv_sep, item_sep=naming.item_sep, exclude_keys=naming.exclude_keys
    )
