"""From the `loss` group to a function of outputs and targets: a function's keys are fixed, a class is built."""

import functools
import inspect
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import yaml
from torch import Tensor

from trainhouse.arrays.spec import DataSpec
from trainhouse.configuration import schema
from trainhouse.configuration.bounded import read_yaml
from trainhouse.configuration.check_arguments import parameters_of
from trainhouse.configuration.create import create, located
from trainhouse.configuration.errors import UserError
from trainhouse.configuration.views import Part

Facts = Mapping[str, Any]


def build_loss(loss: Part, spec: DataSpec, facts: Facts) -> Any:
    """Return what the group names, for data of `spec`; facts that it asks for by name come from the data.

    Raises `UserError` for one that is marked as of another task, and for what its constructor refuses.
    """
    if "_target_" not in loss:  # of a project whose module is older than the group, and reads it itself
        return loss.plain
    found = located(loss, "loss")
    refuse_other_task("loss", found, spec, others=_losses_of)
    known = {**facts, "task": spec.task, "outputs": spec.outputs, "classes": list(spec.classes)}
    if inspect.isclass(found):
        built = create(loss, "loss", **asked_for(found, loss, known))
        if not callable(built):
            raise UserError(f"loss._target_: {loss.target} makes nothing that can be called with outputs and targets")
        made: Callable[[Tensor, Tensor], Tensor] = built
        return made
    of_the_step = first_two(found)
    taken = {name: fact for name, fact in asked_for(found, loss, known).items() if name not in of_the_step}
    made = create(Part({**loss.plain, "_partial_": True}), "loss", later=(*of_the_step, *taken))
    return functools.partial(made, **taken) if taken else made


def asked_for(found: Any, part: Part, facts: Facts) -> dict[str, Any]:
    """Return those of the facts that a callable has a parameter for, and its part of the configuration no value."""
    return {name: facts[name] for name in parameters_of(found) if name in facts and name not in part}


def refuse_other_task(
    key: str, found: Any, spec: DataSpec, task: str | None = None, others: Callable[[str], str] = lambda task: ""
) -> None:
    """Raise `UserError` naming `key` for a callable of another `task`, by default that of its attribute `task`.

    `others` says what there is for a task.
    """
    task = task or getattr(found, "task", None)
    if isinstance(task, str) and task != spec.task:
        name = getattr(found, "__name__", found)
        raise UserError(f"{key}: {name} is for {task}, but this is {spec.task}{others(spec.task)}")


def _losses_of(task: str) -> str:
    """Say which files in conf/loss/ are for a task, as far as they name what can be loaded."""
    found = []
    for option in schema.options("loss"):
        with suppress(UserError, OSError, ValueError, yaml.YAMLError):
            content = read_yaml(schema.config_file(f"loss/{option}"))
            if getattr(located(Part(content), "loss"), "task", task) == task:
                found.append(f"loss={option}")
    return f"; for that there are {', '.join(found)}" if found else ""


def first_two(found: Any) -> tuple[str, ...]:
    """Return the names of the parameters that get outputs and targets."""
    names = [name for name, one in parameters_of(found).items() if one.kind is not one.KEYWORD_ONLY]
    if len(names) < 2:
        raise UserError(f"loss._target_: {found.__name__} does not take outputs and targets")
    return tuple(names[:2])


def required(found: Any) -> set[str]:
    """Return the names of the parameters without a default."""
    kinds = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    return {name for name, one in parameters_of(found).items() if one.default is one.empty and one.kind not in kinds}
