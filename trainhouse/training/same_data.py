"""A run is resumed with the data that it was started with, or not at all."""

from pathlib import Path

from trainhouse.arrays.datamodule import DataModule
from trainhouse.checkpoints.checkpoint import RECORD, read
from trainhouse.configuration.errors import UserError


def check_same_rows(resume_from: Path, datamodule: DataModule) -> None:
    """Raise `UserError` if arrays are not those that the run was started with."""
    then = _fingerprint_then(resume_from)
    if datamodule.has_other_form(then):  # before all of it is read
        raise UserError(
            f"{datamodule.source}: has changed since the run was started (other shapes or types), so the run can't go "
            "on as it would have; restore it, or start a new run with init_from="
        )
    if not datamodule.is_named(then):
        refuse_other_data(resume_from, datamodule.source, datamodule.fingerprint)


def refuse_other_data(resume_from: Path, name: str, fingerprint: str) -> None:
    """Raise `UserError` if the data of this name and fingerprint is not what the run was started with."""
    if (then := _fingerprint_then(resume_from)) != fingerprint:
        raise UserError(
            f"{name}: has changed since the run was started (fingerprint {fingerprint}, "
            f"then {then}), so the run can't be resumed as it was; restore it, or start a new run with init_from="
        )


def _fingerprint_then(resume_from: Path) -> str:
    return str(read(resume_from, lazily=True)[RECORD]["provenance"]["data_fingerprint"])
