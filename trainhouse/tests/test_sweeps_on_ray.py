"""Sweeps on a Ray cluster of two worker processes. Needs the extra `ray`; a job of CI has it."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from omegaconf import OmegaConf

from trainhouse.configuration.errors import UserError
from trainhouse.launching.on_ray import _room, start_ray
from trainhouse.tests.common import run_script
from trainhouse.tests.started import Started

TINY = ("launcher=ray", "trainer=cpu", "data.path=rows.npy", "data.rows=400", "data.batch_size=16", "logger=none")
TINY += ("figures=false", "model.hidden_sizes=[16]", "hydra.sweep.dir=sweep", "callbacks.early_stopping=null")


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """The address of a cluster with two cores, for two worker processes."""
    pytest.importorskip("hydra_plugins.hydra_ray_launcher")
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        port, for_clients = one.getsockname()[1], other.getsockname()[1]
    command = [sys.executable, "-c", "from ray.scripts.scripts import main; main()", "start", "--head", "--block"]
    command += [f"--port={port}", "--node-ip-address=127.0.0.1", "--num-cpus=2", "--include-dashboard=false"]
    command += [
        f"--ray-client-server-port={for_clients}",
        "--object-store-memory=78643200",
        "--dashboard-agent-listen-port=0",
    ]
    env = {**os.environ, "RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "disabled", "RAY_TMPDIR": "/tmp"}
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    log = open(tmp_path / "ray.log", "w")  # noqa: SIM115
    cluster = subprocess.Popen(command, env=env, cwd=elsewhere, stdout=log, stderr=log, start_new_session=True)
    try:
        until = time.monotonic() + 60
        while not _answers(port):
            assert cluster.poll() is None, (tmp_path / "ray.log").read_text()
            assert time.monotonic() < until
            time.sleep(0.2)
        yield f"127.0.0.1:{port}"
    finally:
        cluster.terminate()
        try:
            cluster.wait(30)
        except subprocess.TimeoutExpired:
            cluster.kill()
        log.close()


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def record(folder: Path) -> dict[str, Any]:
    path = folder / "metrics.json"
    return json.loads(path.read_text()) if path.exists() else {}


def on(address: str) -> tuple[str, ...]:
    return (*TINY, f"hydra.launcher.ray.init.address={address!r}")


def test_a_trial_that_no_machine_has_room_for_is_refused():
    assert _room({"CPU": 16.0, "GPU": 4.0}, {"num_cpus": 2, "num_gpus": 2}) == 2
    assert _room({"CPU": 16.0}, {"num_cpus": 0.5, "num_gpus": 0}) == 32
    with pytest.raises(UserError, match="num_gpus: 1 for one trial, but the cluster has 0"):
        _room({"CPU": 2.0}, {"num_cpus": 1, "num_gpus": 1})


def launcher_of(**init: Any) -> Any:
    config = OmegaConf.create({"init": init, "remote": {"num_cpus": 1}})
    return SimpleNamespace(ray_cfg=config, task_function=print)


def test_ray_is_started_here_whatever_cluster_was_here_before(monkeypatch):
    asked: dict[str, Any] = {}
    fake = SimpleNamespace(init=lambda **options: asked.update(options), cluster_resources=lambda: {"CPU": 2.0})
    monkeypatch.setitem(sys.modules, "ray", fake)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    assert start_ray(launcher_of(address=None)) == 2
    assert asked["address"] == "local"


def test_a_cluster_that_was_here_before_and_is_gone_is_refused(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace())
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    (tmp_path / "ray").mkdir()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        (tmp_path / "ray" / "ray_current_cluster").write_text(f"127.0.0.1:{free.getsockname()[1]}")
    with pytest.raises(UserError, match=r"^hydra.launcher.ray.init: no cluster at auto: .*refused"):
        start_ray(launcher_of(address="auto"))


def test_without_its_package_ray_is_refused_with_what_brings_it(tmp_path):
    if os.environ.get("PATH") and _has_ray():
        pytest.skip("it is installed")
    done = run_script("train.py", "-m", *TINY, "seed=1", cwd=tmp_path)
    assert done.returncode == 1
    assert "launcher=ray: its package is not installed; pip install -e '.[ray]' brings it" in done.stderr


def _has_ray() -> bool:
    try:
        import hydra_plugins.hydra_ray_launcher  # type: ignore[import-not-found]  # noqa: F401
    except ImportError:
        return False
    return True


@pytest.mark.slow
def test_a_grid_and_a_search_on_a_cluster(tmp_path, address):
    env = {"RAY_AUTH_MODE": "disabled"}
    grid = ("seed=1,2,3", "trainer.max_epochs=1")
    done = run_script("train.py", "-m", *on(address), *grid, cwd=tmp_path, fresh=True, timeout=300, **env)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 trials: 3 complete" in done.stdout
    assert not any((tmp_path / "elsewhere").iterdir()), "the results are where the command was typed"
    search = ("sweep=optuna", "hydra.sweeper.n_trials=4", "hydra.sweep.dir=search", "trainer.max_epochs=1")
    lines = [one for one in on(address) if one != "hydra.sweep.dir=sweep"]
    done = run_script("train.py", "-m", *lines, *search, cwd=tmp_path, fresh=True, timeout=300, **env)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 trials: 4 complete" in done.stdout


@pytest.mark.slow
def test_trials_on_a_cluster_are_saved_when_the_sweep_is_ended_and_resumed(tmp_path, address):
    env = {"RAY_AUTH_MODE": "disabled"}
    several = ("seed=1,2,3", "trainer.max_epochs=300")
    logs = [tmp_path / "sweep" / number / "logs" / "metrics.csv" for number in "01"]
    with Started("train.py", "-m", *on(address), *several, cwd=tmp_path, fresh=True, **env) as sweep:
        sweep.wait_until(lambda: all(log.exists() for log in logs), "the first epochs end")
        sweep.send(signal.SIGTERM)
        assert sweep.status() == 143
        assert sweep.stderr.count("stopped by SIGTERM") == 1
        assert "Traceback" not in sweep.stderr
    assert "3 trials: 2 interrupted, 1 waiting" in sweep.stdout
    assert [record(tmp_path / "sweep" / number)["status"] for number in "01"] == ["interrupted"] * 2
    resumed = [one for one in on(address) if one != "hydra.sweep.dir=sweep"]
    done = run_script("train.py", "-m", *resumed, *several, "sweep.resume=sweep", cwd=tmp_path, fresh=True, **env)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 trials: 3 complete" in done.stdout
    for number in "01":
        assert "resume  from" in (tmp_path / "sweep" / number / "logs" / "training.log").read_text()


@pytest.mark.slow
def test_trials_of_two_processes_on_a_cluster_are_saved_when_the_sweep_is_stopped(tmp_path, address):
    two = ("trainer.devices=2", "hydra.launcher.ray.remote.num_cpus=2", "seed=1", "trainer.max_epochs=100000")
    with Started("train.py", "-m", *on(address), *two, cwd=tmp_path, fresh=True, RAY_AUTH_MODE="disabled") as sweep:
        sweep.wait_until((tmp_path / "sweep/0/logs/metrics.csv").exists, "the first epoch ends")
        sweep.send(2)
        assert sweep.status() == 130
        assert "continue with: " in sweep.stderr
    assert record(tmp_path / "sweep" / "0")["status"] == "interrupted"
