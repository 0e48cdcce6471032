"""A run that was stopped goes on in its folder, from what is whole, as if it had never stopped; or says why not."""

import csv
import fcntl
import json
import logging
import pickle
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf

from trainhouse.checkpoints.checkpoint import load_checkpoint
from trainhouse.checkpoints.writing import AtomicCheckpointIO
from trainhouse.configuration.errors import UserError
from trainhouse.runs.find_run import find_run
from trainhouse.tests.conftest import composed, run_script
from trainhouse.tests.test_exact_resume import differing, outcome
from trainhouse.tests.tiny import tiny_config
from trainhouse.training.newest_checkpoint import newest_checkpoint
from trainhouse.training.resume import resume
from trainhouse.training.train import TrainingResult, train

OPTIONS = [
    "name=test",
    "logger=none",
    "data.path=rows.npy",
    "data.rows=60",
    "data.columns=4",
    "data.classes=3",
    "data.batch_size=16",
    "data.noise=2.0",
    "model.hidden_sizes=[8]",
    "model.dropout=0.5",
    "optimizer.lr=0.01",
    "trainer=cpu",
    "trainer.max_epochs=3",
    "trainer.log_every_n_steps=1",
    "callbacks.epoch_checkpoint.every_n_epochs=1",
    "callbacks.progress_bar=null",
    "preflight=false",
]
MadeOnce = Callable[[str, Callable[[Path], None]], Path]
DEFAULTS = composed()


@pytest.fixture(scope="module")
def made(made_once: MadeOnce) -> Path:
    """Three epochs of a run from the command line, whose loss falls in each; only read it."""

    def make(folder: Path) -> None:
        done = run_script("train.py", *OPTIONS, "hydra.run.dir=outputs/run", cwd=folder)
        assert done.returncode == 0, done.stdout + done.stderr

    return made_once("resumed_run", make)


@pytest.fixture
def run(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Path:
    """A finished run of one's own, in a working folder of its own."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    caplog.set_level(logging.INFO, logger="trainhouse")
    return Path("outputs/run")


@pytest.fixture
def killed(run: Path) -> Path:
    """The same, killed in its third epoch: the second is the newest it has saved."""
    checkpoints = run / "checkpoints"
    shutil.copy(checkpoints / "epoch_002.ckpt", checkpoints / "last.ckpt")
    (checkpoints / "epoch_003.ckpt").unlink()
    (checkpoints / "best_model.ckpt").unlink()  # of the third epoch
    (run / "metrics.json").write_text('{"status": "running", "metrics": {}, "provenance": {}}\n')
    return run


def go_on(folder: Path, *overrides: str) -> TrainingResult:
    """What `python train.py resume=<folder> <overrides>` does once the configuration is composed."""
    arguments = [f"resume={folder}", *overrides]
    return resume(folder, composed(*arguments) if overrides else DEFAULTS, arguments)


def content(folder: Path, log: bool = False) -> dict[str, tuple[bytes, int]]:
    """Every file below `folder`, with what it holds and when it was written."""
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file() and (log or path.name != "training.log")
    }


def steps(folder: Path) -> list[dict[str, float]]:
    """What the CSV logger has kept, with the order of its rows."""
    with open(folder / "logs" / "steps" / "metrics.csv", newline="") as file:
        return [{name: float(value) for name, value in row.items() if value} for row in csv.DictReader(file)]


# Going on in the same folder.


@pytest.mark.parametrize(
    "command", [["resume=outputs/run"], [*OPTIONS, "resume=last"]], ids=["folder", "same command with last"]
)
def test_the_command_goes_on_in_the_folder_of_the_run(command: list[str], killed: Path, made: Path) -> None:
    log, config, hydra = killed / "logs/training.log", killed / "config.yaml", killed / ".hydra/overrides.yaml"
    before, text_before, inode = content(Path()), log.read_text(), log.stat().st_ino
    config_before, hydra_before = config.read_text().splitlines()[2:], hydra.read_bytes()
    done = run_script("train.py", *command, cwd=Path.cwd())
    assert done.returncode == 0, done.stderr
    assert f"resume  from {killed}/checkpoints/last.ckpt" in done.stdout
    assert "epoch 3/3" in done.stdout
    assert "epoch 2/3" not in done.stdout
    new = set(content(Path())) - set(before)
    assert new == {f"{killed}/checkpoints/epoch_003.ckpt", f"{killed}/checkpoints/best_model.ckpt"}
    assert log.stat().st_ino == inode
    assert log.read_text().startswith(text_before)
    assert len(log.read_text()) > len(text_before)
    assert config.read_text().splitlines()[2:] == config_before
    assert hydra.read_bytes() == hydra_before
    assert differing(outcome(made / "outputs/run"), outcome(killed)) == []


LOGGED = ["trainer.log_every_n_steps=1", "callbacks.epoch_checkpoint.every_n_epochs=1", "preflight=false"]


@pytest.mark.filterwarnings("ignore:Experiment logs directory")
@pytest.mark.parametrize("start", ["epoch_001", None])
def test_what_the_csv_logger_has_kept_is_that_of_a_run_that_never_stopped(start: str | None, tmp_path: Path) -> None:
    config = tiny_config(tmp_path / "rows.npy", "logger=csv", *LOGGED, "trainer.max_epochs=3")
    train(config, tmp_path / "run")
    whole = steps(tmp_path / "run")
    assert [row["step"] for row in whole if "step/loss" in row] == list(range(9))
    train(config, tmp_path / "run", resume_from=tmp_path / f"run/checkpoints/{start}.ckpt" if start else None)
    assert steps(tmp_path / "run") == whole


def test_going_on_does_not_say_that_what_was_logged_is_deleted(run: Path) -> None:
    made = [*OPTIONS, "logger=csv", "hydra.run.dir=outputs/csv", "trainer.max_epochs=1"]
    assert run_script("train.py", *made, cwd=Path.cwd()).returncode == 0
    done = run_script("train.py", "resume=outputs/csv", "trainer.max_epochs=2", cwd=Path.cwd())
    assert done.returncode == 0, done.stderr
    assert "warning" not in done.stdout + done.stderr


def test_what_tensorboard_shows_is_that_of_a_run_that_never_stopped(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    config = tiny_config(tmp_path / "rows.npy", "logger=tensorboard", *LOGGED, "trainer.max_epochs=3")
    train(config, tmp_path / "run")
    shown = {}
    for resumed in (False, True):
        if resumed:
            time.sleep(1.1)  # TensorBoard reads its files in the order of the seconds in their names
            train(config, tmp_path / "run", resume_from=tmp_path / "run/checkpoints/epoch_002.ckpt")
        events = EventAccumulator(str(tmp_path / "run/logs"), {"scalars": 0})
        events.Reload()
        shown[resumed] = {tag: [(e.step, e.value) for e in events.Scalars(tag)] for tag in events.Tags()["scalars"]}
    assert len(shown[False]["step/loss"]) == 9
    for tag in ("step/loss", "step/lr", "train/loss", "val/loss"):
        assert shown[True][tag] == shown[False][tag], tag


class Killed(BaseException):
    """Ends the program where it stands."""


@pytest.mark.parametrize("number", [2, 3, 6])
def test_a_run_killed_at_any_checkpoint_it_writes_ends_as_one_never_killed(
    number: int, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(made / "rows.npy", tmp_path)
    monkeypatch.chdir(tmp_path)
    written = []
    save = AtomicCheckpointIO.save_checkpoint

    def save_or_die(self: Any, checkpoint: Any, path: Any, storage_options: Any = None) -> None:
        written.append(path)
        if len(written) == number:
            raise Killed
        save(self, checkpoint, path, storage_options)

    with monkeypatch.context() as patch:
        patch.setattr(AtomicCheckpointIO, "save_checkpoint", save_or_die)
        with pytest.raises(Killed):
            train(composed(*OPTIONS), tmp_path / "run")
    assert len(written) == number
    go_on(tmp_path / "run")
    assert differing(outcome(made / "outputs/run"), outcome(tmp_path / "run")) == [], [Path(p).name for p in written]


def test_a_run_without_a_checkpoint_starts_from_the_beginning(
    killed: Path, made: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.rmtree(killed / "checkpoints")
    go_on(killed)
    assert f"{killed} has no checkpoint yet: it starts from the beginning" in caplog.text
    assert differing(outcome(made / "outputs/run"), outcome(killed)) == []


def test_what_killed_writes_have_left_is_removed(killed: Path) -> None:
    left = [killed / ".tmp-a.part", killed / "checkpoints/.tmp-b.part", killed / "logs/.tmp-c.part"]
    for path in left:
        path.write_bytes(b"half")
    left.append(killed / "checkpoints/.tmp-d.part")  # of a preflight
    left[-1].mkdir()
    (left[-1] / "tried.ckpt").write_bytes(b"half")
    go_on(killed)
    assert not [path for path in left if path.exists()]


def test_a_folder_that_was_moved_goes_on_and_knows_its_best_model(
    run: Path, made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = composed(*OPTIONS, "optimizer.lr=1.0", "trainer.max_epochs=3")
    train({**whole, "trainer": {**whole["trainer"], "max_epochs": 2}}, Path("first"))
    train(whole, Path("whole"))
    best = json.loads(Path("whole/metrics.json").read_text())["best_epoch"]
    assert best <= 2, "so that the best model is one from before the move"
    Path("first").rename("moved")
    result = go_on(Path("moved"), "trainer.max_epochs=3")
    assert differing(outcome(Path("whole")), outcome(Path("moved"))) == []
    assert (result.best_epoch, result.best_model) == (best, "checkpoints/best_model.ckpt")
    assert load_checkpoint("moved").epoch == best
    assert not Path("first").exists()


# Damaged checkpoints.


class Payload:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return open, (str(self.path), "w")


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip_weights(path: Path) -> None:
    """Damage the bytes of a weight, which the file's list of contents says nothing of."""
    weight = torch.load(path, weights_only=True)["state_dict"]["network.layers.1.weight"].numpy().tobytes()
    whole = path.read_bytes()
    assert weight in whole
    path.write_bytes(whole.replace(weight, bytes(byte ^ 1 for byte in weight)))


def flip_middle(path: Path) -> None:
    whole = bytearray(path.read_bytes())
    middle = len(whole) // 2
    whole[middle : middle + 64] = bytes(byte ^ 0xFF for byte in whole[middle : middle + 64])
    path.write_bytes(whole)


DAMAGES: dict[str, Callable[[Path], object]] = {
    "truncated": truncate,
    "bytes flipped in the middle": flip_middle,
    "bytes of a weight flipped": flip_weights,
    "no bytes": lambda path: path.write_bytes(b""),
    "zeros": lambda path: path.write_bytes(bytes(path.stat().st_size)),
    "a text": lambda path: path.write_text("epoch,loss\n1,2\n"),
    "code": lambda path: path.write_bytes(pickle.dumps(Payload(Path("touched").absolute()))),
    "code in torch's own format": lambda path: torch.save({"project": Payload(Path("touched").absolute())}, path),
    "another checkpoint": lambda path: torch.save({"state_dict": {}}, path),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_checkpoint_is_passed_over_for_the_one_before(
    damage: str, killed: Path, caplog: pytest.LogCaptureFixture
) -> None:
    DAMAGES[damage](killed / "checkpoints/last.ckpt")
    assert newest_checkpoint(killed / "checkpoints") == killed / "checkpoints/epoch_002.ckpt"
    assert caplog.text.count(f"warning: {killed}/checkpoints/last.ckpt") == 1
    assert not Path("touched").exists()


def test_a_run_whose_newest_checkpoints_are_damaged_ends_as_one_that_never_stopped(
    killed: Path, made: Path, caplog: pytest.LogCaptureFixture
) -> None:
    truncate(killed / "checkpoints/last.ckpt")
    truncate(killed / "checkpoints/epoch_002.ckpt")
    go_on(killed)
    assert f"resume  from {killed}/checkpoints/epoch_001.ckpt" in caplog.text
    assert differing(outcome(made / "outputs/run"), outcome(killed)) == []


def test_without_any_whole_checkpoint_it_ends_in_one_line(killed: Path) -> None:
    kinds = ["truncated", "no bytes", "code"]
    for kind, path in zip(kinds, sorted((killed / "checkpoints").iterdir()), strict=True):
        DAMAGES[kind](path)
    before = content(Path())
    with pytest.raises(UserError, match=r"outputs/run/checkpoints: none of its checkpoints can be read") as refused:
        go_on(killed)
    assert "\n" not in str(refused.value)
    assert content(Path()) == before


# Finished runs.


def test_a_finished_run_is_left_as_it_is(run: Path) -> None:
    before = content(Path())
    done = run_script("train.py", "resume=last", cwd=Path.cwd())
    assert done.returncode == 0, done.stderr
    assert "outputs/run has already finished after 3 epochs; nothing is changed" in done.stdout
    assert "trainer.max_epochs=6 goes on" in done.stdout
    assert content(Path()) == before


def test_a_finished_run_given_its_own_length_or_less_is_left_as_it_is(run: Path) -> None:
    before = content(Path())
    for epochs in (3, 2):
        assert go_on(run, f"trainer.max_epochs={epochs}").epochs == 3
    assert content(Path()) == before


def test_more_epochs_give_the_run_that_had_them_from_the_start(run: Path) -> None:
    train(composed(*OPTIONS, "trainer.max_epochs=5"), Path("whole"))
    result = go_on(run, "trainer.max_epochs=5")
    assert result.epochs == 5
    assert differing(outcome(Path("whole")), outcome(run)) == []
    assert OmegaConf.load(run / "config.yaml").trainer.max_epochs == 5


def test_a_killed_run_can_be_ended_where_it_is(killed: Path) -> None:
    assert go_on(killed, "trainer.max_epochs=2").epochs == 2
    assert json.loads((killed / "metrics.json").read_text())["status"] == "completed"


def test_fewer_epochs_than_are_trained_end_in_one_line(killed: Path) -> None:
    with pytest.raises(UserError, match=r"trainer\.max_epochs") as refused:
        go_on(killed, "trainer.max_epochs=1")
    assert "\n" not in str(refused.value)


@pytest.fixture
def stopped_early(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copy(made / "rows.npy", tmp_path)
    monkeypatch.chdir(tmp_path)
    result = train(early_stopping(1), Path("outputs/run"))
    assert result.epochs < 8
    return Path("outputs/run")


def early_stopping(patience: int | None) -> dict[str, Any]:
    callback = "callbacks.early_stopping" + ("=null" if patience is None else f".patience={patience}")
    return composed(*OPTIONS, "optimizer.lr=1.0", "trainer.max_epochs=8", callback)


def test_a_run_that_was_stopped_early_is_left_as_it_is(stopped_early: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="trainhouse")
    before = content(Path())
    epochs = go_on(stopped_early).epochs
    assert go_on(stopped_early, "trainer.max_epochs=50").epochs == epochs
    assert f"has already finished after {epochs} epochs" in caplog.text
    assert "it was stopped early; callbacks.early_stopping.patience=" in caplog.text
    assert content(Path()) == before


@pytest.mark.parametrize("patience", [3, None])
def test_more_patience_gives_the_run_that_had_it_from_the_start(patience: int | None, stopped_early: Path) -> None:
    whole = train(early_stopping(patience), Path("whole"))
    override = "callbacks.early_stopping" + ("=null" if patience is None else f".patience={patience}")
    result = go_on(stopped_early, override)
    assert result.epochs == whole.epochs
    assert differing(outcome(Path("whole")), outcome(stopped_early)) == []


def test_more_patience_than_a_run_needs_does_not_call_it_stopped_early(stopped_early: Path) -> None:
    go_on(stopped_early, "callbacks.early_stopping.patience=50")
    written = json.loads((stopped_early / "metrics.json").read_text())
    assert (written["epochs"], written["stopped_by"]) == (8, "max_epochs")


# What a run can't follow.

REFUSED = [
    "optimizer.lr=0.5",
    "optimizer=sgd",
    "model=cnn",
    "model.dropout=0.1",
    "data.batch_size=8",
    "data.fold=1",
    "data=digits",
    "seed=1",
    "++seed=1",
    "+seed=1",
    "monitor=val/acc",
    "mode=max",
    "scheduler=cosine",
    "loss.label_smoothing=0.1",
    "trainer.precision=bf16-mixed",
    "trainer.accumulate_grad_batches=2",
    "trainer.limit_train_batches=1",
    "trainer=gpu",
    "+trainer.barebones=true",
    "experiment=digits_cnn",
    "callbacks=none",
    "~callbacks.best_checkpoint",
    "~optimizer.fused",
    "logger=tensorboard",
    "debug=overfit",
    "init_from=other",
    "name=other",
]


@pytest.mark.parametrize("override", [o for o in REFUSED if o != "+seed=1"])
def test_an_override_that_would_change_what_is_learned_is_refused_by_name(override: str, killed: Path) -> None:
    before = content(Path())
    with pytest.raises(UserError) as refused:
        go_on(killed, override)
    key = override.lstrip("+~").partition("=")[0]
    assert str(refused.value).startswith(f"{key}: a run that goes on keeps its own")
    assert "\n" not in str(refused.value)
    assert content(Path()) == before


SERVING = ("shuffle", "block_rows", "window_blocks", "in_memory", "device_resident")


def test_a_run_from_before_these_keys_goes_on_as_it_was(killed: Path, made: Path) -> None:
    config = OmegaConf.load(killed / "config.yaml")
    for name in SERVING:
        del config.data[name]
    OmegaConf.save(config, killed / "config.yaml")
    with pytest.raises(UserError, match=r"^data\.shuffle: a run that goes on keeps its own"):
        go_on(killed, "data.shuffle=blocks")
    go_on(killed, "data.in_memory=true")
    assert not differing(outcome(made / "outputs/run"), outcome(killed))


def test_a_refused_override_ends_the_command_in_one_line(run: Path) -> None:
    before = content(Path())
    done = run_script("train.py", "resume=outputs/run", "trainer.max_epochs=9", "optimizer.lr=0.5", cwd=Path.cwd())
    assert done.returncode == 1
    assert done.stderr.startswith("error: optimizer.lr: a run that goes on keeps its own (resume=outputs/run)")
    assert len(done.stderr.splitlines()) == 1
    assert content(Path()) == before


def test_an_override_that_changes_nothing_is_no_change(killed: Path) -> None:
    go_on(killed, "seed=0", "optimizer.lr=0.01", "data.batch_size=16", "monitor=val/loss")


def test_a_run_from_before_there_were_folds_goes_on_without_them(run: Path) -> None:
    path = run / "config.yaml"
    path.write_text("".join(line for line in path.read_text().splitlines(True) if not line.startswith("  fold")))
    with pytest.raises(UserError, match=r"^data\.fold: a run that goes on keeps its own"):
        go_on(run, "data.fold=1")
    assert go_on(run, "data.folds=5").epochs == 3


def test_data_that_has_changed_since_is_refused(killed: Path) -> None:
    rows = np.load("rows.npy")
    rows[3, 1] += 1
    np.save("rows.npy", rows)
    before = (killed / "checkpoints/last.ckpt").read_bytes()
    with pytest.raises(UserError, match=r"^rows\.npy: has changed since the run was started") as refused:
        go_on(killed)
    assert "\n" not in str(refused.value)
    assert (killed / "checkpoints/last.ckpt").read_bytes() == before


# What is no run.


def test_what_is_no_run_is_said_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    Path("sweep/0/.hydra").mkdir(parents=True)
    Path("sweep/multirun.yaml").touch()
    Path("eval/.hydra").mkdir(parents=True)
    Path("eval/.hydra/config.yaml").touch()
    Path("eval/metrics.json").write_text("{}")
    Path("empty").mkdir()
    for name, message in {
        "nowhere": "does not exist",
        "file": "is a file; give the run's folder, or start a new run with init_from=file",
        "sweep": "is a sweep; it goes on with its own command and sweep.resume=sweep",
        "eval": "holds no run that has begun: it has no config.yaml",
        "empty": "holds no run that has begun: it has no config.yaml",
        "last": "there is no run below",
    }.items():
        with pytest.raises(UserError) as refused:
            find_run(name)
        assert str(refused.value).startswith("resume: ")
        assert message in str(refused.value)
        assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["resume=nowhere"], "error: resume: nowhere does not exist"),
        (["-m", "resume=last", "seed=1,2"], "error: resume: goes on with one run, so not with --multirun"),
    ],
)
def test_the_command_refuses_to_resume_what_it_can_not(arguments: list[str], message: str, tmp_path: Path) -> None:
    done = run_script("train.py", *arguments, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith(message)
    assert len(done.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_an_evaluation_is_not_the_last_run(run: Path) -> None:
    done = run_script("eval.py", f"ckpt_path={run}", "predictions=false", cwd=Path.cwd())
    assert done.returncode == 0, done.stderr
    assert find_run("last") == run


def test_a_run_that_another_process_works_on_is_refused(killed: Path) -> None:
    before = content(Path(), log=True)
    with open(killed / "logs/training.log", "a") as log:
        fcntl.lockf(log, fcntl.LOCK_EX)
        done = run_script("train.py", f"resume={killed}", cwd=Path.cwd())
    assert done.returncode == 1
    assert "outputs/run: another process is at work in this folder" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert content(Path(), log=True) == before


# A configuration in the folder that somebody has changed: it is read as data, and trusted in nothing.


def system(name: str = "os.system") -> dict[str, Any]:
    return {"_target_": name, "command": f"touch {Path('touched').absolute()}"}


TAMPERED: dict[str, Callable[[dict[str, Any]], Any]] = {
    "model": lambda c: c.update(model=system()),
    "optimizer": lambda c: c.update(optimizer=system()),
    "scheduler": lambda c: c.update(scheduler=system()),
    "data": lambda c: c["data"].update(system()),
    "trainer": lambda c: c.update(trainer={**c["trainer"], **system()}),
    "logger": lambda c: c.update(logger=system()),
    "callbacks": lambda c: c["callbacks"].update(evil=system()),
    "posix.system": lambda c: c.update(model=system("posix.system")),
    "open": lambda c: c.update(
        model={"_target_": "builtins.open", "file": str(Path("touched").absolute()), "mode": "w"}
    ),
    "torch.load": lambda c: c.update(model={"_target_": "torch.load", "f": "evil.pt", "weights_only": False}),
    "alias": lambda c: c.update(data={**c["data"], "_target_": "trainhouse.arrays.npy.np.load", "file": "evil.pt"}),
    "alias of os": lambda c: c.update(data={**c["data"], **system("trainhouse.arrays.array_file.os.system")}),
    "alias in training": lambda c: c["callbacks"].update(
        evil={"_target_": "trainhouse.training.signals.subprocess.run", "args": ["touch", "touched"]}
    ),
    "interpolation": lambda c: c.update(x="os.system", model=system("${x}")),
    "interpolation of a node": lambda c: c.update(x=system(), model="${x}"),
    "nested in model": lambda c: c["model"].update(activation=system()),
    "nested in optimizer": lambda c: c["optimizer"].update(lr=system()),
    "nested in a callback": lambda c: c["callbacks"]["early_stopping"].update(patience=[system()]),
    "nested in logger": lambda c: c.update(
        logger={"_target_": "lightning.pytorch.loggers.CSVLogger", "name": {"a": [system()]}}
    ),
    "nested in trainer": lambda c: c["trainer"].update(profiler=system()),
    "nested in data": lambda c: c["data"].update(augmentation=system()),
    "nested in loss": lambda c: c["loss"].update(name=system()),
    "elsewhere": lambda c: c.update(anything=[system()]),
    "a loader of Lightning": lambda c: c["trainer"].update(
        profiler={
            "_target_": "lightning.fabric.utilities.cloud_io._load",
            "path_or_url": "evil.pt",
            "map_location": "cpu",
            "weights_only": False,
        }
    ),
    "no target": lambda c: c["model"].pop("_target_"),
    "a number for a target": lambda c: c["model"].update(_target_=3),
    "no model": lambda c: c.pop("model"),
    "no data": lambda c: c.pop("data"),
    "no optimizer": lambda c: c.pop("optimizer"),
    "no trainer": lambda c: c.pop("trainer"),
    "no seed": lambda c: c.pop("seed"),
    "no monitor": lambda c: c.pop("monitor"),
    "no batch size": lambda c: c["data"].pop("batch_size"),
    "no epochs": lambda c: c["trainer"].pop("max_epochs"),
    "no limit": lambda c: c["trainer"].pop("limit_val_batches"),
    "a text for a group": lambda c: c.update(model="simple_net"),
    "a list for a group": lambda c: c.update(callbacks=[1, 2]),
    "null for a group": lambda c: c.update(trainer=None),
    "an unknown key of the model": lambda c: c["model"].update(widht=3),
    "an unknown key of the data": lambda c: c["data"].update(colour=3),
    "an unknown key of the trainer": lambda c: c["trainer"].update(max_epoch=3),
    "an unknown key of the loss": lambda c: c["loss"].update(nmae="mse"),
    "a value out of range": lambda c: c["data"].update(batch_size=-1),
    "a key that is not set": lambda c: c["model"].update(dropout="???"),
    "an interpolation of nothing": lambda c: c["model"].update(dropout="${nothing}"),
}


@pytest.mark.parametrize("change", TAMPERED)
def test_a_configuration_that_was_tampered_with_is_refused_in_one_line(change: str, killed: Path) -> None:
    torch.save(Payload(Path("touched").absolute()), "evil.pt")
    config = OmegaConf.to_container(OmegaConf.load(killed / "config.yaml"))
    assert isinstance(config, dict)
    TAMPERED[change](config)
    OmegaConf.save(OmegaConf.create(config), killed / "config.yaml")
    before = (killed / "checkpoints/last.ckpt").read_bytes()
    try:
        with pytest.raises(UserError) as refused:
            go_on(killed)
    finally:
        assert not Path("touched").exists(), "code of the file was run"
    assert "\n" not in str(refused.value)
    assert (killed / "checkpoints/last.ckpt").read_bytes() == before


@pytest.mark.parametrize(
    "text",
    [
        b"model: [1, 2",
        b"a: b: c",
        b"\t- x",
        b"\x00\x01\x02",
        b"\xff\xfe broken",
        b"",
        b"just a text",
        b"- 1\n- 2\n",
        b"seed: !!python/object/apply:os.system ['touch touched']\n",
        b"a: &a [*a]\nseed: 0\n",
        b"seed: ${oc.env:NO_SUCH_VARIABLE}\n",
    ],
)
def test_a_configuration_that_is_none_is_refused_in_one_line_that_names_it(text: bytes, killed: Path) -> None:
    (killed / "config.yaml").write_bytes(text)
    with pytest.raises(UserError) as refused:
        go_on(killed)
    assert f"{killed}/config.yaml" in str(refused.value)
    assert "\n" not in str(refused.value)
    assert not Path("touched").exists()


def test_a_tampered_configuration_ends_the_command_before_it_runs_anything(killed: Path) -> None:
    config = OmegaConf.load(killed / "config.yaml")
    config.model = system()
    OmegaConf.save(config, killed / "config.yaml")
    done = run_script("train.py", "resume=last", cwd=Path.cwd())
    assert done.returncode == 1
    assert "config.yaml: model._target_ is 'os.system'; a file may only name torch.nn.Module" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not Path("touched").exists()
