"""A command that ends before anything worth keeping was made leaves no folder; its traceback is kept in one file."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from trainhouse.launching.failure import keep_traceback
from trainhouse.runs import abandoned, litter
from trainhouse.runs.abandoned import free_abandoned
from trainhouse.runs.litter import claim_folder, forget, keep, leaves_nothing, remove_litter
from trainhouse.tests.common import run_script
from trainhouse.tests.started import Hold, Started
from trainhouse.training import trying_out


@pytest.fixture(autouse=True)
def _no_claims() -> Iterator[None]:
    yield
    forget()


def claimed(folder: Path, *files: str) -> Path:
    """A folder that is claimed, and then written to."""
    claim_folder(folder, "run", lambda path: (path / ".hydra").mkdir())
    for name in (".hydra/config.yaml", "logs/training.log", *files):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def left(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def test_what_a_run_writes_before_its_first_step_is_removed_with_the_folders_that_were_made(tmp_path: Path) -> None:
    (tmp_path / "outputs").mkdir()
    own = ["config.yaml", "metrics.json", "events.out.tfevents.1.host", "logs/hparams.yaml"]
    folder = claimed(tmp_path / "outputs" / "a" / "b", *own)
    (folder / "checkpoints").mkdir()
    assert leaves_nothing(folder)
    remove_litter()
    assert left(tmp_path) == ["outputs"]


@pytest.mark.parametrize("file", ["checkpoints/last.ckpt", "notes.txt", "predictions.csv", "logs/mine.log"])
def test_what_anybody_has_put_there_keeps_the_folder(file: str, tmp_path: Path) -> None:
    folder = claimed(tmp_path / "run", "config.yaml", file)
    assert not leaves_nothing(folder)
    remove_litter()
    assert {file, "config.yaml", "logs/training.log"} <= {*left(folder)}


def test_a_link_is_never_followed_and_keeps_the_folder(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "metrics.json").touch()
    folder = claimed(tmp_path / "run")
    (folder / "checkpoints").symlink_to(tmp_path / "other")
    remove_litter()
    assert (folder / "logs/training.log").exists()
    assert (tmp_path / "other" / "metrics.json").exists()


def test_a_folder_that_was_there_stays_and_so_does_what_was_in_it(tmp_path: Path) -> None:
    empty, full = tmp_path / "empty", tmp_path / "full"
    empty.mkdir()
    (full / "logs").mkdir(parents=True)
    for folder in (empty, full):
        claimed(folder)
        remove_litter()
    assert left(empty) == []
    assert left(full) == ["logs"]


def test_a_log_that_was_there_stays_and_so_does_what_a_run_does_not_write(tmp_path: Path) -> None:
    for name in ("logs/training.log", "mine/config.yaml", "notes.txt"):
        (tmp_path / "run" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "run" / name).touch()
    before = left(tmp_path)
    claimed(tmp_path / "run", "config.yaml")
    remove_litter()
    assert left(tmp_path) == before


def test_a_folder_above_that_another_command_made_goes_when_it_is_empty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trainhouse.runs.outputs._place", [tmp_path / "outputs"])
    (tmp_path / "outputs/name").mkdir(parents=True)
    claimed(tmp_path / "outputs/name/run", "config.yaml")
    remove_litter()
    assert left(tmp_path) == ["outputs"]


def test_a_folder_whose_run_was_killed_before_it_had_a_configuration_can_be_used_again(tmp_path: Path) -> None:
    claimed(tmp_path / "run")
    forget()
    free_abandoned(tmp_path / "run")
    abandoned._held.pop().close()
    assert left(tmp_path / "run") == ["logs", "logs/training.log"]
    starting = tmp_path / "starting"
    (starting / ".hydra").mkdir(parents=True)
    free_abandoned(starting)
    assert (starting / ".hydra").exists(), "it may be about to write"
    claimed(tmp_path / "begun", "config.yaml")
    free_abandoned(tmp_path / "begun")
    assert (tmp_path / "begun/.hydra").exists()


@pytest.mark.parametrize("log", ["app.log", "logs/training.log"])
def test_the_folder_of_another_program_of_hydras_is_not_taken(log: str, tmp_path: Path) -> None:
    mark = tmp_path / "theirs" / ".hydra"
    mark.mkdir(parents=True)
    (mark / "config.yaml").write_text("db: mysql\n")
    (tmp_path / "theirs" / log).parent.mkdir(exist_ok=True)
    (tmp_path / "theirs" / log).touch()
    os.utime(mark, (0, 0))
    free_abandoned(tmp_path / "theirs")
    assert (mark / "config.yaml").read_text() == "db: mysql\n"


def test_a_run_that_is_at_work_keeps_its_folder(tmp_path: Path) -> None:
    claimed(tmp_path / "run")
    code = "import fcntl, sys; f = open(sys.argv[1], 'a'); fcntl.lockf(f, fcntl.LOCK_EX); print('locked', flush=True)"
    code = f"{code}; input()"
    log = str(tmp_path / "run/logs/training.log")
    with subprocess.Popen([sys.executable, "-c", code, log], stdin=-1, stdout=-1, text=True) as other:
        assert other.stdout
        assert other.stdout.readline() == "locked\n"
        free_abandoned(tmp_path / "run")
        assert (tmp_path / "run/.hydra").exists()
        other.communicate("\n")


def test_what_has_begun_to_train_stays(tmp_path: Path) -> None:
    folder = claimed(tmp_path / "run", "config.yaml")
    keep()
    remove_litter()
    assert (folder / "config.yaml").exists()


def test_what_other_processes_of_a_run_may_use_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = claimed(tmp_path / "run", "config.yaml")
    monkeypatch.setenv("WORLD_SIZE", "2")
    remove_litter()
    assert (folder / "config.yaml").exists()


def test_an_evaluation_that_has_come_to_numbers_stays(tmp_path: Path) -> None:
    folder = claimed(tmp_path / "eval", "metrics.json")
    remove_litter()
    assert (folder / "metrics.json").exists()


def test_a_folder_that_is_anothers_is_not_claimed(tmp_path: Path) -> None:
    claimed(tmp_path / "run")
    forget()
    with pytest.raises(FileExistsError):
        claimed(tmp_path / "run")
    remove_litter()
    assert (tmp_path / "run/logs/training.log").exists()


def test_a_folder_removed_by_another_command_while_it_is_claimed_is_made_again(tmp_path: Path) -> None:
    tries = iter((True, False))

    def mark(folder: Path) -> None:
        if next(tries):
            folder.rmdir()  # by a command that has failed in it
        (folder / ".hydra").mkdir()

    claim_folder(tmp_path / "a" / "run", "run", mark)
    assert (tmp_path / "a/run/.hydra").is_dir()
    assert litter._claims


@pytest.mark.parametrize(
    ("command", "error"),
    [
        ("train.py data=npy data.features=nowhere.npy", "nowhere.npy does not exist"),
        ("train.py data.rows=200 monitor=val/nothing", "monitor: "),
        ("train.py -m data.rows=200 model=cnn seed=1,2", "model: takes images"),
        ("infer.py input=nowhere.csv output=p.csv", "final_model.ckpt does not exist"),
    ],
)
def test_what_is_refused_leaves_its_traceback_and_no_folder(command: str, error: str, tmp_path: Path) -> None:
    script, *arguments = command.split()
    done = run_script(script, *arguments, cwd=tmp_path)
    assert (done.returncode, error in done.stderr, done.stderr.count("\n")) == (1, True, 1), done.stderr
    assert left(tmp_path / "outputs") == ["last_error.log"]
    kept = (tmp_path / "outputs/last_error.log").read_text()
    assert script in kept.splitlines()[0]
    assert "Traceback" in kept
    assert error in kept.splitlines()[-1]


def kept(error: str) -> Path | None:
    try:
        raise ValueError(error)
    except ValueError:
        return keep_traceback()


def test_the_last_traceback_takes_the_place_of_the_one_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("trainhouse.runs.outputs._place", [Path("outputs")])
    assert kept("first") == kept("second") == Path("outputs/last_error.log")
    text = Path("outputs/last_error.log").read_text()
    assert text.endswith("ValueError: second\n")
    assert "ValueError: first" not in text
    assert left(tmp_path) == ["outputs", "outputs/last_error.log"]


@pytest.mark.parametrize("in_the_way", ["outputs", "outputs/last_error.log/x"])
def test_a_traceback_that_cannot_be_kept_changes_nothing(
    in_the_way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("trainhouse.runs.outputs._place", [Path("outputs")])
    Path(in_the_way).parent.mkdir(parents=True, exist_ok=True)
    Path(in_the_way).touch()
    before = left(tmp_path)
    assert kept("error") is None
    assert left(tmp_path) == before


def test_ctrl_c_before_the_first_step_leaves_nothing(tmp_path: Path) -> None:
    hold = Hold(trying_out, "_preflight")
    (tmp_path / "t.csv").write_text("x,y\n" + "".join(f"{row * 7 % 13},{row % 2}\n" for row in range(40)))
    with Started("train.py", "data=csv", "data.file=t.csv", "data.target=y", cwd=tmp_path, hold=hold) as started:
        started.wait_for_hold()
        assert list(tmp_path.glob("outputs/t-simple_net/*/data_columns.csv"))
        started.send(signal.SIGINT)
        assert started.status() == 130
    assert started.stderr.strip().endswith("stopped by SIGINT before training began")
    assert not (tmp_path / "outputs").exists()
