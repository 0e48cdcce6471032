"""Shared by all tests: composing a configuration, running a script, and one trained run to read from."""

import csv
import gc
import os
import pkgutil
import runpy
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import lightning  # noqa: F401  # so that forked scripts find it imported
import pytest
import torch
from filelock import FileLock
from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from omegaconf import OmegaConf

import src.data
import src.models
import trainhouse
from trainhouse.configuration.config import checked
from trainhouse.configuration.settings import Train
from trainhouse.tests.composing import make_ready, remember_choices
from trainhouse.tests.drawing import draw_each_kind_once
from trainhouse.tests.drawing import drawn as drawn
from trainhouse.tests.quick_files import ask_git_once, wait_for_no_disk

ROOT = Path(__file__).resolve().parents[2]
CONF = ROOT / "conf"
LIBRARY_CONF = ROOT / "trainhouse" / "conf"
_ONE_FORK_AT_A_TIME = threading.Lock()  # several threads may run scripts

# The classes in pairs/ are found where a user has theirs.
for package in (src.models, src.data):
    package.__path__.append(str(Path(__file__).parent / "pairs" / package.__name__.rpartition(".")[2]))

torch.set_num_threads(1)  # and OMP_NUM_THREADS, in conftest.py


def composed(*overrides: str, config_name: str = "train") -> Any:
    """Compose and check a configuration as a script does, without Hydra's own values."""
    fixed = ["name=test"] if config_name == "train" else []
    if config_name in ("train", "eval") and not any(override.startswith("logger=") for override in overrides):
        fixed.append("logger=none")  # the slowest part of a short run
    if config_name == "train" and not any(override.startswith("figures=") for override in overrides):
        fixed.append("figures=[loss_curve]")
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return checked(compose(config_name, [*fixed, *overrides]), config_name)


def pytest_configure(config: pytest.Config) -> None:
    """Where there is time for slow tests, there is time to draw, and to write to the disk."""
    if config.option.markexpr == "not slow":
        draw_each_kind_once()
        wait_for_no_disk()
        ask_git_once()
    remember_choices()


def pytest_collection_finish() -> None:
    """Import here what a test or a forked script would import in the middle of its work."""
    import_ahead()


def import_ahead(*without: str) -> None:
    """Import, once, what forked scripts would each import; the garbage collector passes over it from now on.

    The rooms of the library that `without` names are imported by whoever needs them.
    """
    for module in pkgutil.walk_packages(trainhouse.__path__, "trainhouse."):
        if module.name.split(".")[1] not in ("benchmarks", "tests", "upgrade", *without):
            import_module(module.name)
    for name in ("pyarrow.csv", "pyarrow.parquet", "torch.utils.tensorboard", "tensorboard.summary.v2"):
        import_module(name)
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _hydra_as_before() -> Iterator[None]:
    """What one test has composed is not what the next one was typed."""
    before = HydraConfig.instance().cfg
    yield
    HydraConfig.instance().cfg = before


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Train]:
    """Compose as `python train.py <overrides>` does, and let Hydra's own configuration say so."""

    def command(*overrides: str) -> Train:
        with initialize_config_dir(str(CONF), version_base="1.3"):
            config = compose("train", ["name=test", *overrides], return_hydra_config=True)
        monkeypatch.setattr(HydraConfig.instance(), "cfg", config)
        return checked(OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"]))

    return command


def run_script(
    script: str, *arguments: str, cwd: Path, timeout: float = 120, fresh: bool = False, **env: str
) -> subprocess.CompletedProcess[str]:
    """Run a script of the project in the folder `cwd`, in a process of its own.

    A `fresh` process is what a user starts. By default the process is forked from this one, which has
    imported torch and lightning already: that saves the several seconds which importing them takes.
    """
    if fresh or not hasattr(os, "fork"):
        command = [sys.executable, str(ROOT / script), *arguments]
        return subprocess.run(
            command, cwd=cwd, capture_output=True, text=True, timeout=timeout, env={**os.environ, **env}, check=False
        )
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        with _ONE_FORK_AT_A_TIME:
            make_ready(script, arguments)
            process = os.fork()
        if process == 0:
            os._exit(_run_as_main(script, arguments, cwd, env, out.fileno(), err.fileno()))
        deadline = time.monotonic() + timeout
        while (ended := os.waitpid(process, os.WNOHANG))[0] == 0:
            if time.monotonic() > deadline:
                os.kill(process, signal.SIGKILL)
                os.waitpid(process, 0)
                raise TimeoutError(f"{script} {arguments} did not end within {timeout} s")
            time.sleep(0.01)
        out.seek(0)
        err.seek(0)
        code = os.waitstatus_to_exitcode(ended[1])
        return subprocess.CompletedProcess([script, *arguments], code, out.read(), err.read())


def _run_as_main(script: str, arguments: tuple[str, ...], cwd: Path, env: dict[str, str], out: int, err: int) -> int:
    """Do in a forked child what `python script arguments` does; return the exit status."""
    gc.freeze()  # else a collection looks through all that torch has made, and so copies it: 0.3 s
    os.chdir(cwd)
    os.environ.update(env)
    os.dup2(out, 1)
    os.dup2(err, 2)
    sys.stdout, sys.stderr = (open(handle, "w", closefd=False) for handle in (1, 2))  # noqa: SIM115
    sys.argv = [str(ROOT / script), *arguments]
    warnings.resetwarnings()
    code: Any = 0
    try:
        runpy.run_path(str(ROOT / script), run_name="__main__")
    except SystemExit as ended:
        code = ended.code or 0
        if isinstance(code, str):
            print(code, file=sys.stderr)
            code = 1
    except BaseException:
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    return code


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all test processes of this session have in common."""
    return (
        tmp_path_factory.getbasetemp().parent if "PYTEST_XDIST_WORKER" in os.environ else tmp_path_factory.mktemp("s")
    )


@pytest.fixture(scope="session")
def made_once(shared_folder: Path) -> Callable[[str, Callable[[Path], None]], Path]:
    """Make a folder by the first test process that asks for it; the others get the same one. Only read it."""

    def get(name: str, make: Callable[[Path], None]) -> Path:
        folder = shared_folder / name
        with FileLock(f"{folder}.lock"):
            if not folder.exists():
                partial = folder.with_suffix(".partial")
                partial.mkdir()
                make(partial)
                partial.rename(folder)
        return folder

    return get


@pytest.fixture(scope="session")
def project(made_once: Callable[[str, Callable[[Path], None]], Path]) -> Path:
    """A working folder in which `python train.py` was run once; only read it."""

    def make(folder: Path) -> None:
        link_raw_data(folder)
        done = run_script("train.py", "trainer.max_epochs=6", "hydra.run.dir=outputs/run", cwd=folder)
        (folder / "stdout.txt").write_text(done.stdout)
        assert done.returncode == 0, done.stdout + done.stderr

    return made_once("project", make)


def read_history(path: Path) -> list[dict[str, float]]:
    """Read logs/metrics.csv; a metric that an epoch doesn't have is left out of its row."""
    with open(path, newline="") as file:
        return [{name: float(value) for name, value in row.items() if value} for row in csv.DictReader(file)]


def link_raw_data(folder: Path) -> None:
    """Let relative paths below data/raw work in another working folder."""
    (folder / "data").mkdir()
    (folder / "data" / "raw").symlink_to(ROOT / "data" / "raw")
