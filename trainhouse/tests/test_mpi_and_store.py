"""Processes that mpirun has started, torchrun's store when the network is gone, and a disk that is not shared."""

import os
import threading
import time
from types import SimpleNamespace

import pytest
from torch.distributed import TCPStore  # type: ignore[attr-defined]

from trainhouse.configuration.errors import UserError
from trainhouse.machine import mpi
from trainhouse.machine.ranks import Ranks, ranks
from trainhouse.runs import rank_messages, rendezvous
from trainhouse.tests.many_ranks import SLURM
from trainhouse.training import checks


@pytest.fixture(autouse=True)
def _alone(monkeypatch):
    for name in [
        name for name in os.environ if name.startswith((*mpi._OF_MPIRUN, "SLURM_", "TORCHELASTIC_", "MASTER_"))
    ]:
        monkeypatch.delenv(name)


def test_mpirun_within_a_job_of_slurm_starts_the_processes(monkeypatch):
    mpich = {"PMI_RANK": "1", "PMI_SIZE": "2", "MPI_LOCALNRANKS": "2"}
    for name, value in {**SLURM, **mpich}.items():
        monkeypatch.setenv(name, value)
    assert ranks() == Ranks(1, 2, 2, "mpirun", "")


@pytest.mark.parametrize(
    ("world", "line"),
    [(None, "find one another by mpi4py, and that is not there"), (1, "mpi4py knows of 1: it uses another MPI")],
)
def test_mpirun_without_its_mpi_is_refused(world, line, monkeypatch):
    monkeypatch.setenv("OMPI_COMM_WORLD_RANK", "1")
    monkeypatch.setenv("OMPI_COMM_WORLD_SIZE", "2")
    monkeypatch.setattr(mpi, "_world", lambda: world and SimpleNamespace(Get_size=lambda: world))
    monkeypatch.setattr(mpi, "_library", lambda: "Open MPI v5")
    with pytest.raises(UserError, match=line):
        mpi.prepare_mpi(works_together=True)
    mpi.prepare_mpi(works_together=False)
    assert ranks() == Ranks()


def test_machines_of_mpirun_are_no_machines_that_never_come(monkeypatch):
    trainer = SimpleNamespace(epochs=1, min_epochs=None, get=lambda key: 1, accelerator="cpu", num_nodes=2)
    with pytest.raises(UserError, match="nobody has started a process on each"):
        checks._check_length(trainer)
    monkeypatch.setattr(checks, "ranks", lambda: Ranks(0, 2, 1, "mpirun"))
    checks._check_length(trainer)


def test_a_store_that_a_network_has_cut_off_keeps_nobody_waiting(monkeypatch):
    monkeypatch.setattr(rank_messages, "TOGETHER", 0.05)
    cut_off = threading.Event()
    store = object.__new__(rank_messages.Store)
    store._prefix, store._is_lost = "", False
    store._store = SimpleNamespace(check=lambda keys: cut_off.wait(), set=lambda name, text: cut_off.wait())
    started = time.monotonic()
    store.put("failed-1", "boom")
    assert store.get("failed-0", 1000) is None
    assert time.monotonic() - started < 10
    cut_off.set()


def test_a_rank_that_waits_hears_by_the_store_who_has_failed(monkeypatch):
    server = TCPStore("127.0.0.1", 0, is_master=True)
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
    monkeypatch.setenv("MASTER_PORT", str(server.port))
    here, there = rank_messages.Store("job", 5), rank_messages.Store("job", 5)
    assert here.names("failed-*") == []
    there.put("failed-3", "no such disk")
    assert here.names("failed-*") == ["failed-3"]
    assert here.get("failed-3", 0) == "no such disk"


def test_a_folder_that_machines_do_not_share_is_refused_before_training(tmp_path, monkeypatch):
    monkeypatch.setattr(rendezvous, "_UNTIL_SEEN", 0.0)
    first, second = tmp_path / "first", tmp_path / "second"
    (first / "checkpoints").mkdir(parents=True)
    (first / "checkpoints" / "last.ckpt").write_text("a")
    there = rendezvous.checkpoints_in(first)
    rendezvous.check_is_shared(first, there)
    with pytest.raises(UserError, match="second is not there, but on the machine of the first rank"):
        rendezvous.check_is_shared(second, there)
    second.mkdir()
    with pytest.raises(UserError, match="second has other checkpoints than on the machine of the first rank"):
        rendezvous.check_is_shared(second, there)
