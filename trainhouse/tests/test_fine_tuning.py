"""A new run starts with the weights of another: all that fit, and what doesn't is said."""

import logging
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from trainhouse.checkpoints.checkpoint import load_checkpoint
from trainhouse.configuration.errors import UserError
from trainhouse.configuration.settings import Train
from trainhouse.tests.common import composed, read_history, run_script
from trainhouse.tests.test_exact_resume import differing, outcome
from trainhouse.tests.tiny import tiny_config
from trainhouse.training.resume import resume
from trainhouse.training.train import train

MadeOnce = Callable[[str, Callable[[Path], None]], Path]


@pytest.fixture(scope="module")
def teacher(made_once: MadeOnce) -> Path:
    """The folder of a run that has learned its rows well; only read it."""

    def make(folder: Path) -> None:
        options = ["optimizer.lr=0.05", "trainer.max_epochs=12", "callbacks.early_stopping=null", "preflight=false"]
        train(tiny_config(folder / "rows.npy", *options), folder / "run")

    return made_once("fine_tuning", make) / "run"


@pytest.fixture(autouse=True)
def say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.chdir(tmp_path)
    caplog.set_level(logging.INFO, logger="trainhouse")


def configuration(teacher: Path, *overrides: str) -> Train:
    return tiny_config(teacher.parent / "rows.npy", "preflight=false", "trainer.max_epochs=1", *overrides)


def network(folder: Path) -> dict[str, torch.Tensor]:
    weights = load_checkpoint(folder / "checkpoints/last.ckpt").state_dict
    return {name: value for name, value in weights.items() if name.startswith("network.")}


def first_loss(folder: Path) -> float:
    return read_history(folder / "logs/metrics.csv")[0]["train/loss"]


def test_what_was_learned_is_there_in_the_first_epoch(teacher: Path, caplog: pytest.LogCaptureFixture) -> None:
    train(configuration(teacher), Path("fresh"))
    train(configuration(teacher, f"init_from={teacher}"), Path("tuned"))
    assert first_loss(Path("tuned")) < 0.8 * first_loss(Path("fresh"))
    best = load_checkpoint(teacher)
    assert f"weights from {teacher}/checkpoints/best_model.ckpt (epoch {best.epoch})" in caplog.text
    assert "starts from scratch" not in caplog.text
    assert "is not used" not in caplog.text


@pytest.mark.parametrize("source", ["", "checkpoints/last.ckpt"])
def test_training_starts_with_the_very_weights_of_the_checkpoint(source: str, teacher: Path) -> None:
    train(configuration(teacher, f"init_from={teacher / source}", "optimizer.lr=1e-30"), Path("tuned"))
    tuned, before = network(Path("tuned")), load_checkpoint(teacher / source).state_dict
    assert len(tuned) == 4
    assert all(torch.equal(value, before[name]) for name, value in tuned.items())


@pytest.mark.parametrize("wrapped", [False, True], ids=["weights", "state_dict"])
def test_a_plain_file_of_weights_will_do_with_what_goes_in_front_of_its_names(
    wrapped: bool, teacher: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before = load_checkpoint(teacher).state_dict
    plain = {name.removeprefix("network."): value for name, value in before.items() if name.startswith("network.")}
    torch.save({"state_dict": plain, "epoch": 3} if wrapped else plain, "weights.pt")
    options = ["init_from=weights.pt", "optimizer.lr=1e-30"]
    train(configuration(teacher, *options, "init_prefix=network."), Path("tuned"))
    assert all(torch.equal(value, before[name]) for name, value in network(Path("tuned")).items())
    assert "weights from weights.pt\n" in f"{caplog.text}\n"
    with pytest.raises(UserError, match=r"^init_from: no weight of weights\.pt fits this network; it holds layers\.1"):
        train(configuration(teacher, *options), Path("other"))
    assert not Path("other").exists()


def test_nothing_else_of_the_checkpoint_comes_along(teacher: Path) -> None:
    train(configuration(teacher, f"init_from={teacher}", "trainer.max_epochs=2"), Path("tuned"))
    rows = read_history(Path("tuned/logs/metrics.csv"))
    assert [(row["epoch"], row["step"], row["lr"]) for row in rows] == [(1, 2, 0.001), (2, 5, 0.001)]


def test_the_preprocessing_is_that_of_the_new_data(teacher: Path) -> None:
    rows = np.load(teacher.parent / "rows.npy")
    rows[:, :-1] = rows[:, :-1] * 10 + 100
    np.save("rows.npy", rows)
    options = ["preflight=false", "optimizer.lr=1e-30"]
    train(tiny_config(Path("rows.npy"), *options, f"init_from={teacher}"), Path("tuned"))
    train(tiny_config(Path("rows.npy"), *options), Path("fresh"))
    tuned, fresh, before = (
        load_checkpoint(folder / "checkpoints/last.ckpt").state_dict
        for folder in (Path("tuned"), Path("fresh"), teacher)
    )
    fitted = [name for name in fresh if name.startswith("preprocessing.")]
    assert fitted
    assert all(torch.equal(tuned[name], fresh[name]) for name in fitted)
    assert not all(torch.equal(tuned[name], before[name]) for name in fitted)


def test_a_head_of_other_classes_begins_from_nothing_and_is_named(
    teacher: Path, caplog: pytest.LogCaptureFixture
) -> None:
    more = ["data.classes=4", "data.rows=80", "optimizer.lr=1e-30", "preflight=false"]
    train(tiny_config(Path("more.npy"), *more, f"init_from={teacher}"), Path("tuned"))
    train(tiny_config(Path("more.npy"), *more), Path("fresh"))
    tuned, fresh, before = network(Path("tuned")), network(Path("fresh")), load_checkpoint(teacher).state_dict
    body, head = ["network.layers.1.weight", "network.layers.1.bias"], ["weight", "bias"]
    assert all(torch.equal(tuned[name], before[name]) for name in body)
    for name in (name for name in tuned if name not in body):
        assert torch.equal(tuned[name], fresh[name])
        shapes = f"{tuple(tuned[name].shape)} starts from scratch: it is {tuple(before[name].shape)} there"
        assert f"{name} {shapes}" in caplog.text
    assert caplog.text.count("starts from scratch") == len(head)


def test_weights_that_are_only_there_or_only_here_are_named(teacher: Path, caplog: pytest.LogCaptureFixture) -> None:
    train(configuration(teacher, f"init_from={teacher}", "model.hidden_sizes=[8,8]"), Path("deeper"))
    assert "network.layers.7.weight (3, 8) starts from scratch: it is not there" in caplog.text
    caplog.clear()
    train(configuration(teacher, "init_from=deeper", "model.hidden_sizes=[8]"), Path("shallower"))
    assert "network.layers.7.weight of the checkpoint is not used" in caplog.text


def test_a_network_that_shares_nothing_is_refused_in_one_line(teacher: Path) -> None:
    config = tiny_config(teacher.parent / "rows.npy", f"init_from={teacher}")
    config = config.with_values({"model": composed("model=linear").model.plain})
    with pytest.raises(UserError, match=r"^init_from: no weight of .*best_model\.ckpt fits this network") as refused:
        train(config, Path("tuned"))
    assert "\n" not in str(refused.value)
    assert "src.models.simple_net.SimpleNet" in str(refused.value)


class Payload:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return open, (str(self.path), "w")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("code.ckpt", "code.ckpt: not plain data"),
        ("code.pt", "code.pt: not plain data"),
        ("foreign.ckpt", "init_from: foreign.ckpt is neither a checkpoint of this project nor a mapping of names"),
        ("half.ckpt", "half.ckpt: damaged or not a checkpoint"),
        ("empty.ckpt", "empty.ckpt: "),
        ("https://example.com/a.ckpt", "init_from: https://example.com/a.ckpt is an address"),
        ("s3://bucket/a.ckpt", "init_from: s3://bucket/a.ckpt is an address"),
        ("nowhere.ckpt", "init_from: nowhere.ckpt does not exist"),
        ("folder", "init_from: folder is a folder without checkpoints/best_model.ckpt"),
    ],
)
def test_what_is_no_checkpoint_is_refused_before_anything_is_written(source: str, message: str, teacher: Path) -> None:
    touched = Path("touched").absolute()
    Path("code.ckpt").write_bytes(pickle.dumps(Payload(touched)))
    torch.save({"project": Payload(touched)}, "code.pt")
    torch.save({"state_dict": {}}, "foreign.ckpt")
    whole = (teacher / "checkpoints/best_model.ckpt").read_bytes()
    Path("half.ckpt").write_bytes(whole[: len(whole) // 2])
    Path("empty.ckpt").touch()
    Path("folder").mkdir()
    config = configuration(teacher).with_values({"init_from": source})
    with pytest.raises(UserError) as refused:
        train(config, Path("tuned"))
    assert str(refused.value).startswith(message)
    assert "\n" not in str(refused.value)
    assert not touched.exists()
    assert not Path("tuned").exists()


def test_the_command_refuses_a_missing_checkpoint_in_one_line(tmp_path: Path) -> None:
    done = run_script("train.py", "init_from=nowhere.ckpt", "hydra.run.dir=run", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("error: init_from: nowhere.ckpt does not exist")
    assert len(done.stderr.splitlines()) == 1


def test_a_run_that_is_resumed_takes_no_other_weights(teacher: Path) -> None:
    shutil.copytree(teacher, "run")
    before = {path: path.read_bytes() for path in Path("run").rglob("*") if path.is_file()}
    overrides = ["resume=run", f"init_from={teacher}", "trainer.max_epochs=20"]
    with pytest.raises(UserError, match=r"^init_from: a resumed run keeps its own"):
        resume(Path("run"), composed(*overrides), overrides)
    assert {path: path.read_bytes() for path in Path("run").rglob("*") if path.is_file()} == before


def test_a_fine_tuned_run_is_resumed_without_the_checkpoint_that_it_started_from(teacher: Path) -> None:
    shutil.copytree(teacher, "source")
    options = ["model.dropout=0.5", "optimizer.lr=0.01", "init_from=source"]
    train(configuration(teacher, *options, "trainer.max_epochs=3"), Path("whole"))
    train(configuration(teacher, *options, "trainer.max_epochs=2"), Path("tuned"))
    shutil.rmtree("source")
    overrides = ["resume=tuned", "trainer.max_epochs=3"]
    resume(Path("tuned"), composed(*overrides), overrides)
    assert differing(outcome(Path("whole")), outcome(Path("tuned"))) == []
