"""One run, whoever starts its processes: torchrun, srun, or Lightning."""

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from omegaconf import OmegaConf

from trainhouse.configuration.errors import UserError
from trainhouse.launching.job_devices import take_given_ranks
from trainhouse.machine.ranks import Ranks, are_unequal, ranks
from trainhouse.runs import rank_messages
from trainhouse.tests.common import ROOT, run_script
from trainhouse.tests.many_ranks import ALONE_IN_SLURM, FIVE, SLURM
from trainhouse.tests.started import Started
from trainhouse.training import build_run, checks

RUN = ("trainer=cpu", "trainer.max_epochs=1", "data.path=rows.npy", "data.rows=200", "logger=none", "figures=false")
ALL = (
    "LOCAL_RANK",
    "NODE_RANK",
    "GROUP_RANK",
    "RANK",
    "WORLD_SIZE",
    "TORCHELASTIC_RUN_ID",
    "SLURM_PROCID",
    "SLURM_NTASKS",
    "SLURM_NPROCS",
    "SLURM_STEP_NUM_TASKS",
    "LSB_JOBID",
    "JSM_NAMESPACE_RANK",
    "OMPI_COMM_WORLD_RANK",
    "OMPI_COMM_WORLD_SIZE",
    "PMI_RANK",
    "PMI_SIZE",
    "MPI_LOCALNRANKS",
)


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ALL:
        monkeypatch.delenv(name, raising=False)


def srun(
    cwd: Path,
    *arguments: str,
    script: str = "train.py",
    prepare: Callable[[], None] | None = None,
    **of_rank_1: str,
) -> list[tuple[int, str, str]]:
    """Start two processes as srun does; return the exit status, the output and the errors of each.

    The second one differs in what is in its environment, and in what `prepare` does to it.
    """
    env = {**SLURM, "SLURM_PROCID": "0", "SLURM_LOCALID": "0"}
    of_rank_1 = {**SLURM, "SLURM_PROCID": "1", "SLURM_LOCALID": "1", **of_rank_1}
    with (
        Started(script, *arguments, cwd=cwd, **env) as first,
        Started(script, *arguments, cwd=cwd, prepare=prepare, **of_rank_1) as second,
    ):
        return [(one.status(), one.stdout, one.stderr) for one in (first, second)]


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, Ranks()),
        ({"LOCAL_RANK": "1", "WORLD_SIZE": "2"}, Ranks(1, 2, 2)),
        ({"LOCAL_RANK": "0", "NODE_RANK": "1", "WORLD_SIZE": "4"}, Ranks(1, 4, 4)),
        (
            {"TORCHELASTIC_RUN_ID": "a", "RANK": "3", "LOCAL_RANK": "1", "WORLD_SIZE": "4", "LOCAL_WORLD_SIZE": "2"},
            Ranks(3, 4, 2, "torchrun", "a--0"),
        ),
        ({**SLURM, "SLURM_PROCID": "1"}, Ranks(1, 2, 2, "srun", "4321-0-")),
        ({**SLURM, "SLURM_PROCID": "1", "SLURM_JOB_NAME": "interactive"}, Ranks(1, 2, 2, "srun", "4321-0-")),
        ({**SLURM, "SLURM_PROCID": "0", "ENVIRONMENT": "BATCH"}, Ranks(0, 2, 2, "srun", "4321-0-")),
        ({**SLURM, **FIVE, "SLURM_PROCID": "4", "SLURM_NODEID": "2"}, Ranks(4, 5, 1, "srun", "4321-0-")),
        *((environment, Ranks()) for environment in ALONE_IN_SLURM),
        (
            {"OMPI_COMM_WORLD_RANK": "1", "OMPI_COMM_WORLD_SIZE": "2", "PMIX_NAMESPACE": "x"},
            Ranks(1, 2, 2, "mpirun", "x"),
        ),
        (
            {"LSB_JOBID": "7", "JSM_NAMESPACE_RANK": "1", "JSM_NAMESPACE_SIZE": "4", "JSM_NAMESPACE_LOCAL_SIZE": "2"},
            Ranks(1, 4, 2, "jsrun", "7-"),
        ),
    ],
)
def test_a_process_knows_which_of_how_many_it_is(environment, expected, monkeypatch):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert ranks() == expected


@pytest.mark.parametrize(
    ("trainer", "devices"),
    [
        ({"devices": 1, "num_nodes": 1}, 2),
        ({"devices": "auto", "num_nodes": 2}, 2),
        ({"devices": "auto", "num_nodes": 3}, "auto"),
        ({"devices": 4, "num_nodes": 2}, 4),
        ({"devices": [0, 1], "num_nodes": 2}, [0, 1]),
    ],
)
def test_a_trainer_that_leaves_its_devices_open_has_those_that_are_given(trainer, devices, monkeypatch):
    four = {"TORCHELASTIC_RUN_ID": "a", "RANK": "3", "WORLD_SIZE": "4", "LOCAL_WORLD_SIZE": "2"}
    for name, value in four.items():
        monkeypatch.setenv(name, value)
    config = OmegaConf.create({"trainer": trainer})
    take_given_ranks(config, [])
    assert config.trainer.devices == devices


@pytest.mark.parametrize(("here", "machines"), [(Ranks(0, 3, 1, "torchrun"), "2"), (Ranks(0, 3, 2, "mpirun"), None)])
def test_machines_with_unequal_numbers_of_processes_are_refused(here, machines, monkeypatch):
    monkeypatch.setenv("GROUP_WORLD_SIZE", machines or "3")
    assert are_unequal(here)
    assert not are_unequal(here._replace(world=2, local_world=1))
    monkeypatch.setattr(checks, "ranks", lambda: here)
    with pytest.raises(UserError, match="3 processes, not equally many on each machine"):
        checks._check_ranks(SimpleNamespace(get=lambda key: 1, accelerator="cpu", num_nodes=2))


def test_srun_starts_one_run_whose_lines_come_once(tmp_path):
    first, second = srun(tmp_path, *RUN, "hydra.run.dir=run")
    assert (first[0], second[0]) == (0, 0), first[2] + second[2]
    assert "best epoch 1 of 1" in first[1]
    assert (second[1], second[2]) == ("", "")
    assert json.loads((tmp_path / "run" / "metrics.json").read_text())["status"] == "completed"
    assert "devices: 2" in (tmp_path / "run" / "config.yaml").read_text()
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(("run", "out"))] == ["run"]


def test_torchrun_starts_one_run(tmp_path):
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    done = subprocess.run(
        [*command, str(ROOT / "train.py"), *RUN, "outputs=runs"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("best epoch 1 of 1") == 1
    (metrics,) = (tmp_path / "runs").rglob("metrics.json")
    assert json.loads(metrics.read_text())["exact"] is True


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ((*RUN, "optimizer.lrr=1"), "'optimizer.lrr' is not a key of this configuration; did you mean 'optimizer.lr'?"),
        ((*RUN, "trainer.devices=3"), "trainer.devices: 3 on trainer.num_nodes=1 are 3 processes, but srun has"),
        (("-m", *RUN, "optimizer.lr=1,2"), "-m: each of the 2 processes that srun has started would run the whole"),
    ],
)
def test_an_error_of_all_comes_once(arguments, error, tmp_path):
    first, second = srun(tmp_path, *arguments)
    assert (first[0], second[0]) == (1, 1)
    assert first[2].startswith(f"error: {error}")
    assert second[2] == ""
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("out")] in ([], ["outputs"])


def test_the_configuration_of_the_first_is_that_of_all(tmp_path):
    first, second = srun(tmp_path, *RUN, "outputs=runs", "name=${oc.env:NAME_HERE,first}", NAME_HERE="second")
    assert (first[0], second[0]) == (0, 0), second[2]
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["first"]


def test_one_that_fails_alone_ends_all_with_its_own_line(tmp_path):
    def fill_the_disk() -> None:
        def full(*_: object, **__: object) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/there")

        build_run.build_module = full  # type: ignore[attr-defined]

    first, second = srun(tmp_path, *RUN, "outputs=runs", prepare=fill_the_disk)
    assert (first[0], second[0]) == (1, 1)
    assert "error: rank 1 on " in second[2]
    assert "/there" in second[2]
    assert "error: rank 1 has failed: " in first[2]
    assert "/there" in first[2]


def test_other_commands_do_their_work_once(tmp_path):
    first, second = srun(tmp_path, script="eval.py")
    assert first[2].startswith("error: ckpt_path: required")
    assert second == (0, "", "")


def test_a_mark_of_an_earlier_job_is_not_heard(tmp_path, monkeypatch):
    for name, value in {**SLURM, "SLURM_PROCID": "1"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(rank_messages, "outputs", lambda: tmp_path)
    place = rank_messages.Files(ranks())
    place.put("run", "{}")
    assert place.get("run", 0) == "{}"
    (mark,) = tmp_path.rglob("run")
    os.utime(mark, (1e9, 1e9))
    assert place.get("run", 0) is None


def test_two_processes_measure_every_row_once(tmp_path):
    config = (*RUN, "data.rows=214", "data.batch_size=16", "hydra.run.dir=run")  # 21 of validation, and of the test
    first, _ = srun(tmp_path, *config)
    assert first[0] == 0, first[2]
    of_two = json.loads((tmp_path / "run" / "metrics.json").read_text())["metrics"]
    for split in ("val", "test"):
        done = run_script("eval.py", "ckpt_path=run", f"split={split}", "trainer=cpu", f"outputs={split}", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        (alone,) = (tmp_path / split).rglob("metrics.json")
        of_one = json.loads(alone.read_text())["metrics"]
        assert of_two[f"{split}/acc"] == of_one[f"{split}/acc"]
        assert of_two[f"{split}/loss"] == pytest.approx(of_one[f"{split}/loss"], rel=1e-6)
