"""A LightningModule that is handed the group of the optimizer gets what the optimizer's class takes."""

import pytest
from omegaconf import OmegaConf

from trainhouse.configuration.errors import UserError
from trainhouse.configuration.handed_over import without_groups_if_handed_over


def test_it_gets_no_groups_which_others_keep() -> None:
    optimizer = {"_target_": "torch.optim.Adam", "lr": 0.1, "groups": None}
    config = OmegaConf.create({"optimizer": optimizer, "model": {"parts": [{"optimizer": "${optimizer}"}]}})
    OmegaConf.set_struct(config, True)
    handed = without_groups_if_handed_over(config)
    assert handed.model.parts[0].optimizer == {"_target_": "torch.optim.Adam", "lr": 0.1}
    assert "groups" in config.optimizer
    config.model = {"lr": "${optimizer.lr}"}
    assert without_groups_if_handed_over(config) is config


def test_groups_that_nobody_would_read_are_refused() -> None:
    config = OmegaConf.create({"optimizer": {"groups": {"a.*": {"lr": 1}}}, "model": {"optimizer": "${optimizer}"}})
    with pytest.raises(UserError, match=r"^optimizer\.groups: model\.optimizer gets the optimizer"):
        without_groups_if_handed_over(config)
