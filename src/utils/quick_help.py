"""Lets Hydra answer `--help` sooner.

To list the options of a config group Hydra copies its whole store of configurations, in case an override changes where
they are searched for, and `--help` lists the groups of the project and of Hydra itself one by one: ninety copies, two
thirds of its time. Where there is no override, the store as it is gives the same list.
"""

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.object_type import ObjectType

_options_of_a_copy = ConfigLoaderImpl.get_group_options


def list_options_without_copies() -> None:
    """Have Hydra ask its own store."""
    ConfigLoaderImpl.get_group_options = _group_options  # type: ignore[method-assign]


def _group_options(
    self: ConfigLoaderImpl,
    group_name: str,
    results_filter: ObjectType | None = ObjectType.CONFIG,
    config_name: str | None = None,
    overrides: list[str] | None = None,
) -> list[str]:
    if config_name is None and not overrides:
        return self.repository.get_group_options(group_name, results_filter)
    return _options_of_a_copy(self, group_name, results_filter, config_name, overrides)
