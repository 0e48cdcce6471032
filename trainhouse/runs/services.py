"""W&B, MLflow, Comet and Aim, which keep runs in a store of their own: what differs among them, by public names only.

Their packages are imported by those who have chosen them. Neptune is not among them: its service has ended, and
Lightning's logger for it with that.
"""

import logging
import os
import uuid
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from trainhouse.configuration.errors import UserError
from trainhouse.configuration.views import Part
from trainhouse.runs.description import Description
from trainhouse.runs.outputs import outputs


class Service:
    """One of them."""

    package: ClassVar[str]
    """What to install."""
    run_id: ClassVar[str]
    """The argument that names the run to continue."""
    run_name: ClassVar[str]
    chooses_id: ClassVar[bool] = False
    """Whether it gives the id itself, when the run is made."""
    has_epochs: ClassVar[bool] = True
    """Whether ``epoch`` is something else to it than one more metric."""

    def arguments(self, part: Part, folder: Path) -> dict[str, Any]:
        """Return where it writes: what its part of the configuration leaves to the run in `folder`."""
        return {}

    def describe(self, logger: Any, about: Description) -> None:
        """Show tags, notes and hyperparameters of a new run, and its configuration."""
        raise NotImplementedError

    def figure(self, logger: Any, name: str, path: Path) -> None:
        """Show a PNG file."""
        raise NotImplementedError

    def histogram(self, logger: Any, name: str, values: np.ndarray, step: int) -> None:
        """Show how values are distributed, where there is a place for that."""

    def end(self, logger: Any, succeeded: bool) -> None:
        """Send what is left: nothing comes after it."""
        logger.finalize("success" if succeeded else "failed")


class Wandb(Service):
    """Weights & Biases."""

    package, run_id, run_name = "wandb", "id", "name"

    def arguments(self, part: Part, folder: Path) -> dict[str, Any]:
        """Write below the run's folder."""
        os.environ.setdefault("WANDB_SILENT", "true")  # its settings come too late for its first lines
        place = folder / "logs"
        place.mkdir(parents=True, exist_ok=True)  # else it writes to the system's folder for temporary files
        return {"save_dir": str(place)}

    def describe(self, logger: Any, about: Description) -> None:
        """Show the configuration among the run's files."""
        run = logger.experiment
        run.tags, run.notes = about.tags, about.notes
        logger.log_hyperparams(about.chosen)
        text = Path(logger.save_dir, "wandb", "configuration.yaml")  # it has a config.yaml of its own
        text.write_text(about.config, encoding="utf-8")
        run.save(str(text), base_path=str(text.parent), policy="now")

    def figure(self, logger: Any, name: str, path: Path) -> None:
        """Show it among the media."""
        logger.log_image(name, [str(path)])

    def histogram(self, logger: Any, name: str, values: np.ndarray, step: int) -> None:
        """Show it beside the metrics."""
        import wandb

        logger.experiment.log({name: wandb.Histogram(values), "trainer/global_step": step})

    def end(self, logger: Any, succeeded: bool) -> None:
        """End the run: the next logger of this process would go on with it."""
        super().end(logger, succeeded)
        logger.experiment.finish(exit_code=0 if succeeded else 1)


class MLFlow(Service):
    """MLflow: a server, or a database in a file that all runs share."""

    package, run_id, run_name = "mlflow", "run_id", "run_name"
    chooses_id, has_epochs = True, False

    def arguments(self, part: Part, folder: Path) -> dict[str, Any]:
        """Write to the server of the environment, or else to a file that all runs share."""
        os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
        logging.getLogger("lightning.pytorch.loggers.mlflow").setLevel(logging.ERROR)  # that an experiment is new
        if part.get("tracking_uri") or os.environ.get("MLFLOW_TRACKING_URI"):
            return {} if part.get("tracking_uri") else {"tracking_uri": os.environ["MLFLOW_TRACKING_URI"]}
        place = outputs().absolute()
        place.mkdir(parents=True, exist_ok=True)
        given = {"tracking_uri": f"sqlite:///{place / 'mlflow.db'}"}
        return given if part.get("artifact_location") else {**given, "artifact_location": str(place / "mlflow")}

    def describe(self, logger: Any, about: Description) -> None:
        """Show the configuration among the artifacts."""
        client, run = logger.experiment, logger.run_id
        client.update_run(run, status="RUNNING")
        for tag in about.tags:
            client.set_tag(run, tag, "true")
        if about.notes:
            client.set_tag(run, "mlflow.note.content", about.notes)
        logger.log_hyperparams(about.chosen)
        client.log_text(run, about.config, "config.yaml")

    def figure(self, logger: Any, name: str, path: Path) -> None:
        """Show it among the artifacts."""
        logger.experiment.log_artifact(logger.run_id, str(path), "figures")


class Comet(Service):
    """Comet."""

    package, run_id, run_name = "comet_ml", "experiment_key", "name"

    def arguments(self, part: Part, folder: Path) -> dict[str, Any]:
        """Write an archive below the run's folder, unless it is to be online."""
        os.environ.setdefault("COMET_LOGGING_CONSOLE", "ERROR")
        if part.get("online"):
            return {}
        # By its own argument: Lightning's `online=False` keeps nothing at all.
        os.environ["COMET_START_ONLINE"] = "0"
        place = folder / "logs" / "comet"
        place.mkdir(parents=True, exist_ok=True)
        return {"online": None, "offline_directory": str(place)}

    def describe(self, logger: Any, about: Description) -> None:
        """Show the configuration among the texts."""
        run = logger.experiment
        run.add_tags(list(about.tags))
        if about.notes:
            run.log_other("notes", about.notes)
        logger.log_hyperparams(about.chosen)
        run.log_text(about.config, metadata={"name": "config.yaml"})

    def figure(self, logger: Any, name: str, path: Path) -> None:
        """Show it among the graphics."""
        logger.experiment.log_image(str(path), name=name)

    def histogram(self, logger: Any, name: str, values: np.ndarray, step: int) -> None:
        """Show it among the histograms."""
        logger.experiment.log_histogram_3d(values, name=name, step=step)

    def end(self, logger: Any, succeeded: bool) -> None:
        """Write the archive."""
        super().end(logger, succeeded)
        logger.experiment.end()


class Aim(Service):
    """Aim: a store that all runs share."""

    package, run_id, run_name = "aim", "run_hash", "run_name"
    chooses_id = True

    def arguments(self, part: Part, folder: Path) -> dict[str, Any]:
        """Write beside the runs."""
        logging.getLogger("aim").setLevel(logging.ERROR)  # that a run which was killed is taken up again
        if part.get("repo"):
            return {}
        outputs().mkdir(parents=True, exist_ok=True)
        return {"repo": str(outputs())}

    def describe(self, logger: Any, about: Description) -> None:
        """Show the configuration among the texts."""
        import aim

        run = logger.experiment
        for tag in about.tags:
            run.add_tag(tag)
        if about.notes:
            run.description = about.notes
        logger.log_hyperparams(about.chosen)
        run.track(aim.Text(about.config), name="config.yaml")

    def figure(self, logger: Any, name: str, path: Path) -> None:
        """Show it among the images."""
        import aim

        logger.experiment.track(aim.Image(str(path)), name=name)

    def histogram(self, logger: Any, name: str, values: np.ndarray, step: int) -> None:
        """Show it among the distributions."""
        import aim

        logger.experiment.track(aim.Distribution(values), name=name, step=step)


# By the names of their classes, from which a user's own may be made.
_OF: Mapping[str, Service] = {
    "WandbLogger": Wandb(),
    "MLFlowLogger": MLFlow(),
    "CometLogger": Comet(),
    "AimLogger": Aim(),
}

_NOT_TAKEN = {
    "LitLogger": "begins another experiment at lightning.ai when a run is resumed, and writes outside of its folder",
    "NeptuneLogger": "writes to a service that has ended",
}


def service_of(kind: Any) -> Service | None:
    """Return the service that a class of loggers writes to; None for one that writes files."""
    names = [one.__name__ for one in getattr(kind, "__mro__", ())]
    return next((_OF[name] for name in names if name in _OF), None)


def check_installed(part: Part, key: str) -> None:
    """Raise `UserError` naming `key` if a logger's package is missing, or it can't keep a run as one."""
    if why := _NOT_TAKEN.get(part.name if isinstance(part.get("_target_"), str) else ""):
        raise UserError(f"{key}: {part.name} {why}; choose tensorboard, csv, wandb, mlflow, comet or aim")
    service = _OF.get(part.name) if isinstance(part.get("_target_"), str) else None
    if service and find_spec(service.package) is None:
        extra = service.package.partition("_")[0]
        raise UserError(
            f"{key}: {part.name} needs a package that is not installed; pip install -e '.[{extra}]' brings it"
        )


def new_id() -> str:
    """Return an id that no other run has, of the form that each service takes."""
    return uuid.uuid4().hex
