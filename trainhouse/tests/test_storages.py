"""Where a study is kept when many processes work on it."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from trainhouse.configuration.errors import UserError
from trainhouse.sweeps.job import Objective
from trainhouse.sweeps.study import open_study
from trainhouse.tests.common import ROOT

PROCESSES, TRIALS = 8, 5
WORK = f"""
import sys
from trainhouse.sweeps.job import Objective
from trainhouse.sweeps.study import open_study
study = open_study(sys.argv[1], "study", None, objectives=[Objective("val/loss", "min")])
for _ in range({TRIALS}):
    trial = study.ask()
    study.tell(trial, trial.suggest_float("x", 0, 1))
"""
SERVE = """
import sys
from optuna.storages import RDBStorage, run_grpc_proxy_server
run_grpc_proxy_server(RDBStorage(sys.argv[1]), host="127.0.0.1", port=int(sys.argv[2]))
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    pytest.importorskip("grpc")
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    served = subprocess.Popen([sys.executable, "-c", SERVE, f"sqlite:///{tmp_path / 'served.db'}", str(port)])
    try:
        yield f"grpc://127.0.0.1:{port}"
    finally:
        served.kill()
        served.wait()


def work_on(url: str) -> None:
    """Have all processes draw trials at once, and check that none was lost or drawn twice."""
    open_when_ready(url)
    workers = [subprocess.Popen([sys.executable, "-c", WORK, url], cwd=ROOT) for _ in range(PROCESSES)]
    assert [one.wait(120) for one in workers] == [0] * PROCESSES
    trials = open_study(url, "study", None).get_trials()
    assert [trial.number for trial in trials] == list(range(PROCESSES * TRIALS))
    assert all(trial.value == trial.params["x"] for trial in trials)


def open_when_ready(url: str) -> None:
    for _ in range(20):
        try:
            open_study(url, "study", None, objectives=[Objective("val/loss", "min")])
            return
        except UserError:
            time.sleep(0.5)
    raise AssertionError(f"{url} does not answer")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
def test_eight_processes_share_a_database(tmp_path):
    work_on(f"sqlite:///{tmp_path / 'study.db'}")


@pytest.mark.slow
def test_eight_processes_share_a_server(server):
    work_on(server)


def test_a_server_that_does_not_answer_is_refused(monkeypatch):
    pytest.importorskip("grpc")
    monkeypatch.setattr("trainhouse.sweeps.study._TO_ANSWER", 0.2)
    with pytest.raises(UserError, match=r"hydra.sweeper.storage: grpc://127.0.0.1:1: GRPC connection timeout"):
        open_study("grpc://127.0.0.1:1", "study", None)
    with pytest.raises(UserError, match="expected grpc://<host>:<port>, got grpc://here"):
        open_study("grpc://here", "study", None)
