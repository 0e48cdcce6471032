"""A LightningModule or a plain network, on a LightningDataModule or on arrays: all four train, resume, evaluate."""

import json
from pathlib import Path

import numpy as np
import pytest

from trainhouse.checkpoints.checkpoint import load_checkpoint
from trainhouse.configuration.settings import Train
from trainhouse.predicting.ensemble import is_own, load_members
from trainhouse.predicting.evaluate_checkpoint import evaluate_checkpoint, report_evaluation
from trainhouse.predicting.inference import infer
from trainhouse.predicting.own_evaluation import evaluate_own
from trainhouse.tests.common import composed
from trainhouse.tests.pair_house import outcome, pair_config, train_until
from trainhouse.tests.test_exact_resume import differing
from trainhouse.training.train import train

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # what Lightning thinks of the users' classes

ARRAYS = ["data=fake", "data.rows=80", "data.columns=6", "data.classes=3", "data.batch_size=16", "data.path=rows.npy"]
# One's own module on arrays, a plain network on one's own data, both one's own, neither.
COMBINATIONS = {
    "own module, arrays": [*ARRAYS, "model=plain_classifier", "model.width=6", "model.classes=3", "monitor=val_loss"],
    "plain network, own data": ["data=with_facts", "model=plain_net", "monitor=val/loss", "mode=min"],
    "own module, own data": ["data=with_facts", "model=plain_classifier", "model.width=6", "model.classes=3"],
    "plain network, arrays": [*ARRAYS, "model=plain_net", "monitor=val/loss"],
}


@pytest.fixture
def config(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Train:
    monkeypatch.chdir(tmp_path)
    overrides = [*COMBINATIONS[request.param], "name=test", "preflight=true"]
    if not any(override.startswith("monitor=") for override in overrides):
        overrides.append("monitor=val_loss")
    return pair_config(None, tmp_path, *overrides)


every_combination = pytest.mark.parametrize("config", COMBINATIONS, indirect=True)


@every_combination
def test_a_combination_resumes_bit_for_bit_and_is_evaluated_from_its_file(config: Train, tmp_path: Path) -> None:
    train(config, tmp_path / "whole")
    last = train_until(config, tmp_path / "killed", epoch=1, batch=2)
    train(config, tmp_path / "killed", resume_from=last)
    assert differing(outcome(tmp_path / "whole"), outcome(tmp_path / "killed")) == []
    content = json.loads((tmp_path / "whole/metrics.json").read_text())
    assert content["exact"] is True

    checkpoint, *_ = load_members("whole")
    evaluation = composed("ckpt_path=whole", "trainer=cpu", config_name="eval")
    if is_own(checkpoint):
        evaluate_own(checkpoint, evaluation, tmp_path / "evaluated")
    else:
        measured, split = evaluate_checkpoint([checkpoint], evaluation, tmp_path / "evaluated")
        report_evaluation(measured, [checkpoint], split, tmp_path / "evaluated")
    found = json.loads((tmp_path / "evaluated/metrics.json").read_text())["metrics"]
    assert found == {name: value for name, value in content["metrics"].items() if name.startswith("test")}
    assert found


def test_a_module_of_ones_own_predicts_rows_of_a_file_in_the_names_of_the_classes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    train(pair_config(None, tmp_path, *COMBINATIONS["own module, arrays"], "name=test"), tmp_path / "run")
    rows = np.load("rows.npy")[:5, :-1]
    np.save("new.npy", rows)
    infer(input="new.npy", output="p.csv", ckpt_path="run", batch_size=2, accelerator="cpu", threads=1)
    header, *lines = Path("p.csv").read_text().splitlines()
    assert header == "row,prediction,output_0,output_1,output_2"
    assert len(lines) == 5
    for line in lines:
        _, chosen, *outputs = line.split(",")
        assert int(chosen) == max(range(3), key=lambda index: float(outputs[index]))


def test_the_sizes_of_a_plain_network_are_the_facts_of_ones_own_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    train(pair_config(None, tmp_path, *COMBINATIONS["plain network, own data"], "name=test"), tmp_path / "run")
    checkpoint = load_checkpoint(tmp_path / "run")
    assert checkpoint.facts["input_shape"] == [6]
    assert checkpoint.facts["outputs"] == 3
