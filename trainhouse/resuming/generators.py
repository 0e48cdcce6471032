"""Generators that belong to a loader or its samplers: they keep the seed that their owner gave them."""

import random
from typing import Any

import numpy as np
import torch

KINDS = (torch.Generator, np.random.Generator, np.random.RandomState, random.Random)


def _generators(loader: Any) -> dict[str, Any]:
    batch_sampler = getattr(loader, "batch_sampler", None)
    owners = {
        "loader": loader,
        "sampler": getattr(loader, "sampler", None),
        "batch_sampler": batch_sampler,
        "batch_sampler.sampler": getattr(batch_sampler, "sampler", None),
    }
    found: dict[str, Any] = {}
    seen: set[int] = set()
    for owner, part in owners.items():
        for name, value in vars(part).items() if hasattr(part, "__dict__") else ():
            if isinstance(value, KINDS) and id(value) not in seen:
                found[f"{owner}.{name}"] = value
                seen.add(id(value))
    return found


def generator_states(loader: Any) -> dict[str, Any]:
    """Return the states of all generators of a loader and its samplers, as plain data."""
    return {name: get_state(generator) for name, generator in _generators(loader).items()}


def restore_generators(loader: Any, states: dict[str, Any]) -> None:
    """Put back what `generator_states` has returned."""
    for name, generator in _generators(loader).items():
        if name in states:
            set_state(generator, states[name])


def get_state(generator: Any) -> Any:
    """Return the state of a generator of any of the `KINDS`, as plain data."""
    if isinstance(generator, torch.Generator):
        return generator.get_state()
    if isinstance(generator, np.random.Generator):
        return _plain(generator.bit_generator.state)
    return _plain(generator.get_state() if isinstance(generator, np.random.RandomState) else generator.getstate())


def set_state(generator: Any, state: Any) -> None:
    """Put a generator where it was when `get_state` returned `state`."""
    if isinstance(generator, torch.Generator):
        generator.set_state(state)
    elif isinstance(generator, np.random.Generator):
        generator.bit_generator.state = state
    elif isinstance(generator, np.random.RandomState):
        generator.set_state(tuple(state))
    else:
        generator.setstate((state[0], tuple(state[1]), state[2]))


def _plain(state: Any) -> Any:
    if isinstance(state, dict):
        return {key: _plain(value) for key, value in state.items()}
    if isinstance(state, (tuple, list)):
        return [_plain(value) for value in state]
    return state.tolist() if isinstance(state, (np.ndarray, np.generic)) else state
