"""What a run writes, whatever its configuration names, is below its folder; what data is made into is beside it."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from trainhouse.configuration.errors import UserError
from trainhouse.configuration.schema import options
from trainhouse.configuration.settings import Train
from trainhouse.machine.writes import only_below, watched
from trainhouse.runs.layout import CONFIG
from trainhouse.runs.saved_config import write_config
from trainhouse.tests.common import composed, link_raw_data, run_script
from trainhouse.training.train import train

FEW = [
    "trainer=cpu",
    "trainer.max_epochs=2",
    "trainer.limit_train_batches=2",
    "trainer.limit_val_batches=1",
    "trainer.limit_test_batches=1",
    "trainer.num_sanity_val_steps=0",
    "callbacks=default",
]
SMALL = ["model.hidden_sizes=[4]", "data.rows=200"]
DATA = {
    "fake": SMALL,
    "digits": ["model.hidden_sizes=[4]"],
    "csv": ["model.hidden_sizes=[4]", "data.file=table.csv", "data.target=y"],
    "table": ["model.hidden_sizes=[4]", "data.file=table.csv", "data.target=y"],
    "npy": ["model.hidden_sizes=[4]", "data.features=rows.npy"],
    "ring": ["model=gan", "monitor=null", "data.rows=600"],
    "shapes": ["model=segmentation", "data.rows=40"],
    "text": ["model=language_model"],
}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with small data, outside of the folder for temporary files."""
    (tmp_path / "tmp").mkdir()
    (tmp_path / "work").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.setenv("OUTSIDE", f"{'../' * 30}{tmp_path.relative_to('/')}/outside")
    monkeypatch.chdir(tmp_path / "work")
    link_raw_data(tmp_path / "work")
    rows = np.column_stack([np.random.default_rng(0).normal(size=(60, 3)), np.arange(60) % 2])
    np.save("rows.npy", rows)
    Path("table.csv").write_text("a,b,c,y\n" + "".join(f"{a},{b},{c},c{int(y)}\n" for a, b, c, y in rows))
    return tmp_path / "work"


@pytest.fixture
def written(place: Path) -> Iterator[set[str]]:
    """Every path that is written to, below the test's folder and elsewhere."""
    paths: set[str] = set()
    with watched(lambda event, path: paths.add(path)):
        yield paths


def elsewhere(written: set[str], *folders: Path) -> list[str]:
    """What was written beside the folders, and beside what Python, torch and matplotlib keep for themselves."""
    home = str(Path("~").expanduser())
    caches = (f"{home}/.cache/", f"{home}/.config/matplotlib", "/dev/", "/proc/", os.environ["XDG_STATE_HOME"])
    own = (*(f"{folder}/" for folder in folders), *map(str, folders), *caches)
    return sorted(path for path in written if not path.startswith(own) and "__pycache__" not in path)


def run(folder: Path, *overrides: str, few: tuple[str, ...] | list[str] = FEW) -> Train:
    config = composed(*few, *overrides)
    train(config, folder)
    return config


def test_every_data_source_has_a_run_here() -> None:
    assert {name for name in options("data") if name != "array_defaults"} == set(DATA)


@pytest.mark.parametrize("data", DATA)
def test_a_data_source_keeps_what_it_makes_in_data_processed(data: str, place: Path, written: set[str]) -> None:
    run(place / "run", f"data={data}", *DATA[data])
    assert elsewhere(written, place / "run", place / "data" / "processed", place.parent / "tmp") == []
    assert any(path.startswith(f"{place}/run/checkpoints/") for path in written)


# What keeps all runs in one place beside them, and what needs a package of its own.
ELSEWHERE = {"wandb", "mlflow", "comet", "aim"}


@pytest.mark.parametrize("logger", sorted({*options("logger")} - ELSEWHERE))
def test_a_logger_writes_below_the_run(logger: str, place: Path, written: set[str]) -> None:
    run(place / "run", f"logger={logger}", *SMALL)
    assert elsewhere(written, place / "run", place / "data" / "processed", place.parent / "tmp") == []


def test_every_callback_writes_below_the_run(place: Path, written: set[str]) -> None:
    # Of the others two choose other values, one needs a part named backbone, and one a package.
    left_out = {"none", "learning_rate_finder", "batch_size_finder", "backbone_finetuning", "device_stats"}
    beside_others = {"ema", "gradient_accumulation", "tqdm_progress_bar", "rich_progress_bar"}
    chosen = ",".join(sorted({*options("callbacks")} - left_out - beside_others))
    run(
        place / "run",
        f"callbacks=[{chosen}]",
        *[one for one in SMALL if not one.startswith("logger=")],
        "logger=csv",
        few=[one for one in FEW if "callbacks" not in one],
    )
    assert elsewhere(written, place / "run", place / "data" / "processed", place.parent / "tmp") == []


# What somebody else has configured.

CHECKPOINT = "+callbacks.x._target_=lightning.pytorch.callbacks.ModelCheckpoint"
EVIL = {
    "an expanded variable": ["logger=tensorboard", "+logger.tensorboard.sub_dir='$OUTSIDE'"],
    "a home": ["logger=tensorboard", "+logger.tensorboard.sub_dir='~nobody/../outside'"],
    "generated data over the model": ["data.path=checkpoints/final_model"],
    "generated data over code": ["data.path=src/new.npy"],
    "the cache of a table": ["data=csv", "data.file=table.csv", "data.target=y", "data.processed=src"],
    "a link in its own folder": ["logger=csv", "logger.csv.name=link"],
    "an object's inside": [CHECKPOINT, "+callbacks.x.filename='{epoch].__class__.__name__}'"],
    "a gigabyte": [CHECKPOINT, "+callbacks.x.filename='{epoch:0999999999d}'"],
}


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")  # TensorBoard writes in a thread
@pytest.mark.parametrize("evil", EVIL)
def test_what_leads_out_of_a_run_is_refused_in_a_line_and_nothing_is_written(evil: str, place: Path) -> None:
    (place.parent / "outside").mkdir()
    (place / "checkpoints").mkdir()
    (place / "checkpoints" / "final_model.json").write_text("mine")
    (place / "src").mkdir()
    (place / "run").mkdir()
    (place / "run" / "link").symlink_to(place.parent / "outside")
    small = [] if evil == "the cache of a table" else ["data.rows=200"]
    config = composed(*FEW, "model.hidden_sizes=[4]", *small, *EVIL[evil])
    before = _beside(place)
    with pytest.raises(UserError) as refused, only_below("config.yaml", place / "run"):
        train(config, place / "run")
    assert "\n" not in str(refused.value)
    assert _beside(place) == before
    assert (place / "checkpoints" / "final_model.json").read_text() == "mine"


def _beside(place: Path) -> list[Path]:
    return sorted(
        path
        for path in place.parent.rglob("*")
        if not any(path.is_relative_to(own) for own in (place / "run", place / "data/processed", place.parent / "tmp"))
    )


def test_a_run_folder_of_another_account_is_resumed_within_it(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = composed(*FEW, *SMALL, "logger=tensorboard", "+logger.tensorboard.sub_dir='$OUTSIDE'")
    with monkeypatch.context() as another:
        another.setenv("XDG_STATE_HOME", str(place.parent / "tmp"))
        write_config(place / "run", config)
    resumed = run_script("train.py", "resume=run", cwd=place)
    assert resumed.returncode == 1
    assert resumed.stderr.startswith(f"error: {place}/run/{CONFIG}: would write '{place.parent}/outside")
    assert resumed.stderr.count("\n") == 1
    assert run_script("train.py", "resume=run", cwd=place).stderr == resumed.stderr, "it has not become one's own"
    again = [f"--config-path={place}/run", "--config-name=config", "hydra.run.dir=again"]
    repeated = run_script("train.py", *again, cwd=place)
    assert repeated.returncode == 1
    assert repeated.stderr.startswith(f"error: {place}/run/{CONFIG}: would write '{place.parent}/outside")
    assert not (place.parent / "outside").exists()


def test_a_harmless_run_of_another_account_is_resumed_and_run_again(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = composed(*FEW, *SMALL, "logger=tensorboard")
    with monkeypatch.context() as another:
        another.setenv("XDG_STATE_HOME", str(place.parent / "tmp"))
        write_config(place / "run", config)
    for arguments in (["resume=run"], [f"--config-path={place}/run", "--config-name=config", "hydra.run.dir=again"]):
        done = run_script("train.py", *arguments, cwd=place)
        assert done.returncode == 0, done.stderr
