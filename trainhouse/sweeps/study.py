"""Optuna studies and where they are kept. Imports optuna only when a study is opened."""

import os
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from trainhouse.configuration.create import create
from trainhouse.configuration.errors import UserError, first_line
from trainhouse.configuration.views import Part
from trainhouse.sweeps.job import Objective

if TYPE_CHECKING:
    from optuna import Study, Trial

_STORAGES: "WeakKeyDictionary[Study, Any]" = WeakKeyDictionary()  # a study has no public name for its own
_JOURNAL, _GRPC = "journal://", "grpc://"
_TO_ANSWER = 10.0  # seconds
_LIBRARIES = {"GPSampler": ("scipy",), "WilcoxonPruner": ("scipy",)}
_DIRECTIONS = {"min": "MINIMIZE", "max": "MAXIMIZE"}


def open_study(
    storage: str | None,
    name: str,
    pruner: dict[str, Any] | None,
    sampler: dict[str, Any] | None = None,
    objectives: list[Objective] | None = None,
) -> "Study":
    """Return the study of that name, created if there is none and `objectives` are given.

    `storage` is ``journal://<file>``, ``grpc://<host>:<port>``, any URL that Optuna knows, or None for this process's
    memory.
    Raises `UserError` for a storage that can't be opened, and for a study with other objectives.
    """
    import optuna

    for key, chosen_class in (("sampler", sampler), ("pruner", pruner)):
        _check_libraries(f"hydra.sweeper.{key}", Part(chosen_class))
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with warnings.catch_warnings():  # the pruner was asked for by name, and its file in conf/ says what it is
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        chosen = create(Part(pruner), "hydra.sweeper.pruner") if pruner else optuna.pruners.NopPruner()
    try:
        opened = _open_storage(storage)
        if objectives is None:
            study = optuna.load_study(storage=opened, study_name=name, pruner=chosen)
            _STORAGES[study] = opened
            return study
        directions = [optuna.study.StudyDirection[_DIRECTIONS[objective.mode]] for objective in objectives]
        study = optuna.create_study(
            storage=opened, study_name=name, load_if_exists=True, directions=directions, pruner=chosen
        )
    except UserError:
        raise
    except (OSError, ImportError, optuna.exceptions.OptunaError) as error:
        raise UserError(f"hydra.sweeper.storage: {storage}: {first_line(error)}") from error
    except Exception as error:
        if storage and storage.startswith(_JOURNAL):  # Optuna reads whatever stands in it
            raise UserError(
                f"{storage.removeprefix(_JOURNAL)}: damaged ({first_line(error) or type(error).__name__}); restore it, "
                "or start another search, in another hydra.sweep.dir"
            ) from error
        # Of the database's own library, which need not be installed here.
        if not isinstance(error, (ValueError, KeyError)) and not type(error).__module__.startswith("sqlalchemy"):
            raise
        raise UserError(f"hydra.sweeper.storage: {storage}: {first_line(error)}") from error
    _STORAGES[study] = opened
    _check_objectives(study, objectives, f"study '{name}' in {storage}")
    if sampler:
        made = create(Part(_seeded(sampler, len(study.get_trials(deepcopy=False)))), "hydra.sweeper.sampler")
        if storage is not None:
            _refuse_pickles(made)
        study.sampler = made
    return study


def trial_of(study: "Study", number: int) -> "Trial":
    """Return a trial that any process has begun, to be written to; `study` is one that `open_study` has returned."""
    from optuna.trial import Trial

    storage = _STORAGES[study]
    study_id = storage.get_study_id_from_name(study.study_name)
    return Trial(study, storage.get_trial_id_from_study_id_trial_number(study_id, number))


def _refuse_pickles(sampler: Any) -> None:
    """A study's file may be anybody's, and to unpickle is to run code."""
    from optuna.samplers import BaseSampler, CmaEsSampler

    if isinstance(sampler, CmaEsSampler):
        raise UserError(
            "hydra.sweeper.sampler: CmaEsSampler unpickles its state from the study's file, which could run any code; "
            "choose tpe, gp, nsga2 or random"
        )
    for inner in vars(sampler).values():  # of one that asks another
        if isinstance(inner, BaseSampler):
            _refuse_pickles(inner)


def _check_libraries(key: str, part: Part) -> None:
    """Optuna itself would miss them in the middle of a search."""
    name = str(part.get("_target_")).rpartition(".")[2]
    missing = [library for library in _LIBRARIES.get(name, ()) if find_spec(library) is None]
    if missing:
        raise UserError(f"{key}: {name} needs {', '.join(missing)}; pip install -e '.[search]' brings what it needs")


def _open_storage(url: str | None) -> Any:
    """Open a journal, repaired if its last line was cut short, with a lock that needs no links."""
    from optuna.storages import InMemoryStorage, JournalStorage, RDBStorage

    if url is None or not url.startswith(_JOURNAL):
        return InMemoryStorage() if url is None else _proxy(url) if url.startswith(_GRPC) else RDBStorage(url)
    from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

    path = str(Path(url.removeprefix(_JOURNAL)).absolute())
    lock = JournalFileOpenLock(path)
    if Path(path).is_file():
        lock.acquire()
        try:
            _drop_half_a_record(Path(path))
        finally:
            lock.release()
    return JournalStorage(JournalFileBackend(path, lock_obj=lock))


def _proxy(url: str) -> Any:
    """Reach a server that alone opens the storage: `optuna.storages.run_grpc_proxy_server`."""
    host, _, port = url.removeprefix(_GRPC).rstrip("/").rpartition(":")
    if not host or not port.isdecimal():
        raise UserError(f"hydra.sweeper.storage: expected {_GRPC}<host>:<port>, got {url}")
    if missing := [name for name in ("grpc", "google.protobuf") if not _is_there(name)]:
        raise UserError(f"hydra.sweeper.storage: {url} needs {missing[0]}; pip install grpcio protobuf")
    from optuna.exceptions import ExperimentalWarning
    from optuna.storages import GrpcStorageProxy

    with warnings.catch_warnings():  # it was asked for by name
        warnings.simplefilter("ignore", ExperimentalWarning)
        proxy = GrpcStorageProxy(host=host, port=int(port))
    proxy.wait_server_ready(timeout=_TO_ANSWER)
    return proxy


def _is_there(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def _drop_half_a_record(journal: Path) -> None:
    """Cut off a last line without an end, as a full disk or a power cut leaves it: the next would be added to it."""
    with open(journal, "rb+") as file:
        beginning = file.read(200)
        if not beginning:
            return
        if b'"op_code"' not in beginning:
            raise UserError(f"hydra.sweeper.storage: {journal} is no journal of Optuna; name another file")
        file.seek(-1, os.SEEK_END)
        if file.read() != b"\n":
            file.seek(0)
            file.truncate(file.read().rfind(b"\n") + 1)


def _check_objectives(study: "Study", objectives: list[Objective], source: str) -> None:
    """A study that was made for other objectives would take values of one metric for those of another."""
    wanted = [[objective.metric, objective.mode] for objective in objectives]
    found = study.user_attrs.get("objectives")
    if found is None:
        study.set_user_attr("objectives", wanted)
    elif found != wanted:
        if not isinstance(found, list) or not all(isinstance(one, list) and len(one) == 2 for one in found):
            raise UserError(f"hydra.sweeper.storage: {source} is no search of this project; name another one")
        names = [" and ".join(f"{metric} ({mode})" for metric, mode in one) for one in (found, wanted)]
        raise UserError(f"sweep.metric: {source}: is a search by {names[0]}, not by {names[1]}; name another folder")


def _seeded(sampler: dict[str, Any], trials: int) -> dict[str, Any]:
    """A sampler that starts from scratch with its old seed would propose its old trials again."""
    seed = sampler.get("seed")
    if seed is not None and type(seed) is not int:
        raise UserError(f"hydra.sweeper.sampler.seed: expected a whole number, or null, got {seed!r}")
    return sampler if not isinstance(seed, int) else {**sampler, "seed": seed + 7919 * trials}
