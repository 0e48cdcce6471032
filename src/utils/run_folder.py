"""The experiment folder: the names of what is in it, and the claim that makes it one run's own.

Knows nothing of training. Hydra calls `ClaimRunFolder` before it writes its first file.
"""

import os
import shutil
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any, NoReturn

from hydra.core.hydra_config import HydraConfig
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf, read_write
from omegaconf.errors import OmegaConfBaseException

from src.utils.files import write_text

CONFIG = "config.yaml"
METRICS = "metrics.json"
HISTORY = "logs/metrics.csv"
LOG = "logs/training.log"
LOSS_CURVE = "figures/loss_curve.png"
CHECKPOINTS = "checkpoints"
BEST_MODEL = "checkpoints/best_model.ckpt"

_CONFIG_HEADER = """\
# The whole configuration of this run, resolved. The same run once more, in a folder of its own:
#   python train.py --config-path={folder} --config-name=config
defaults:
  - _self_
  - override hydra/job_logging: none
hydra:
  run:
    dir: outputs/${{name}}/${{now:%Y-%m-%d_%H-%M-%S}}
  sweep:
    dir: outputs/${{name}}/sweep_${{now:%Y-%m-%d_%H-%M-%S}}
  callbacks:
    run_folder:
      _target_: src.utils.run_folder.ClaimRunFolder

"""


def release(folder: Path) -> None:
    """Give up the claim on a folder in which no run has begun: its name can be used again."""
    if not (folder / CONFIG).exists():
        shutil.rmtree(folder / ".hydra", ignore_errors=True)


def shown_path(path: Path) -> str:
    """Return a path as a user types it: relative to the working folder if it is below."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def write_config(folder: Path, config: dict[str, Any]) -> None:
    """Write a run's resolved configuration so that Hydra can take it as it is and run it again."""
    header = _CONFIG_HEADER.format(folder=folder.absolute())
    write_text(folder / CONFIG, header + OmegaConf.to_yaml(OmegaConf.create(config)))


class ClaimRunFolder(Callback):
    """Gives every run and every sweep a folder that no other one has, or ends the program.

    A folder whose name Hydra made up gets a suffix when another run has it already (two runs in the
    same second); a folder that the user named and that holds a run is refused. What claims a folder is
    the exclusive creation of one entry in it, so two programs that start together can't both have it.
    """

    def on_run_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Claim `hydra.run.dir`; writes back the folder's name if it had to be changed."""
        if config.hydra.output_subdir is not None and not _is_worker_rank():
            folder = _claim(config, "run", lambda folder: (folder / ".hydra").mkdir())
            with read_write(config.hydra):
                config.hydra.run.dir = str(folder)

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Claim `hydra.sweep.dir`, as `on_run_start` does for a single run."""
        folder = _claim(config, "sweep", lambda folder: (folder / "multirun.yaml").touch(exist_ok=False))
        with read_write(config.hydra):
            config.hydra.sweep.dir = str(folder)


def _is_worker_rank() -> bool:
    """A further process of a distributed run shares the folder that rank 0 claimed."""
    return os.environ.get("LOCAL_RANK", "0") != "0"


def _claim(config: DictConfig, kind: str, create_mark: Callable[[Path], None]) -> Path:
    HydraConfig.instance().set_config(config)  # the folder's name may refer to hydra's own values
    try:
        folder = Path(config.hydra[kind].dir)
    except OmegaConfBaseException as error:
        _refuse(f"hydra.{kind}.dir: {str(error).splitlines()[0]}")
    named_by_user = any(text.lstrip("+").startswith(f"hydra.{kind}.dir=") for text in config.hydra.overrides.hydra)
    for suffix in count():
        candidate = folder if suffix == 0 else folder.with_name(f"{folder.name}-{suffix}")
        try:
            candidate.mkdir(parents=True, exist_ok=True)
            create_mark(candidate)
            return candidate
        except FileExistsError:
            if candidate.exists() and not candidate.is_dir():
                _refuse(f"hydra.{kind}.dir: {candidate} is a file, not a folder")
            if named_by_user:
                _refuse(
                    f"hydra.{kind}.dir: {candidate} already holds a {kind}, which is never overwritten; "
                    "name another folder or delete it"
                )
        except OSError as error:
            _refuse(f"hydra.{kind}.dir: cannot create {candidate}: {error.strerror}")
    raise AssertionError("count() does not end")


def _refuse(message: str) -> NoReturn:
    # Hydra turns an exception of a callback into a warning and goes on; it lets SystemExit through.
    sys.exit(f"error: {message}")
