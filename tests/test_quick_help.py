"""`--help` says what Hydra says by itself, sooner."""

from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.object_type import ObjectType

from src.utils.quick_help import _group_options, _options_of_a_copy
from src.utils.schema import CONF


def test_the_options_of_each_group_are_those_that_hydra_lists() -> None:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        loader = GlobalHydra.instance().config_loader()
        groups = loader.list_groups("")
        assert "model" in groups
        for group in groups:
            for kind in (ObjectType.CONFIG, ObjectType.GROUP):
                assert _group_options(loader, group, kind) == _options_of_a_copy(loader, group, kind)  # type: ignore[arg-type]
