"""Tells Hydra where else it finds configuration: in the library's folder, behind the user's ``conf/``.

And what ``${run_name:}`` in ``conf/train.yaml`` stands for.
"""

from hydra.core.config_search_path import ConfigSearchPath
from hydra.plugins.search_path_plugin import SearchPathPlugin

from trainhouse.configuration import run_name  # noqa: F401  # which Hydra's configurations refer to
from trainhouse.configuration.schema import LIBRARY_CONF, asked_for


class LibraryConf(SearchPathPlugin):
    """A file of the same name in the user's ``conf/`` wins: it is found first."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        """Append the library's folder, and where Hydra itself is not asked those that the command line names."""
        search_path.append(provider="trainhouse", path=f"file://{LIBRARY_CONF}")
        for folder in asked_for():
            search_path.append(provider="command-line", path=f"file://{folder}")
