"""What a run can't follow, and what is no run, is refused in one line before anything changes."""

import fcntl
from pathlib import Path

import numpy as np
import pytest
from omegaconf import OmegaConf

from trainhouse.configuration.errors import UserError
from trainhouse.runs.run_folder import find_run
from trainhouse.tests.common import run_script
from trainhouse.tests.resume.continued import content, resumed
from trainhouse.tests.test_exact_resume import differing, outcome

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
        resumed(killed, override)
    key = override.lstrip("+~").partition("=")[0]
    assert str(refused.value).startswith(f"{key}: a resumed run keeps its own")
    assert "\n" not in str(refused.value)
    assert content(Path()) == before


SERVING = ("shuffle", "block_rows", "window_blocks", "in_memory", "device_resident")


def test_a_run_from_before_these_keys_is_resumed_as_it_was(killed: Path, made: Path) -> None:
    config = OmegaConf.load(killed / "config.yaml")
    for name in SERVING:
        del config.data[name]
    OmegaConf.save(config, killed / "config.yaml")
    with pytest.raises(UserError, match=r"^data\.shuffle: a resumed run keeps its own"):
        resumed(killed, "data.shuffle=blocks")
    resumed(killed, "data.in_memory=true")
    assert not differing(outcome(made / "outputs/run"), outcome(killed))


def test_a_refused_override_ends_the_command_in_one_line(run: Path) -> None:
    before = content(Path())
    done = run_script("train.py", "resume=outputs/run", "trainer.max_epochs=9", "optimizer.lr=0.5", cwd=Path.cwd())
    assert done.returncode == 1
    assert done.stderr.startswith("error: optimizer.lr: a resumed run keeps its own (resume=outputs/run)")
    assert len(done.stderr.splitlines()) == 1
    assert content(Path()) == before


def test_an_override_that_changes_nothing_is_no_change(killed: Path) -> None:
    resumed(killed, "seed=0", "optimizer.lr=0.01", "data.batch_size=16", "monitor=val/loss")


def test_a_run_from_before_there_were_folds_is_resumed_without_them(run: Path) -> None:
    path = run / "config.yaml"
    path.write_text("".join(line for line in path.read_text().splitlines(True) if not line.startswith("  fold")))
    with pytest.raises(UserError, match=r"^data\.fold: a resumed run keeps its own"):
        resumed(run, "data.fold=1")
    assert resumed(run, "data.folds=5").epochs == 3


def test_data_that_has_changed_since_is_refused(killed: Path) -> None:
    rows = np.load("rows.npy")
    rows[3, 1] += 1
    np.save("rows.npy", rows)
    before = (killed / "checkpoints/last.ckpt").read_bytes()
    with pytest.raises(UserError, match=r"^rows\.npy: has changed since the run was started") as refused:
        resumed(killed)
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
        "sweep": "is a sweep; it is resumed by its own command and sweep.resume=sweep",
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
        (["-m", "resume=last", "seed=1,2"], "error: resume: resumes one run, so not with --multirun"),
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
