"""A stand-in for SLURM on this machine: `sbatch`, `srun`, `scontrol`, `sacct`, `squeue` and `scancel`, for submitit.

Called by one of these names it does what that command does; its state is in the folder that SLURM_STAND_IN names.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

COMMANDS = ("sbatch", "srun", "scontrol", "sacct", "scancel", "squeue")


def install(folder: Path) -> dict[str, str]:
    """Put the commands into `folder`; return the environment that finds them."""
    folder.mkdir()
    for name in COMMANDS:
        command = folder / name
        command.write_text(f'#!/bin/sh\nexec {sys.executable} {__file__} {name} "$@"\n')
        command.chmod(0o755)
    return {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}", "SLURM_STAND_IN": str(folder)}


def tasks(folder: Path) -> dict[str, int]:
    """Return the processes of all tasks at work, by the job and the number of the task, as ``1_0-1``."""
    found = {path.name.removeprefix("task-"): int(path.read_text() or 0) for path in folder.glob("task-*")}
    return {name: pid for name, pid in found.items() if pid}


def end_all(folder: Path) -> None:
    """End what is left of all jobs."""
    for path in (*folder.glob("control-*"), *folder.glob("task-*")):
        with suppress(OSError, ValueError):
            os.killpg(int(path.read_text()), signal.SIGKILL)


def _home() -> Path:
    return Path(os.environ["SLURM_STAND_IN"])


def _sbatch(script: str) -> None:
    text = Path(script).read_text()
    options = dict(re.findall(r"^#SBATCH --([\w-]+)=(.*)$", text, re.MULTILINE))
    number = 1
    while True:  # several searches may queue at once
        try:
            (_home() / f"job-{number}.sh").touch(exist_ok=False)
            break
        except FileExistsError:
            number += 1
    (_home() / f"job-{number}.sh").write_text(text)
    last = re.match(r"0-(\d+)", options.get("array", ""))
    for index in [str(one) for one in range(int(last[1]) + 1)] if last else [""]:
        (_home() / f"state-{number}{'_' * bool(index)}{index}").write_text("PENDING")
        arguments = [sys.executable, __file__, "control", str(number), index, json.dumps(options)]
        log = open(_home() / f"log-{number}-{index}", "w")  # noqa: SIM115  # the process has it
        subprocess.Popen(arguments, start_new_session=True, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    print(f"Submitted batch job {number}")


def _control(number: str, index: str, options_text: str) -> None:
    options, name = json.loads(options_text), f"{number}{'_' * bool(index)}{index}"
    (_home() / f"control-{name}").write_text(str(os.getpid()))
    per_node, nodes = int(options.get("ntasks-per-node", 1)), int(options.get("nodes", 1))
    env = {
        **os.environ,
        "SLURM_JOB_ID": f"{number}{index}",
        "SLURM_JOB_NAME": "sweep",
        "SLURM_NTASKS": str(per_node * nodes),
        "SLURM_NPROCS": str(per_node * nodes),
        "SLURM_NTASKS_PER_NODE": str(per_node),
        "SLURM_NNODES": str(nodes),
        "SLURM_JOB_NUM_NODES": str(nodes),
        "SLURM_JOB_NODELIST": "localhost",
        "SLURM_NODELIST": "localhost",
        "ENVIRONMENT": "BATCH",
        **({"SLURM_ARRAY_JOB_ID": number, "SLURM_ARRAY_TASK_ID": index} if index else {}),
    }
    while (_home() / "full").exists():  # no machine is free
        time.sleep(0.05)
        if (_home() / f"state-{name}").read_text() == "CANCELLED":
            return
    for restart in range(5):
        (_home() / f"state-{name}").write_text("RUNNING")
        if restart:
            env["SLURM_RESTART_COUNT"] = str(restart)
        status = subprocess.call(["bash", str(_home() / f"job-{number}.sh")], env=env)
        if not (_home() / f"requeue-{name}").exists():
            break
        (_home() / f"requeue-{name}").rename(_home() / f"requeued-{name}-{restart}")
    (_home() / f"state-{name}").write_text("FAILED" if status else "COMPLETED")


def _srun(*arguments: str) -> None:
    command = list(arguments)
    while command[0].startswith("-"):
        del command[: 2 if command[0] in ("--output", "--error") else 1]
    array = os.environ.get("SLURM_ARRAY_JOB_ID")
    name = f"{array}_{os.environ['SLURM_ARRAY_TASK_ID']}" if array else os.environ["SLURM_JOB_ID"]
    per_node, started = int(os.environ["SLURM_NTASKS_PER_NODE"]), []
    for rank in range(int(os.environ["SLURM_NTASKS"])):
        own = {"SLURM_PROCID": rank, "SLURM_LOCALID": rank % per_node, "SLURM_NODEID": rank // per_node}
        step = {"SLURM_STEP_ID": "0", "SLURM_STEP_NUM_TASKS": os.environ["SLURM_NTASKS"]}
        step |= {"SLURM_STEP_TASKS_PER_NODE": f"{per_node}(x{os.environ['SLURM_NNODES']})"}
        env = {**os.environ, **step, **{key: str(value) for key, value in own.items()}}
        started.append(subprocess.Popen(command, env=env, start_new_session=True))
        (_home() / f"task-{name}-{rank}").write_text(str(started[-1].pid))
    statuses = [one.wait() for one in started]
    for rank in range(len(started)):
        (_home() / f"task-{name}-{rank}").unlink()
    sys.exit(max(abs(status) for status in statuses))


def _scontrol(*arguments: str) -> None:
    if "show" in arguments:
        is_preempted = (_home() / "preempts").exists()
        print(f"JobState=RUNNING Restarts=0 PreemptTime={'2026-11-27T22:16:48' if is_preempted else 'None'}")
        return
    verb, job = arguments
    assert verb == "requeue"
    (_home() / f"requeue-{job}").touch()


def _sacct(*_: str) -> None:
    print("JobID|State|NodeList")
    for path in sorted(_home().glob("state-*")):
        print(f"{path.name.removeprefix('state-')}|{path.read_text()}|localhost")


def _squeue(*_: str) -> None:
    for path in sorted(_home().glob("state-*")):
        if (state := path.read_text()) in ("PENDING", "RUNNING"):
            print(f"{path.name.removeprefix('state-')}|{state}|None")


def _scancel(*arguments: str) -> None:
    """Take what waits of an array, or a job, out of the queue."""
    number = arguments[-1]
    for path in (*_home().glob(f"state-{number}"), *_home().glob(f"state-{number}_*")):
        if path.read_text() == "PENDING":
            path.write_text("CANCELLED")


if __name__ == "__main__":
    globals()[f"_{sys.argv[1]}"](*sys.argv[2:])
