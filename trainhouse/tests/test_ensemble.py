"""The best models of a sweep as one: what they predict together, what is measured of it, and who can't be together."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from src.training.module import Module
from trainhouse.arrays.datamodule import DataModule
from trainhouse.arrays.spec import DataSpec
from trainhouse.checkpoints.checkpoint import Checkpoint, load_checkpoint
from trainhouse.configuration.errors import UserError
from trainhouse.machine.files import write_text
from trainhouse.predicting.ensemble import load_members, rebuild_ensemble
from trainhouse.predicting.evaluate_checkpoint import evaluate_checkpoint
from trainhouse.predicting.evaluate_split import Collect, evaluate
from trainhouse.runs.best_of_sweep import read_best
from trainhouse.tests.common import composed, run_script
from trainhouse.tests.tiny import CLASSES, TARGETS, tiny_config, tiny_data, tiny_module, tiny_trainer
from trainhouse.training.train import train

BEST = """\
# python train.py optimizer.lr=0.01
overrides: [optimizer.lr=0.01]
metric: val/loss
mode: min
mean: 0.5
runs: ['0', '1']
best_run: '1'
"""


@pytest.fixture
def sweep(made_once: Callable[..., Path], tmp_path: Path) -> Path:
    """A sweep of one's own: the best configuration has folds 0 and 1, another one the run 2."""

    def make(folder: Path) -> None:
        for name, overrides in {"0": ["data.fold=0"], "1": ["data.fold=1"], "2": ["data.split_seed=1"]}.items():
            fast = ["trainer.max_epochs=1", "preflight=false"]
            train(tiny_config(data, *fast, *overrides), folder / name)
        (folder / "best.yaml").write_text(BEST)

    data = made_once("tiny_data", lambda folder: None) / "rows.npy"
    return shutil.copytree(made_once("tiny_sweep", make), tmp_path / "sweep")


def edit_checkpoint(path: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    content = torch.load(path, weights_only=True)
    edit(content["project"])
    torch.save(content, path)


def test_a_sweep_means_the_models_of_its_best_configuration(sweep: Path) -> None:
    members = load_members(sweep)
    assert [member.path for member in members] == [sweep / name / "checkpoints/best_model.ckpt" for name in "01"]
    assert [member.path for member in load_members(sweep / "2")] == [sweep / "2/checkpoints/best_model.ckpt"]


def test_infer_writes_the_mean_of_the_members_probabilities(sweep: Path) -> None:
    rows = np.random.RandomState(0).standard_normal((7, 4)).astype(np.float32)
    np.save(sweep.parent / "rows.npy", rows)
    arguments = ["input=rows.npy", "output=out.npy", "batch_size=3", "accelerator=cpu"]
    done = run_script("infer.py", "ckpt_path=sweep", *arguments, cwd=sweep.parent)
    assert done.returncode == 0, done.stderr
    assert "7 predictions of the mean of 2 models of sweep: 0 (epoch 1), 1 (epoch 1) are in out.npy" in done.stdout
    with torch.inference_mode():
        each = [rebuild_ensemble([member]).predict(torch.from_numpy(rows)).numpy() for member in load_members(sweep)]
    assert not np.allclose(*each)
    found = np.load(sweep.parent / "out.npy")
    together = np.column_stack([found[f"probability_{name}"] for name in "012"])
    np.testing.assert_allclose(together, np.mean(each, axis=0), rtol=1e-5)


def as_one(data: DataModule, *modules: Module) -> Any:
    """Put modules together as their checkpoints are."""
    config = composed("model.hidden_sizes=[8]", "model.dropout=0")
    return rebuild_ensemble(
        [Checkpoint(Path("x.ckpt"), config, data.spec, {}, module.state_dict(), 1, {}) for module in modules]
    )


@pytest.mark.parametrize("spec", [CLASSES, TARGETS], ids=["classes", "targets"])
def test_an_ensemble_is_measured_as_a_single_model_is(spec: DataSpec, tmp_path: Path) -> None:
    data = tiny_data(spec)
    one, other = tiny_module(data), tiny_module(data)
    with torch.no_grad():
        for weight in other.parameters():
            weight.mul_(-0.5)
    if spec.task == "regression":
        other.target_mean.add_(1)  # another fold has another scale

    def measured(module: Any) -> dict[str, float]:
        collect = Collect(spec, None, data.row_numbers_of("test"))
        return evaluate(
            tiny_trainer(tmp_path, collect), module.eval(), data.eval_batches("test"), "test", collect
        ).metrics

    assert measured(as_one(data, one, one)) == pytest.approx(measured(one), rel=1e-4)
    rows, numbers = data.parts["test"]
    x, y = torch.from_numpy(rows.x[numbers]), torch.from_numpy(rows.y[numbers])
    with torch.inference_mode():
        mean = (one.predict(x) + other.predict(x)) / 2
    together = as_one(data, one, other)
    found = measured(together)
    if spec.task == "classification":
        assert found["test/acc"] == pytest.approx((mean.argmax(dim=1) == y).float().mean().item())
        assert found["test/loss"] == pytest.approx(torch.nn.functional.nll_loss(mean.log(), y).item(), rel=1e-4)
    else:
        for column, name in enumerate(spec.targets):
            expected = (mean - y)[:, column].square().mean().sqrt().item()
            assert found[f"test/rmse_{name}"] == pytest.approx(expected, rel=1e-3)
        assert found["test/loss"] == pytest.approx(((mean - y) / together.target_std).square().mean().item(), rel=1e-3)


def test_eval_measures_folds_together_on_the_test_rows_that_none_has_seen(sweep: Path) -> None:
    done = run_script("eval.py", "ckpt_path=sweep", "trainer=cpu", "hydra.run.dir=eval", cwd=sweep.parent)
    assert done.returncode == 0, done.stderr
    assert "model   the mean of 2 models of sweep: 0 (epoch 1), 1 (epoch 1)" in done.stdout
    report = json.loads((sweep.parent / "eval/metrics.json").read_text())
    assert (report["split"], report["rows"]) == ("test", 6)
    assert report["members"] == [
        {"ckpt_path": f"sweep/{name}/checkpoints/best_model.ckpt", "epoch": 1} for name in "01"
    ]
    done = run_script("eval.py", "ckpt_path=sweep", "trainer=cpu", "split=val", "hydra.run.dir=val", cwd=sweep.parent)
    assert done.stderr.startswith("error: split: the members are of different folds")


def test_runs_with_other_test_rows_are_not_evaluated_as_one(sweep: Path, tmp_path: Path) -> None:
    config = composed("ckpt_path=x", "trainer.accelerator=cpu", config_name="eval")
    first, other = load_checkpoint(sweep / "0"), load_checkpoint(sweep / "2")
    with pytest.raises(UserError, match=r"0/check.*ckpt and .*2/check.* can't be evaluated as one: data\.split_seed"):
        evaluate_checkpoint([first, other], config, tmp_path)


def test_runs_that_predict_different_things_are_not_put_together(sweep: Path) -> None:
    path = sweep / "1/checkpoints/best_model.ckpt"
    edit_checkpoint(path, lambda record: record["spec"].update(classes=["x", "y", "z"]))
    with pytest.raises(UserError, match=r"0/check.* and .*1/check.* can't predict as one: classes is \('0'"):
        load_members(sweep)


def test_what_is_no_model_of_a_sweep_is_said_with_the_fix(sweep: Path) -> None:
    with pytest.raises(UserError, match=r"^ckpt_path: .*best\.yaml is a file of a sweep; .*ckpt_path=.*sweep$"):
        load_members(sweep / "best.yaml")
    shutil.rmtree(sweep / "1")
    with pytest.raises(UserError, match=r"^.*best\.yaml: runs: .*1 does not exist"):
        load_members(sweep)
    with pytest.raises(UserError, match=r"^init_from: .*sweep is a sweep; give the folder of one of its runs"):
        load_checkpoint(sweep, "init_from")
    (sweep / "best.yaml").rename(sweep / "results.csv")
    with pytest.raises(UserError, match=r"^ckpt_path: .*sweep is a sweep without best\.yaml.*finish it, or"):
        load_members(sweep)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (BEST, "", "expected a mapping, found None"),
        (BEST, "a: [", "not readable"),
        (BEST, "!!python/object/apply:os.getcwd []", "not readable"),
        ("['0', '1']", "[0, 1]", r"runs: expected a list of different folders .*, found \[0, 1\]"),
        ("['0', '1']", "[]", r"runs: expected .*, found \[\]"),
        ("['0', '1']", "['0', '0']", "runs: expected a list of different folders"),
        ("['0', '1']", "['../2']", "runs: expected a list of different folders below"),
        ("['0', '1']", "[/tmp]", "runs: expected a list of different folders below"),
        ("min", "up", "mode: expected min or max, found 'up'"),
        ("metric: val/loss\n", "", "metric: expected a string, found None"),
        ("0.5", "x", "mean: expected a number, found 'x'"),
        ("overrides: [optimizer.lr=0.01]", "overrides: 3", "overrides: expected a list of strings, found 3"),
    ],
)
def test_a_damaged_best_yaml_is_named_with_what_is_wrong(old: str, new: str, message: str, tmp_path: Path) -> None:
    write_text(tmp_path / "best.yaml", BEST.replace(old, new, 1))
    with pytest.raises(UserError, match=rf"^{re.escape(str(tmp_path))}/best\.yaml: {message}") as refused:
        read_best(tmp_path)
    assert "\n" not in str(refused.value)


def test_a_folder_without_best_yaml_has_no_best(tmp_path: Path) -> None:
    assert read_best(tmp_path) is None
