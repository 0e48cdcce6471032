"""Files of one real run, damaged in every way: reading them gives the right result or one clear line, and nothing else.

``FUZZ=20`` tries twenty times as many, other ones each time.
"""

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from trainhouse.arrays.csv import read_csv
from trainhouse.arrays.npy import read_npy
from trainhouse.arrays.raw_rows import read_raw_rows
from trainhouse.arrays.spec import DataSpec
from trainhouse.checkpoints.checkpoint import find_checkpoint, load_checkpoint
from trainhouse.checkpoints.fine_tuning import read_initial
from trainhouse.configuration.errors import UserError
from trainhouse.configuration.schema import CONF
from trainhouse.launching.foreign_config import check_foreign_config
from trainhouse.predicting.ensemble import load_members
from trainhouse.predicting.inference import infer
from trainhouse.reports.promotion import promote
from trainhouse.reports.ranking import print_ranking, rank_folder
from trainhouse.sweeps.folder import read_job
from trainhouse.sweeps.grid import GridPlan
from trainhouse.sweeps.job import Objective
from trainhouse.sweeps.search import SearchPlan
from trainhouse.sweeps.search_settings import Settings
from trainhouse.tests.conftest import Config, composed, run_script
from trainhouse.tests.fuzzing import damaged, damaged_checkpoint, damaged_json, damaged_lines, damaged_yaml, outcome
from trainhouse.training.newest_checkpoint import newest_checkpoint
from trainhouse.training.resume import resume

TIMES = int(os.environ.get("FUZZ", "1"))
OVERRIDES = ("data=csv", "data.file=rows.csv", "data.target=kind", "model.hidden_sizes=[8]", "data.batch_size=32")
OBJECTIVES = [Objective("val/loss", "min")]
GRID = (
    '{"kind": "grid", "command": "python train.py -m seed=1,2", "jobs": [["seed=1"], ["seed=2"]], "errors": {"1": "x"}}'
)

chances = st.integers(0, 2**32).map(Random)


def examples(count: int) -> Callable[[Any], Any]:
    """Try `count` examples, the same ones each time unless more are asked for."""
    return settings(
        max_examples=count * TIMES,
        deadline=None,
        derandomize=TIMES == 1,
        database=None,
        phases=[Phase.generate],  # a seed has no simpler one
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )


@pytest.fixture(scope="module")
def searched(made_once: Callable[[str, Callable[[Path], None]], Path]) -> Path:
    """A working folder with a table and a search of two trials in it; only read it."""

    def make(folder: Path) -> None:
        random = np.random.default_rng(0)
        lines = ["width,height,color,kind"]
        for width, height, color in zip(
            *random.normal(size=(2, 120)), random.choice(["red", "green"], 120), strict=True
        ):
            lines.append(f"{width:.5f},{height:.5f},{color},{'yes' if width > 0.3 else 'no'}")
        (folder / "rows.csv").write_text("\n".join(lines) + "\n")
        search = ("-m", "sweep=optuna", "hydra.sweeper.n_trials=2", "hydra.sweep.dir=sweep", "trainer.max_epochs=2")
        done = run_script(
            "train.py", *search, *OVERRIDES, "logger=none", "optimizer.lr=interval(1e-3,1e-2)", cwd=folder
        )
        assert done.returncode == 0, done.stdout + done.stderr

    return made_once("fuzzed", make)


@pytest.fixture
def place(searched: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of that folder to damage, as the working folder."""
    copied = tmp_path / "here"
    shutil.copytree(searched, copied)
    monkeypatch.chdir(copied)
    return copied


@pytest.fixture(scope="module")
def config() -> Config:
    return composed(*OVERRIDES)


def predicted(checkpoint: Path, rows: str = "rows.csv") -> str:
    """Return the predictions of a checkpoint as a file has them."""
    infer(rows, "predictions.csv", str(checkpoint), 64, "cpu", 1)
    return Path("predictions.csv").read_text()


@examples(50)
@given(random=chances)
def test_a_damaged_checkpoint_is_read_or_refused(random: Random, place: Path) -> None:
    folder = place / "sweep/0/checkpoints"
    path = place / "damaged" / "last.ckpt"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(damaged_checkpoint(folder / "best_model.ckpt", random))
    outcome(lambda: predicted(path), place)
    outcome(lambda: newest_checkpoint(path.parent), place)
    outcome(lambda: read_initial({"init_from": str(path)}), place)


@examples(40)
@given(random=chances)
def test_a_checkpoint_with_damaged_bytes_predicts_as_before_or_is_refused(random: Random, place: Path) -> None:
    whole = place / "sweep/0/checkpoints/best_model.ckpt"
    path = place / "damaged.ckpt"
    path.write_bytes(damaged(whole.read_bytes(), random))
    found = outcome(lambda: predicted(path), place)
    assert isinstance(found, UserError) or found == predicted(whole)


@examples(6)
@given(random=chances)
def test_a_run_is_resumed_from_a_damaged_checkpoint_or_that_is_refused(
    random: Random, place: Path, config: Config
) -> None:
    run = place / "resumed"
    shutil.rmtree(run, ignore_errors=True)
    shutil.copytree(place / "sweep/0", run)
    whole = (run / "checkpoints/last.ckpt").rename(place / "whole.ckpt")
    (run / "checkpoints/best_model.ckpt").unlink()
    (run / "checkpoints/last.ckpt").write_bytes(damaged_checkpoint(whole, random))
    longer = {**config, "trainer": {**config["trainer"], "max_epochs": 3}}
    outcome(lambda: resume(run, longer, ["trainer.max_epochs=3"]), place)


@examples(15)
@given(random=chances)
def test_a_damaged_configuration_of_a_run_is_read_or_refused(random: Random, place: Path, config: Config) -> None:
    run = place / "sweep/0"
    kept = (place / "sweep/1/config.yaml").read_text()
    (run / "config.yaml").write_bytes(damaged_yaml(kept, random))
    outcome(lambda: resume(run, dict(config), []), place)
    outcome(lambda: check_foreign_config([f"--config-path={run}", "--config-name=config"], CONF, "train"), place)


@examples(30)
@given(random=chances)
def test_a_damaged_record_of_one_run_never_ends_the_ranking_of_the_others(random: Random, place: Path) -> None:
    sweep = place / "sweep"
    metrics = (sweep / "1/metrics.json").read_text()
    (sweep / "0/metrics.json").write_bytes(damaged_json(metrics, random))
    outcome(lambda: find_checkpoint(sweep / "0"), place)
    outcome(lambda: read_job(sweep, 0, ["seed=1"], OBJECTIVES), place)
    ranking = outcome(lambda: rank_folder(sweep, "val/loss", "min", None), place)
    if isinstance(ranking, UserError):  # it says other data, another loss, or another end of the metric: to be named
        asked = ("runs: these are on", "mode:", "metric: val/loss is not the same measure")
        assert str(ranking).startswith(asked), ranking
    else:
        assert sweep / "1" in [run.folder for run in ranking.runs]
        outcome(lambda: print_ranking(ranking), place)


@examples(30)
@given(random=chances)
def test_a_damaged_best_yaml_is_read_or_refused(random: Random, place: Path) -> None:
    sweep = place / "sweep"
    kept = place / "kept.yaml"
    if not kept.exists():
        shutil.copy(sweep / "best.yaml", kept)
    (sweep / "best.yaml").write_bytes(damaged_yaml(kept.read_text(), random))
    outcome(lambda: load_members(sweep), place)
    outcome(lambda: print_ranking(rank_folder(sweep, None, None, None)), place)


def search(sweep: Path) -> list[Any]:
    """Go on with a search as far as its next trial; return its jobs."""
    from optuna.distributions import FloatDistribution

    space: Any = {"optimizer.lr": FloatDistribution(1e-3, 1e-2)}
    settings = Settings(4, f"journal://{sweep}/study.journal", "study", None, None)
    plan = SearchPlan(sweep, space, [], None, OBJECTIVES, settings, "python train.py")
    try:
        plan.start()
        plan.examples([])
        plan.next(1)
        return plan.jobs()
    finally:
        plan.close()


def grid(folder: Path) -> list[Any]:
    """Go on with a grid as far as its next jobs; return all."""
    plan = GridPlan(folder, [["seed=1"], ["seed=2"]], OBJECTIVES, "python train.py")
    try:
        plan.start()
        plan.examples([])
        plan.next(None)
        return plan.jobs()
    finally:
        plan.close()


@examples(40)
@given(random=chances)
def test_a_damaged_sweep_json_is_read_or_refused(random: Random, place: Path) -> None:
    sweep = place / "sweep"
    kept = place / "kept.json"
    if not kept.exists():
        shutil.copy(sweep / "sweep.json", kept)
    (sweep / "sweep.json").write_bytes(damaged_json(kept.read_text(), random))
    outcome(lambda: search(sweep), place)
    (place / "grid").mkdir(exist_ok=True)
    (place / "grid/sweep.json").write_bytes(damaged_json(GRID, random))
    outcome(lambda: grid(place / "grid"), place)


@examples(60)
@given(random=chances)
def test_a_damaged_journal_is_read_or_refused(random: Random, place: Path) -> None:
    kept = place / "kept.journal"
    if not kept.exists():
        shutil.copy(place / "sweep/study.journal", kept)
    (place / "sweep/study.journal").write_bytes(damaged_lines(kept.read_text(), random))
    outcome(lambda: search(place / "sweep"), place)


@examples(15)
@given(random=chances)
def test_a_damaged_record_of_the_final_model_is_read_or_refused(random: Random, place: Path) -> None:
    final = place / "final/model.ckpt"
    ranking = rank_folder(place / "sweep", "val/loss", "min", None)
    promote(ranking, final, force=True)
    record = final.with_suffix(".json")
    record.write_bytes(damaged_json(record.read_text(), random))
    outcome(lambda: promote(ranking, final, force=False), place)


def all_rows(path: Path, spec: DataSpec) -> np.ndarray:
    """Return the rows of a file as a model of that spec takes them."""
    _, batches = read_raw_rows(path, spec, 16)
    return np.concatenate(list(batches))


@examples(100)
@given(random=chances)
def test_damaged_arrays_are_read_or_refused(random: Random, place: Path) -> None:
    spec = DataSpec("regression", (3,), "float32", 1)
    x = np.arange(120, dtype="float32").reshape(40, 3)
    np.save("x.npy", x)
    np.savez("x.npz", x=x)
    np.savez_compressed("packed.npz", x=x)
    for name in ("x.npy", "x.npz", "packed.npz"):
        path = place / f"damaged-{name}"
        path.write_bytes(damaged(Path(name).read_bytes(), random))
        found = outcome(lambda path=path: all_rows(path, spec), place)
        if name.endswith(".npz") and not isinstance(found, UserError):  # whose bytes have a check sum
            assert np.array_equal(found, x)
    outcome(lambda: read_npy("damaged-x.npy"), place)


@examples(40)
@given(random=chances)
def test_a_damaged_table_is_read_or_refused(random: Random, place: Path) -> None:
    spec = load_checkpoint(place / "sweep/0").data_spec
    path = place / "damaged.csv"
    path.write_bytes(damaged((place / "rows.csv").read_bytes(), random))
    outcome(lambda: all_rows(path, spec), place)
    outcome(lambda: all_rows(path, replace(spec, columns=(), categories=None)), place)
    for like in (None, spec):
        shutil.rmtree("processed", ignore_errors=True)
        outcome(lambda like=like: read_csv(str(path), "kind", "processed", like=like), place)


@examples(15)
@given(random=chances)
def test_a_damaged_copy_of_a_table_is_made_again(random: Random, place: Path) -> None:
    shutil.rmtree("processed", ignore_errors=True)
    read_csv("rows.csv", "kind", "processed")
    kept = next(Path("processed").rglob("spec.json"))
    kept.write_bytes(damaged(kept.read_bytes(), random))
    assert not isinstance(outcome(lambda: read_csv("rows.csv", "kind", "processed"), place), UserError)


COMMANDS = {
    "sweep/0/checkpoints/best_model.ckpt": [
        ("eval.py", "ckpt_path=sweep/0"),
        ("train.py", "init_from=sweep/0", *OVERRIDES),
    ],
    "sweep/0/config.yaml": [
        ("train.py", "resume=sweep/0"),
        ("train.py", "--config-path={}/sweep/0", "--config-name=config"),
    ],
    "sweep/best.yaml": [("infer.py", "ckpt_path=sweep", "input=rows.csv", "output=p.csv")],
    "rows.csv": [("infer.py", "ckpt_path=sweep/0", "input=rows.csv", "output=p.csv"), ("train.py", *OVERRIDES)],
}
DAMAGE: dict[str, Callable[[Path, Random], bytes]] = {
    "sweep/0/checkpoints/best_model.ckpt": damaged_checkpoint,
    "sweep/0/config.yaml": lambda path, random: damaged_yaml(path.read_text(), random),
    "sweep/best.yaml": lambda path, random: damaged_yaml(path.read_text(), random),
    "rows.csv": lambda path, random: damaged(path.read_bytes(), random),
}


@examples(6)
@given(random=chances)
def test_a_whole_command_ends_well_or_in_one_line(random: Random, place: Path, searched: Path) -> None:
    name = random.choice(sorted(COMMANDS))
    (place / name).write_bytes(DAMAGE[name](searched / name, random))
    script, *arguments = random.choice(COMMANDS[name])
    short = ("trainer.max_epochs=1", "logger=none") if script == "train.py" and "resume" not in arguments[0] else ()
    done = run_script(script, *(argument.format(place) for argument in arguments), *short, cwd=place, timeout=60)
    shutil.copy(searched / name, place / name)
    assert "Traceback" not in done.stdout + done.stderr
    if done.returncode:
        assert done.returncode == 1
        assert [line for line in done.stderr.splitlines() if line.startswith("error: ")], done.stderr
