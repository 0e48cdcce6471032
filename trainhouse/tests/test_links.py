"""A link that leads out of a run's folder works in one's own; in another's it is refused before anything is written."""

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from trainhouse.configuration.errors import UserError
from trainhouse.runs.layout import BEST_MODEL
from trainhouse.runs.links import named_in, refuse_links_out
from trainhouse.runs.run_folder import CONFIG
from trainhouse.tests.common import composed, run_script
from trainhouse.tests.tiny import tiny_config
from trainhouse.training.resume import resume
from trainhouse.training.train import train

MadeOnce = Callable[[str, Callable[[Path], None]], Path]
PLACES = (
    "logs/training.log",
    "logs/metrics.csv",
    "events.out.tfevents.1.x",
    "logs",
    "checkpoints",
    "checkpoints/last.ckpt",
    "figures",
    "figures/loss_curve.png",
    ".hydra",
    "metrics.json",
    "anything/deep/below",
)


@pytest.fixture
def data(made_once: MadeOnce) -> Path:
    return made_once("tiny_data", lambda folder: None) / "rows.npy"


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder that no run may write to, with a file."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "file").write_text("mine")
    return tmp_path / "outside"


@pytest.fixture
def run(data: Path, tmp_path: Path) -> Path:
    """A run of one's own that was stopped after its first epoch."""
    folder = tmp_path / "run"
    train(tiny_config(data, "trainer.max_epochs=1"), folder)
    return folder


@pytest.fixture
def copied(data: Path, made_once: MadeOnce, tmp_path: Path) -> Path:
    """A copy of such a run, which is enough to look at."""

    def make(folder: Path) -> None:
        train(tiny_config(data, "trainer.max_epochs=1"), folder)

    return Path(shutil.copytree(made_once("run_with_links", make), tmp_path / "run"))


def made_foreign(folder: Path) -> Path:
    """Take the account's signature out of a run's configuration and its checkpoints."""
    text = (folder / CONFIG).read_text()
    (folder / CONFIG).write_text(re.sub(r"^#.*\n", "", text, flags=re.MULTILINE))
    for path in (folder / "checkpoints").glob("*.ckpt"):
        path.unlink()
    return folder


def planted(folder: Path, place: str, target: Path) -> Path:
    """Put a link in the place of what is there."""
    path = folder / place
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        path.rename(folder.parent / "moved")
    path.symlink_to(target if path.suffix == "" else target / "file")
    return path


def untouched(outside: Path) -> bool:
    return [path.name for path in outside.iterdir()] == ["file"] and (outside / "file").read_text() == "mine"


@pytest.mark.parametrize("place", PLACES)
def test_a_link_out_of_a_foreign_folder_is_refused(place: str, copied: Path, outside: Path) -> None:
    run = copied
    link = planted(made_foreign(run), place, outside)
    with pytest.raises(UserError, match=rf"^{link}: leads out of {run}, and what another user account") as refused:
        refuse_links_out(run)
    assert "\n" not in str(refused.value)
    assert untouched(outside)


@pytest.mark.parametrize("place", ["logs/training.log", "logs", "checkpoints"])
def test_it_is_refused_before_the_log_is_opened(place: str, run: Path, outside: Path, tmp_path: Path) -> None:
    link = planted(made_foreign(run), place, outside)
    before = sorted((path, path.lstat().st_mtime_ns) for path in run.rglob("*"))
    resumed = run_script("train.py", f"resume={run}", "trainer.max_epochs=2", cwd=tmp_path)
    assert resumed.returncode == 1
    assert resumed.stderr.startswith(f"error: {link}: leads out of {run}, ")
    assert resumed.stderr.count("\n") == 1
    assert untouched(outside)
    assert sorted((path, path.lstat().st_mtime_ns) for path in run.rglob("*")) == before


def test_so_it_is_where_a_foreign_configuration_is_run_again(
    run: Path, outside: Path, tmp_path: Path, data: Path
) -> None:
    made_foreign(run)
    (tmp_path / "again" / "logs").mkdir(parents=True)
    link = planted(tmp_path / "again", "logs/training.log", outside)
    for kind, option, values in (("run", [], "seed=1"), ("sweep", ["-m"], "seed=1,2")):
        again = [f"--config-path={run}", "--config-name=config", f"hydra.{kind}.dir=again", f"++data.path={data}"]
        done = run_script("train.py", *option, *again, values, cwd=tmp_path)
        assert done.returncode == 1
        assert f"error: {link}: leads out of again, " in done.stderr
        assert untouched(outside)


def test_so_it_is_in_a_sweep_whose_jobs_are_not_ones_own(run: Path, outside: Path, tmp_path: Path) -> None:
    sweep = tmp_path / "sweep"
    sweep.mkdir()
    (sweep / "multirun.yaml").touch()
    run.rename(sweep / "0")
    made_foreign(sweep / "0")
    link = planted(sweep, "1/.hydra", outside)
    done = run_script("train.py", "-m", "seed=1,2", f"sweep.resume={sweep}", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {link}: leads out of {sweep}, ")
    assert untouched(outside)


def test_a_folder_that_is_foreign_by_its_values_is_refused_too(run: Path, outside: Path, data: Path) -> None:
    made_foreign(run)
    link = planted(run, "figures", outside)
    with pytest.raises(UserError, match=rf"^{link}: leads out of"):
        resume(run, composed(f"data.path={data}"), [f"data.path={data}"])


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names")
def test_a_pipe_is_not_waited_for(run: Path) -> None:
    made_foreign(run)
    (run / "logs" / "training.log").unlink(missing_ok=True)
    (run / "logs").mkdir(exist_ok=True)
    os.mkfifo(run / "logs" / "training.log")
    with pytest.raises(UserError, match=r"training\.log: leads out of"):
        refuse_links_out(run)


def test_a_link_within_a_foreign_folder_is_left(run: Path, tmp_path: Path) -> None:
    made_foreign(run)
    (run / "best").symlink_to("checkpoints")
    (tmp_path / "latest").symlink_to(run)
    refuse_links_out(run)
    refuse_links_out(tmp_path / "latest")


@pytest.mark.parametrize("place", ["checkpoints", "logs", "figures"])
def test_ones_own_folder_may_lead_to_another_disk(place: str, data: Path, outside: Path, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / place).symlink_to(outside)
    for epochs in (1, 2):
        config = tiny_config(data, f"trainer.max_epochs={epochs}")
        if epochs == 1:
            result = train(config, tmp_path / "run")
        else:
            refuse_links_out(tmp_path / "run")
            result = resume(tmp_path / "run", config, [f"trainer.max_epochs={epochs}"])
        assert result.best_model == BEST_MODEL
        assert result.epochs == epochs
    assert (tmp_path / "run" / place).is_symlink()
    if place != "logs":  # which is the scripts' to open
        assert len(list(outside.iterdir())) > 1


def test_a_checkpoint_is_called_as_in_its_folder(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "checkpoints").symlink_to(tmp_path / "disk")
    assert named_in(tmp_path / "run", tmp_path / "disk" / "a.ckpt") == tmp_path / "run" / "checkpoints" / "a.ckpt"
    assert named_in(tmp_path / "run", tmp_path / "else" / "a.ckpt") == tmp_path / "else" / "a.ckpt"


def test_files_that_vanish_while_they_are_listed_are_none(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    walk = os.walk
    monkeypatch.setattr(os, "walk", lambda place: ((*found[:2], [*found[2], "gone"]) for found in walk(place)))
    refuse_links_out(made_foreign(run))


def test_what_a_logger_writes_beside_the_runs_makes_no_folder_another_accounts(run: Path, outside: Path) -> None:
    planted(run, "figures", outside)
    (run / "wandb" / "files").mkdir(parents=True)
    (run / "wandb" / "files" / CONFIG).write_text("lr: 1\n")
    refuse_links_out(run)
