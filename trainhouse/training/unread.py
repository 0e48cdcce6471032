"""Refuses what is set and read by nobody: a key of a group that the user's own classes take no part in."""

import re

from hydra.core.hydra_config import HydraConfig

from trainhouse.configuration.errors import UserError
from trainhouse.configuration.places import overrides_of
from trainhouse.configuration.read_by import OF_THE_WRAPPER, refers_to, set_in_files
from trainhouse.configuration.settings import Train


def refuse_unread(settings: Train, has_own_module: bool) -> None:
    """Raise `UserError` for an override of a group that a LightningModule of the user's own does not read.

    It may be typed, or stand in the file of an experiment. A reference such as ``optimizer: ${optimizer}`` in the
    model's configuration counts as reading it.
    """
    if not has_own_module:
        return
    name = settings.model.name
    if settings.compile and "compile" in settings.model:
        raise UserError(f"compile: {name} compiles itself; set model.compile=true and compile=false")
    if not HydraConfig.initialized():
        return
    overrides = [override.lstrip("+~") for override in overrides_of(HydraConfig.get())]
    choices = {str(group): str(option) for group, option in HydraConfig.get().runtime.choices.items()}
    given = [*(("", override) for override in overrides), *set_in_files(choices)]
    for group in OF_THE_WRAPPER:
        unread = [(file, override) for file, override in given if re.match(rf"{group}[.=@]", override)]
        if unread and not refers_to(group, overrides, choices):
            file, override = unread[0]
            key, _, value = override.partition("=")
            last = key.rpartition(".")[2]
            is_same = last in settings.model and not last.startswith("_")
            own = f"; set model.{last}={value}" if is_same else f"; what {name} takes is in model"
            makes = {"loss": "loss", "metrics": "metrics", "scheduler": "schedules", "module": "steps"}.get(
                group, "optimizers"
            )
            raise UserError(f"{f'{file}: ' if file else ''}{key}: {name} makes its own {makes}{own}")
