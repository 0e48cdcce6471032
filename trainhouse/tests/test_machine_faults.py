"""What the machine does to a run, or a name to a file, ends in one line that says which file, and how to resume."""

import errno
import io
import json
import os
import re
import resource
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import trainhouse.tests.common as started
from trainhouse.configuration.errors import UserError, fault_of_the_machine
from trainhouse.launching import sweepers
from trainhouse.machine.files import atomic_write, write_text
from trainhouse.runs.saved_config import config_header
from trainhouse.sweeps.job import COMPLETE, Job, Objective
from trainhouse.sweeps.run_sweep import run_sweep
from trainhouse.tests.common import composed, run_script
from trainhouse.tests.tiny import CLASSES, tiny_config, tiny_data
from trainhouse.training import checks
from trainhouse.training.figures_of_test import draw_figures
from trainhouse.training.train import train


def failed(number: int, *, name: str | None = None) -> OSError:
    return OSError(number, os.strerror(number), *([name] if name else []))


def test_a_file_without_room_is_named_though_the_error_does_not(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    with pytest.raises(OSError, match="No space left") as caught, atomic_write(path):
        raise failed(errno.ENOSPC)
    assert fault_of_the_machine(caught.value) == f"{path}: No space left on device"

    class Full(io.FileIO):
        def write(self, data: Any) -> int:
            raise failed(errno.EFBIG)

    def library(file: io.FileIO) -> None:
        file.write(b"x")

    with pytest.raises(OSError, match="too large") as caught, Full(tmp_path / "log", "w") as file:
        library(file)
    assert fault_of_the_machine(caught.value) == f"{tmp_path / 'log'}: File too large"


def test_an_error_of_tidying_up_does_not_hide_the_fault() -> None:
    def start() -> None:
        try:
            raise failed(errno.ENOMEM)
        finally:
            raise RuntimeError("call iter first")

    with pytest.raises(RuntimeError) as caught:
        start()
    assert "no memory for another process" in str(fault_of_the_machine(caught.value))

    def look() -> None:
        try:
            Path("not there").read_text()
        except FileNotFoundError:
            raise ValueError("mine")  # noqa: B904  # a fault of code, after one that was handled

    with pytest.raises(ValueError, match="mine") as wrong:
        look()
    assert fault_of_the_machine(wrong.value) is None


def limited(monkeypatch: pytest.MonkeyPatch, limit: int) -> None:
    """Let the scripts that are started write no file of more than `limit` bytes, as ``ulimit -f``."""
    run = started._run_as_main

    def run_limited(*args: Any) -> int:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        return run(*args)

    monkeypatch.setattr(started, "_run_as_main", run_limited)


@pytest.mark.parametrize("limit", [2_000, 20_000])
def test_a_run_that_meets_a_limit_names_the_file(limit: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "small").mkdir()
    tiny = ("data.path=rows.npy", "data.rows=60", "data.columns=4", "trainer.max_epochs=1", "model.hidden_sizes=[99]")
    made = run_script("train.py", *tiny, "hydra.run.dir=before", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    limited(monkeypatch, limit)
    done = run_script("train.py", *tiny, "hydra.run.dir=run", cwd=tmp_path)
    assert done.returncode == 1
    assert "Traceback" not in done.stdout + done.stderr
    assert "File too large" in done.stderr
    assert str(tmp_path / "run") in done.stderr


@pytest.mark.usefixtures("drawn")
def test_a_disk_that_is_full_after_the_test_costs_figures_and_not_the_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limited(monkeypatch, 60_000)  # a checkpoint has 21,000 bytes, each of the other two pictures some 40,000
    tiny = ("data.path=rows.npy", "data.rows=60", "data.columns=4", "trainer.max_epochs=1", "model.hidden_sizes=[8]")
    figures = "figures=[loss_curve,confusion_matrix,class_scores]"
    done = run_script("train.py", *tiny, figures, "hydra.run.dir=run", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "warning: figures/loss_curve.png was not drawn: OSError: [Errno 27] File too large" in done.stdout
    (line,) = [line for line in done.stdout.splitlines() if "TensorBoardLogger" in line]
    start = f"warning: TensorBoardLogger may lack figures and last values: {tmp_path}/run/events.out.tfevents"
    assert line.startswith(start)
    assert line.endswith("File too large")
    content = json.loads((tmp_path / "run/metrics.json").read_text())
    assert content["status"] == "completed"
    assert "test/acc" in content["metrics"]


def test_an_old_figure_that_cannot_be_removed_costs_a_line(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "figures").touch()
    built: Any = SimpleNamespace(
        card=SimpleNamespace(name="x", spec=None), settings=SimpleNamespace(plain={"figures": False})
    )
    result: Any = SimpleNamespace(folder=tmp_path)
    draw_figures(built, result, [], None)
    (line,) = [record.getMessage() for record in caplog.records]
    assert re.fullmatch(rf"warning: {tmp_path}/figures/\w+\.png: Not a directory; it may show another model", line)


class Plan:
    """Two jobs that are done."""

    is_search, is_kept, note, drawn, shared = False, True, "", "", frozenset[str]()
    objectives = (Objective("val/loss", "min"),)

    def __init__(self, fails: Callable[[], Any] = lambda: []) -> None:
        self.next = lambda size: fails()

    def start(self) -> None: ...
    def is_asked_for(self, number: int) -> bool:
        return True

    def total(self) -> int:
        return 2

    def jobs(self) -> list[Job]:
        return [Job(number, {"seed": str(number)}, COMPLETE, {"val/loss": 0.5 + number}) for number in range(2)]


def full(*args: Any, **options: Any) -> Any:
    raise failed(errno.ENOSPC, name="results.csv")


@pytest.mark.parametrize("where", ["results", "next job"])
def test_a_sweep_without_room_prints_its_table_and_the_command_that_resumes_it(
    where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if where == "results":
        monkeypatch.setattr("trainhouse.sweeps.run_sweep.write_results", full)
    plan: Any = Plan(full if where == "next job" else lambda: [])
    with pytest.raises(UserError, match=r"results\.csv: No space left on device.*continue with: python train\.py -m"):
        run_sweep(plan, lambda tasks: [], tmp_path, 1, False, "python train.py -m seed=0,1", tmp_path / "mark")
    assert "by val/loss" in capsys.readouterr().out


def test_a_worker_that_is_killed_while_it_starts_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    class TerminatedWorkerError(Exception):
        """As joblib calls it."""

    def killed(*args: Any, **options: Any) -> Any:
        raise TerminatedWorkerError

    pytest.importorskip("joblib")  # an extra
    monkeypatch.setattr("joblib.Parallel", lambda **options: killed)
    launcher = SimpleNamespace(joblib={"n_jobs": 2})
    with pytest.raises(UserError, match="a process of joblib was killed while it started; memory may be short for 2"):
        sweepers._check_in_workers(launcher, ([], {}))


def test_shared_memory_that_is_too_small_is_named_before_training(monkeypatch: pytest.MonkeyPatch) -> None:
    data = tiny_data(CLASSES)  # batches of 5 rows of 4 float32
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=2 * 2 * 5 * 16 - 1))
    with pytest.raises(UserError, match=r"data\.num_workers: shared memory is too small.* 319 bytes of 320 are free"):
        checks._check_shared_memory(2, data)
    checks._check_shared_memory(1, data)
    checks._check_shared_memory(0, data)


def test_a_folder_that_is_deleted_while_its_run_is_at_work_ends_it(tmp_path: Path) -> None:
    delete = {"_target_": "trainhouse.tests.test_machine_faults.Delete"}
    config = tiny_config(tmp_path / "rows.npy", "preflight=false", "trainer.max_epochs=3")
    config = config.with_values({"callbacks": {"delete": {**delete, "folder": str(tmp_path / "run")}}})
    with pytest.raises(UserError, match=r"run: was deleted or moved while the run was at work"):
        train(config, tmp_path / "run")
    assert not (tmp_path / "run/metrics.json").exists()


class Delete(started.lightning.Callback):
    """Deletes the run's folder as its second epoch starts."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def on_train_epoch_start(self, trainer: Any, pl_module: Any) -> None:
        if trainer.current_epoch == 1:
            shutil.rmtree(self.folder)


def test_what_a_strategy_or_a_logger_can_not_do_is_said_before_training(tmp_path: Path) -> None:
    spawn = ("trainer.strategy=ddp_spawn", "++trainer.devices=2")
    with pytest.raises(UserError, match=r"trainer\.strategy: ddp_spawn starts processes that keep what they learn"):
        train(tiny_config(tmp_path / "rows.npy", *spawn), tmp_path / "b")
    with pytest.raises(UserError, match=r"logger\.x: expected a mapping with _target_, or null, got 1"):
        train(composed(f"data.path={tmp_path / 'others.npy'}", "logger=csv", "+logger.x=1"), tmp_path / "c")


def test_a_name_with_a_line_break_ends_no_comment(tmp_path: Path) -> None:
    header = config_header(tmp_path / "new\nline: x")
    assert all(line.startswith("#") for line in header.partition("defaults:")[0].splitlines())
    write_text(tmp_path / "new\nline" / "x", "y")
    assert (tmp_path / "new\nline" / "x").read_text() == "y"


def test_names_are_utf8_whatever_the_locale(tmp_path: Path) -> None:
    ascii_only = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    folder = tmp_path / "ä€"
    folder.mkdir()
    done = run_script("select_best_model.py", f"runs='{folder}'", cwd=tmp_path, fresh=True, **ascii_only)
    assert done.returncode == 1
    assert f"no finished run with a best model below {folder}" in done.stderr
    done = run_script("select_best_model.py", "runs='\udce9'", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (
        1,
        "error: runs='\\udce9': is not UTF-8 text; give the file or folder another name\n",
    )
