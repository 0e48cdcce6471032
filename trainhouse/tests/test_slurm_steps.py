"""What is true of a step of a SLURM job, and what of a process that is in such a job but none of its tasks."""

import os

import pytest
from lightning.pytorch.plugins.environments import SLURMEnvironment

from trainhouse.configuration.errors import UserError
from trainhouse.configuration.settings import Trainer
from trainhouse.machine.ranks import settle_slurm
from trainhouse.tests.common import run_script
from trainhouse.tests.many_ranks import ALONE_IN_SLURM, FIVE, SHORT, SLURM
from trainhouse.training.checks import _check_ranks


@pytest.mark.filterwarnings("ignore:The `srun` command is available")  # where it is
@pytest.mark.parametrize("environment", ALONE_IN_SLURM)
def test_lightning_takes_a_process_alone_in_a_slurm_job_for_none_of_its_tasks(environment, monkeypatch):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    settle_slurm()
    assert not SLURMEnvironment.detect()


def test_lightning_reads_of_a_step_what_is_true_of_it_and_not_of_its_job(monkeypatch):
    of_job = {"SLURM_JOB_NAME": "interactive", "SLURM_NTASKS_PER_NODE": "4", "SLURM_NODELIST": "node[1-3]"}
    for name, value in {**SLURM, **of_job, "SLURM_PROCID": "1", "SLURM_LOCALID": "1"}.items():
        monkeypatch.setenv(name, value)
    for name in ("MASTER_ADDR", "SLURM_NTASKS_PER_NODE", "SLURM_JOB_NAME", "SLURM_NODELIST"):
        monkeypatch.setenv(name, os.environ.get(name, ""))  # put back afterwards
    monkeypatch.delenv("MASTER_ADDR")
    settle_slurm()
    assert SLURMEnvironment.detect()
    found = SLURMEnvironment()
    found.validate_settings(num_devices=2, num_nodes=1)
    assert (found.global_rank(), found.world_size(), found.main_address) == (1, 2, "127.0.0.1")


def test_unequal_shares_of_machines_are_refused(monkeypatch):
    for name, value in {**SLURM, **FIVE, "SLURM_PROCID": "0"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UserError, match="srun has started 2 and 2 and 1 tasks on 3 machines"):
        _check_ranks(Trainer({"devices": 2, "num_nodes": 3}))


def test_as_many_processes_on_other_machines_than_said_are_refused(monkeypatch):
    for name, value in {**SLURM, "SLURM_PROCID": "0"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UserError, match="are 2 processes, but srun has started 2 on each of 1 machines"):
        _check_ranks(Trainer({"devices": 1, "num_nodes": 2}))


def test_a_batch_script_without_srun_trains_as_one_process_and_says_so(tmp_path):
    done = run_script(
        "train.py",
        *SHORT,
        "trainer.max_epochs=1",
        "hydra.run.dir=run",
        cwd=tmp_path,
        **ALONE_IN_SLURM[0],
        SLURM_NPROCS="8",
    )
    assert done.returncode == 0, done.stderr
    assert "warning: this SLURM job has room for 8 tasks, of which the run is 1; `srun python train.py`" in done.stdout
