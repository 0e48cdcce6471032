"""A job of a sweep that several processes train: what the sweep's process tells them, and what they answer.

They are processes of the job alone, on the machine of the process that starts them: one of them that is lost takes
neither that process nor the next job with it.
"""

import json
import os
from pathlib import Path
from typing import Any, NamedTuple

from omegaconf import DictConfig, OmegaConf, flag_override
from omegaconf.errors import OmegaConfBaseException, ValidationError

from trainhouse.machine.files import write_text
from trainhouse.machine.ranks import ranks

PLACE = "TRAINHOUSE_JOB_OF_RANKS"
"""Names in the environment of such a process the folder that says what its job is."""
_JOB, _ANSWER = "job.yaml", "answer-{}.json"


class Answer(NamedTuple):
    """How one of the processes has ended."""

    value: float | None = None
    error: str = ""
    is_stopped: bool = False
    """Whether the error is a signal, after which the job can be resumed."""


def is_rank_of_job() -> bool:
    """Whether this process is one of those of a job of a sweep, which takes from there what it is to do."""
    return PLACE in os.environ


def tell_job(place: Path, config: DictConfig, hydra: DictConfig, folder: Path) -> None:
    """Write down what the job is: its resolved configuration, Hydra's own part, and the folder of its run."""
    own = resolved(config)
    of_hydra: Any = OmegaConf.to_container(hydra, resolve=False, enum_to_str=True)
    of_hydra |= {"output_subdir": None, "run": {"dir": str(folder)}}  # its record stands there already
    write_text(place / _JOB, OmegaConf.to_yaml(OmegaConf.create({"config": own, "hydra": of_hydra})))


def resolved(config: DictConfig) -> Any:
    """Return a configuration as plain values, as far as it can be said what they are."""
    try:
        return OmegaConf.to_container(config, resolve=True)
    except OmegaConfBaseException:  # what is wrong with it is said by whoever reads it
        return OmegaConf.to_container(config, resolve=False)


def join_job(config: DictConfig) -> None:
    """Make `config`, which Hydra has composed for this process, that of the job."""
    job: Any = OmegaConf.to_container(OmegaConf.load(Path(os.environ[PLACE]) / _JOB), resolve=False)
    with flag_override(config, ["struct", "readonly"], False):
        for key in [str(key) for key in config if key != "hydra" and key not in job["config"]]:
            del config[key]
        for part, values in ((config, job["config"]), (config.hydra, job["hydra"])):
            for key, value in values.items():
                try:
                    OmegaConf.update(part, key, value, merge=False, force_add=True)
                except ValidationError:  # a part of Hydra's own that has a type, and always the same keys
                    OmegaConf.update(part, key, value, merge=True, force_add=True)


def answer(said: Answer) -> None:
    """Say how this process has ended."""
    write_text(Path(os.environ[PLACE]) / _ANSWER.format(ranks().rank), json.dumps(said))


def answer_of(place: Path, rank: int) -> Answer | None:
    """Return what a process has said, if it has come to that."""
    path = place / _ANSWER.format(rank)
    return Answer(*json.loads(path.read_text("utf-8"))) if path.exists() else None
