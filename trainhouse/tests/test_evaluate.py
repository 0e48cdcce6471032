"""Evaluation of a model on a split: counts, measures of each class, predictions of every row."""

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from trainhouse.arrays.spec import DataSpec
from trainhouse.checkpoints.checkpoint import Checkpoint, load_checkpoint
from trainhouse.configuration.errors import UserError
from trainhouse.predicting.class_measures import confusion_counts, per_class
from trainhouse.predicting.evaluate_checkpoint import evaluate_checkpoint, report_evaluation
from trainhouse.predicting.evaluate_split import Collect, evaluate
from trainhouse.predicting.inference import infer
from trainhouse.predicting.predict import predict
from trainhouse.tests.common import composed
from trainhouse.tests.tiny import CLASSES, TARGETS, tiny_data, tiny_module, tiny_run, tiny_trainer

TRUE, PREDICTED = np.array([0, 0, 0, 1, 1, 3]), np.array([0, 0, 1, 1, 0, 0])
COUNTS = [[2, 1, 0, 0], [1, 1, 0, 0], [0, 0, 0, 0], [1, 0, 0, 0]]


@pytest.fixture
def checkpoint(made_once: Any) -> Checkpoint:
    return load_checkpoint(tiny_run(made_once))


def test_confusion_counts_have_true_classes_in_rows() -> None:
    assert confusion_counts(TRUE, PREDICTED, 4).tolist() == COUNTS


def test_measures_of_each_class_without_a_division_by_zero() -> None:
    found = per_class(np.array(COUNTS))
    assert found["precision"] == pytest.approx([2 / 4, 1 / 2, 0, 0]), "classes 2 and 3 are never predicted"
    assert found["recall"] == pytest.approx([2 / 3, 1 / 2, 0, 0]), "class 2 has no rows"
    assert found["f1"] == pytest.approx([4 / 7, 2 / 4, 0, 0])
    assert found["rows"].tolist() == [3, 2, 0, 1]


def test_predict_yields_a_batch_for_each_batch_without_dropout_or_gradients() -> None:
    data = tiny_data(CLASSES)
    module = tiny_module(data).train()
    x = data.parts["all"][0].x
    found = list(predict(module, [x[:4], x[4:5]]))
    assert [values.shape for values in found] == [(4, 3), (1, 3)]
    assert not module.training
    with torch.inference_mode():
        expected = module.predict(torch.from_numpy(x[:5])).numpy()
    np.testing.assert_allclose(np.concatenate(found), expected, rtol=1e-5)


def test_rows_that_lie_in_a_read_only_map_are_predicted_as_any_others() -> None:
    data = tiny_data(CLASSES)
    module, x = tiny_module(data), data.parts["all"][0].x
    read_only = x.copy()
    read_only.flags.writeable = False
    np.testing.assert_array_equal(*(np.concatenate(list(predict(module, [rows]))) for rows in (read_only, x)))


@pytest.mark.parametrize("written", [True, False])
@pytest.mark.parametrize("spec", [CLASSES, TARGETS], ids=["classes", "targets"])
def test_evaluate_returns_metrics_named_after_the_split_and_every_row(
    spec: DataSpec, written: bool, tmp_path: Path
) -> None:
    data = tiny_data(spec)
    module = tiny_module(data)
    file = tmp_path / "predictions.csv" if written else None
    collect = Collect(spec, file, data.row_numbers_of("val"))
    found = evaluate(tiny_trainer(tmp_path, collect), module, data.eval_batches("val"), "val", collect)
    rows, numbers = data.parts["val"]
    values = next(predict(module, [rows.x[numbers]]))
    np.testing.assert_array_equal(found.targets, rows.y[numbers])
    expected = values.argmax(axis=1) if spec.task == "classification" else values
    np.testing.assert_allclose(found.predictions, expected, rtol=1e-5)
    assert {name.partition("/")[0] for name in found.metrics} == {"val"}
    assert (tmp_path / "predictions.csv").exists() == written


@pytest.mark.parametrize(
    ("spec", "columns"),
    [
        (CLASSES, ["row", "target", "prediction", "probability_a", "probability_b", "probability_c"]),
        (TARGETS, ["row", "target_u", "target_v", "prediction_u", "prediction_v"]),
    ],
    ids=["classes", "targets"],
)
def test_the_file_of_predictions_counts_its_rows_across_batches(
    spec: DataSpec, columns: list[str], tmp_path: Path
) -> None:
    data, file = tiny_data(spec), tmp_path / "predictions.csv"
    collect = Collect(spec, file, data.row_numbers_of("val"))
    found = evaluate(tiny_trainer(tmp_path, collect), tiny_module(data), data.eval_batches("val"), "val", collect)
    with open(file, newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert list(rows[0]) == columns
    assert [int(row["row"]) for row in rows] == data.parts["val"][1].tolist(), "the rows of the file, not of the split"
    if spec.task == "classification":
        assert [row["target"] for row in rows] == [spec.classes[code] for code in found.targets]
        assert [row["prediction"] for row in rows] == [spec.classes[code] for code in found.predictions]
    else:
        assert [float(row["target_v"]) for row in rows] == pytest.approx(found.targets[:, 1].tolist())


@pytest.mark.usefixtures("drawn")
def test_a_checkpoint_on_its_own_data_is_measured_on_its_test_split(checkpoint: Checkpoint, tmp_path: Path) -> None:
    config = composed(f"ckpt_path={checkpoint.path}", "trainer.accelerator=cpu", config_name="eval")
    evaluation, split = evaluate_checkpoint([checkpoint], config, tmp_path)
    report_evaluation(evaluation, [checkpoint], split, tmp_path)
    run = json.loads((checkpoint.path.parents[1] / "metrics.json").read_text())["metrics"]
    report = json.loads((tmp_path / "metrics.json").read_text())
    assert (split, report["rows"], report["epoch"]) == ("test", 6, checkpoint.epoch)
    assert report["metrics"] == pytest.approx({name: run[name] for name in ("test/loss", "test/acc", "test/f1")})
    assert sum(row["rows"] for row in report["per_class"].values()) == 6
    assert (tmp_path / "figures" / "confusion_matrix.png").stat().st_size > 1000
    assert (tmp_path / "predictions.csv").is_file()


def test_a_checkpoint_from_before_the_keys_of_training_alone_is_measured(
    checkpoint: Checkpoint, tmp_path: Path
) -> None:
    keys = ("shuffle", "block_rows", "window_blocks", "in_memory", "device_resident")
    data = {name: value for name, value in checkpoint.config.data.plain.items() if name not in keys}
    older = replace(checkpoint, config=checkpoint.config.with_values({"data": data}))
    config = composed(f"ckpt_path={checkpoint.path}", "trainer.accelerator=cpu", config_name="eval")
    config = config.with_values({"data": {"path": data["path"]}})  # which nobody has signed
    assert evaluate_checkpoint([older], config, tmp_path)[1] == "test"
    with pytest.raises(UserError, match=r"^data\.shuffle: belongs to training"):
        evaluate_checkpoint([older], config.with_values({"data": {"shuffle": "blocks"}}), tmp_path)


def test_the_numbers_of_all_rows_are_said(
    checkpoint: Checkpoint, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = composed(f"ckpt_path={checkpoint.path}", "trainer.accelerator=cpu", "split=all", config_name="eval")
    evaluation, split = evaluate_checkpoint([checkpoint], config, tmp_path)
    with caplog.at_level("INFO"):
        report_evaluation(evaluation, [checkpoint], split, tmp_path)
    loss, acc = evaluation.metrics["all/loss"], evaluation.metrics["all/acc"]
    assert f"all    loss {loss:.4f}  acc {acc:.4f}" in caplog.text


@pytest.mark.parametrize("asked", ["trainer.devices=2", "trainer.limit_test_batches=0"])
def test_a_trainer_that_cannot_measure_each_row_once_is_refused_before_the_data_is_read(
    asked: str, checkpoint: Checkpoint, tmp_path: Path
) -> None:
    config = composed(f"ckpt_path={checkpoint.path}", "trainer.accelerator=cpu", asked, config_name="eval")
    config = config.with_values({"data": {"path": str(tmp_path / "not_there.npy")}})
    with pytest.raises(UserError, match=f"^{asked.partition('=')[0]}: "):
        evaluate_checkpoint([checkpoint], config, tmp_path)


def test_data_that_has_changed_since_training_is_refused(checkpoint: Checkpoint, tmp_path: Path) -> None:
    config = composed(f"ckpt_path={checkpoint.path}", "trainer.accelerator=cpu", config_name="eval")
    other = replace(checkpoint, provenance={**checkpoint.provenance, "data_fingerprint": "f" * 16})
    with pytest.raises(UserError, match=r"rows\.npy: has changed since .*best_model\.ckpt was trained.*f{16}"):
        evaluate_checkpoint([other], config, tmp_path)


def test_infer_predicts_every_row_as_the_module_does(
    checkpoint: Checkpoint, tmp_path: Path, made_once: Callable[..., Path]
) -> None:
    rows = np.load(checkpoint.config.data.get("path"))[:7, :4]
    np.save(tmp_path / "rows.npy", rows)
    infer(
        str(tmp_path / "rows.npy"),
        str(tmp_path / "out.npy"),
        str(checkpoint.path),
        batch_size=3,
        accelerator="cpu",
        threads=None,
    )
    found = np.load(tmp_path / "out.npy")
    assert found.dtype.names == ("prediction", "probability_0", "probability_1", "probability_2")
    assert len(found) == 7
    np.testing.assert_allclose(sum(found[f"probability_{name}"] for name in "012"), np.ones(7), rtol=1e-5)


@pytest.mark.skipif(torch.accelerator.is_available(), reason="there is an accelerator here")
def test_a_gpu_that_is_not_there_is_named(checkpoint: Checkpoint, tmp_path: Path) -> None:
    np.save(tmp_path / "rows.npy", np.zeros((2, 4), np.float32))
    arguments = [str(tmp_path / "rows.npy"), str(tmp_path / "out.csv"), str(checkpoint.path)]
    with pytest.raises(UserError, match=r"^accelerator: gpu, and there is none; use accelerator=cpu"):
        infer(*arguments, batch_size=3, accelerator="gpu", threads=None)
    assert not (tmp_path / "out.csv").exists()
