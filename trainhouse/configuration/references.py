"""References in a configuration, ``${seed}`` and ``${oc.env:HOME}``: what is wrong with one, in a line."""

import re
from collections.abc import Iterator
from typing import Any

from omegaconf import DictConfig, OmegaConf

from trainhouse.configuration.bounded import interpolations
from trainhouse.configuration.dotted import dotted
from trainhouse.configuration.errors import did_you_mean, first_line

_RESOLVERS = ("oc.env", "oc.decode", "oc.select", "oc.create", "oc.dict.keys", "oc.dict.values", "now", "hydra")


def unresolved(error: Exception, config: DictConfig | None) -> str:
    """Return one line for a reference that can't be resolved: the key that it stands at, and what to write.

    `config` is the whole configuration, None if nobody knows it.
    """
    text, key = first_line(error), str(getattr(error, "full_key", "") or "")
    plain: Any = OmegaConf.to_container(config, resolve=False) if config is not None else {}
    found = dict(interpolations(plain))
    if match := re.match("Interpolation key '(.*)' not found", text):
        place, written = _place(key, rf"\$\{{\s*{re.escape(match[1])}\s*\}}", found)
        near = did_you_mean(match[1], [name for name in dotted(plain) if not name.startswith("hydra")])
        return f"{place}: {written or f'${{{match[1]}}}'}: there is no key '{match[1]}'{near}"
    if match := re.search("Environment variable '(.*)' not found", text):
        place, _ = _place(key, rf"oc\.env:\s*{re.escape(match[1])}\b", found)
        return (
            f"{place}: the environment variable {match[1]} is not set; set it, or write what holds without it: "
            f"${{oc.env:{match[1]},<value>}}"
        )
    if match := re.match("Unsupported interpolation type (.*)", text):
        place, written = _place(key, rf"\$\{{\s*{re.escape(match[1])}:", found)
        near = did_you_mean(match[1], _RESOLVERS) or "; there are oc.env, oc.decode, oc.select, now and hydra"
        return f"{place}: {written or f'${{{match[1]}:...}}'}: there is no resolver '{match[1]}'{near}"
    if text.startswith("Recursive interpolation"):
        circle = list(_circle(key, found))
        return _in_words(circle, found) if circle else f"{key}: refers to itself in the end"
    if match := re.search("Missing mandatory value: (.*)", text):
        return f"{match[1]}: required; add {match[1]}=... to the command"
    if match := re.match(r"(\w+) raised while resolving interpolation: (.*)", text):
        written = f"{found[key]}: " if key in found else ""
        return f"{key}: {written}{match[2]}"
    return f"{key}: {text}" if key else text


def _place(key: str, pattern: str, found: dict[str, str]) -> tuple[str, str]:
    """Return the key at which a reference stands, and how it is written, of what goes wrong when `key` is resolved."""
    places = {place: text for place, text in found.items() if re.search(pattern, text)}
    if key in places or not places:
        return key, places.get(key, "")
    own = [place for place in places if not place.startswith("hydra.")] or list(places)
    return own[0], places[own[0]]


def _circle(key: str, found: dict[str, str]) -> Iterator[str]:
    """Yield the keys of a circle of references into which `key` leads; nothing if there is none of plain ones."""
    paths = [[key]]
    while paths:
        path = paths.pop()
        for name in re.findall(r"\$\{\s*([\w.]+)\s*\}", found.get(path[-1], "")):
            if name in path:
                yield from path[path.index(name) :]
                return
            paths.append([*path, name])


def _in_words(circle: list[str], found: dict[str, str]) -> str:
    if len(circle) == 1:
        return f"{circle[0]}: {found[circle[0]]} refers to itself"
    steps = ", ".join(f"{one} is {found[one]}" for one in circle)
    return f"{circle[0]}: refers to itself in the end: {steps}"


def from_environment(plain: Any) -> list[tuple[str, str]]:
    """Return the keys whose value is one variable of the environment, with how that is written."""
    return [(key, text) for key, text in interpolations(plain) if re.fullmatch(r"\$\{oc\.env:[^{}]*\}", text)]
