"""What a run is called unless the user says it: after its data and its model, ``titanic-simple_net``.

A table, arrays or a text of one's own have the name of their file: ``data=csv`` alone would call all tables the same.
"""

import unicodedata
from pathlib import PurePosixPath
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from trainhouse.configuration.places import overrides_of
from trainhouse.configuration.schema import config_file

RESOLVER = "run_name"
_FILES = ("file", "features")  # keys of `data` that name the file of a table, of a text; of arrays
_PACKED = (".gz", ".bz2", ".xz", ".zip", ".zst")
_LONGEST = 80  # bytes of the part that a file gives


def register() -> None:
    """Let ``name: ${run_name:}`` be resolved in ``conf/``."""
    OmegaConf.register_new_resolver(RESOLVER, _run_name, replace=True)


def folder_name(path: str) -> str:
    """Return the name of a file without its endings, as a folder can be called, "" if nothing is left of it.

    Letters and digits of any language, ``_``, ``-`` and dots within stay; all else becomes ``_``.
    """
    name = unicodedata.normalize("NFC", PurePosixPath(path.replace("\\", "/")).name)
    stem = PurePosixPath(name)
    if stem.suffix.lower() in _PACKED:
        stem = stem.with_suffix("")
    stem = stem.with_suffix("") if _is_ending(stem.suffix) else stem
    signs = [sign if unicodedata.category(sign)[0] in "LMN" or sign in "_-." else " " for sign in stem.name]
    kept = "_".join("".join(signs).split())
    return kept.encode()[:_LONGEST].decode(errors="ignore").strip("._-")


def _is_ending(suffix: str) -> bool:
    """Whether it says of what kind a file is; ``.5`` of ``noise_0.5`` does not."""
    return suffix[1:].isalnum() and not suffix[1:].isdigit()


def _run_name(*, _root_: DictConfig) -> str:
    hydra: Any = _root_.hydra if "hydra" in _root_ else HydraConfig.get()
    data, model = (str(hydra.runtime.choices.get(group)) for group in ("data", "model"))
    of_data = _named_file(_root_, data, overrides_of(hydra)) or data
    return f"{of_data}-{model}".replace("/", "_")  # an option may be in a folder of its group


def _named_file(config: DictConfig, option: str, typed: list[str]) -> str:
    """Return what the file that the user has named is called; "" if the option names its own."""
    written = _written(option)
    for key in _FILES:
        try:
            value: Any = OmegaConf.select(config, f"data.{key}")
        except Exception:  # what is wrong with the value is said where it is used
            continue
        if not isinstance(value, str):
            continue
        is_typed = any(one.lstrip("+").startswith(f"data.{key}=") for one in typed)
        if (key not in written and is_typed) or (key in written and written[key] != value):
            return folder_name(value)
    return ""


def _written(option: str) -> dict[Any, Any]:
    """Return what the file of a `data` option says, ``???`` for what it leaves open, without references."""
    path = config_file(f"data/{option}")
    try:
        content = OmegaConf.to_container(OmegaConf.load(path), resolve=False) if path.is_file() else {}
    except Exception:  # whoever composes it gets an error
        return {}
    if not isinstance(content, dict):
        return {}
    return {key: value for key, value in content.items() if not (isinstance(value, str) and "${" in value)}


register()
