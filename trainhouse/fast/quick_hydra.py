"""Lets Hydra answer sooner, with the same answers.

To learn whether a command is a run or a multirun Hydra composes the whole configuration, in case `hydra.mode` says so,
and throws it away: a tenth of a second. Where nothing can say so, it need not.

What it has composed when it finds a key that isn't there says which key may be meant, without composing again.
"""

import re
import sys
from pathlib import Path

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.hydra import Hydra
from hydra.core.override_parser.types import Override
from omegaconf import DictConfig

_composed_mode = Hydra.get_mode
_apply = ConfigLoaderImpl._apply_overrides_to_config
_latest: list[DictConfig] = []


def answer_sooner(conf: Path) -> None:
    """Have Hydra compose but once; `conf` is where the project's configuration is."""
    _latest.clear()
    ConfigLoaderImpl._apply_overrides_to_config = staticmethod(_apply_and_remember)  # type: ignore[assignment]
    asked = _can_say_the_mode(conf, sys.argv[1:])
    Hydra.get_mode = _composed_mode if asked else lambda *_, **__: None  # type: ignore[method-assign]


def latest_composed() -> DictConfig | None:
    """Return the configuration that Hydra has composed last, as far as it came; None if it came to nothing."""
    return _latest[-1] if _latest else None


def _apply_and_remember(overrides: list[Override], config: DictConfig) -> None:
    _latest[:] = [config]
    _apply(overrides, config)


def _can_say_the_mode(conf: Path, arguments: list[str]) -> bool:
    typed = [argument for argument in arguments if not re.match(r"\+{0,2}hydra\.(run|sweep|job)\.[\w.]+=", argument)]
    if any(argument.startswith(("--config", "-c", "-p")) or "hydra" in argument for argument in typed):
        return True
    try:
        texts = [path.read_bytes() for path in conf.rglob("*.yaml")]
    except OSError:  # an editor's own file; Hydra reads only those that are asked for
        return True
    return any(b"RUN" in text or b"searchpath" in text for text in texts)
