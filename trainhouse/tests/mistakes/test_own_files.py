"""Mistakes in a user's own files: defaults lists, YAML, references. One line that names the file or the key."""

from pathlib import Path

import pytest

from trainhouse.tests.mistakes.in_process import Ended, assert_is_one_line_of_ours, some_of
from trainhouse.tests.mistakes.in_process import ended as ended
from trainhouse.tests.mistakes.judging import Rows

FILES: Rows = [
    ("defaults:\n  - /model/nowhere\n", "mine.yaml: model=nowhere: no such option"),
    (
        "defaults:\n  - override /models: cnn\n",
        "mine.yaml: 'models' in its defaults is no group; did you mean",
    ),
    ("defaults:\n  - override model: cnn\n", "mine.yaml: 'override model' lacks a /; a line below defaults"),
    ("defaults:\n  - /model: cnn\n", "mine.yaml: model has an option already; write '- override /model: cnn'"),
    ("defaults:\n  - model: cnn\n", "mine.yaml: 'model: cnn': write '- override /model: cnn'"),
    ("defaults:\n  override /model: cnn\n", "mine.yaml: a line below defaults is written as '- override /model: cnn'"),
    ("defaults:\n  - override /model:cnn\n", "mine.yaml: 'override /model:cnn': a line below defaults"),
    ("defaults:\n  - override /model=cnn\n", "mine.yaml: 'override /model=cnn': a line below defaults"),
    ("defaults:\n  - override /model: cnnn\n", "model=cnnn: no such option; did you mean 'cnn'?"),
    ("defaults:\n  - mine\n", "mine.yaml: chooses itself in its defaults; take the line '- mine' out"),
    ("model: &a\n  b: *a\n", "mine.yaml: *a stands for what it is in"),
    ("trainer:\n\tmax_epochs: 3\n", "mine.yaml, line 3: a tab; indent with spaces"),
    ("model:\n  dropout: 0.1\n   width: 3\n", "mine.yaml, line 4"),
    ("  model:\n trainer: 3\n", "mine.yaml, line 3: is indented differently from the lines above it"),
    ("seed: 1\nseed: 2\n", "mine.yaml, line 3: the key seed stands twice"),
    ("seed: 1\nname x\n", "mine.yaml, line 4: expected 'key: value'"),
    ("seed:1\nname: x\n", "mine.yaml, line 3: a ':' that isn't expected"),
    ("name: @x\n", "mine.yaml, line 2: a value that begins with @ is put in quotes"),
    ("name: *x\n", "mine.yaml, line 2: a value that begins with * is put in quotes"),
    ("name: 'x\n", "mine.yaml, line 2: a quote is not closed"),
    ("name: [x\n", "mine.yaml, line 2: a ] is missing at the end of a list or mapping"),
    ("name: {{ seed }}\n", "mine.yaml, line 2: a value in {{ }}"),
    ("seed: 1\n---\nseed: 2\n", "mine.yaml, line 3: --- begins a second configuration"),
    ("seed: !!python/name:os.x\n", "mine.yaml, line 2: a value that begins with ! is put in quotes"),
    ("name: ${optimizr.lr}\n", "name: ${optimizr.lr}: there is no key 'optimizr.lr'; did you mean 'optimizer.lr'?"),
    ("seed: ???\n", "seed: required by own/experiment/mine.yaml; add seed=... to the command"),
    ("optimizer:\n  lr: ???\n", "optimizer.lr: required by own/experiment/mine.yaml"),
    ("defaults:\n  - override /model: cnn\n  - override /model: linear\n", "mine.yaml: chooses model twice"),
    ("seed: ${sed}\n", "seed: ${sed}: there is no key 'sed'; did you mean 'seed'?"),
    ("name: ${env:HOME}\n", "name: ${env:HOME}: there is no resolver 'env'; did you mean 'oc.env'?"),
    ("seed: ${eval:1+1}\n", "seed: ${eval:1+1}: there is no resolver 'eval'; there are oc.env, "),
    (
        "name: ${monitor}\nmonitor: ${name}\n",
        "name: refers to itself in the end: name is ${monitor}, monitor is",
    ),
    ("name: ${seed\n", "name: ${seed is not complete"),
    ("name: ${oc.env:UNSET}\n", "name: the environment variable UNSET is not set; set it, or write what holds without"),
    ("optimizer:\n  lr: ${oc.env:UNSET}\n", "optimizer.lr: the environment variable UNSET is not set"),
    ("optimizer:\n  lr: ${oc.env:LR,abc}\n", "optimizer.lr: expected a number above 0, got 'abc'"),
]


@pytest.mark.parametrize(("text", "line"), some_of(FILES))
def test_a_mistake_in_a_file_ends_in_one_line(text: str, line: str, ended: Ended, tmp_path: Path) -> None:
    (tmp_path / "own" / "experiment").mkdir(parents=True)
    (tmp_path / "own" / "experiment" / "mine.yaml").write_text(f"# @package _global_\n{text}")
    assert_is_one_line_of_ours(ended("train.py --config-dir=$PWD/own experiment=mine"), line)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ("name=???", "name: required; add name=... to the command"),
        ("optimizer.lr=???", "optimizer.lr: required; add optimizer.lr=... to the command"),
        ("'hydra.run.dir=${nope}/x'", "hydra.run.dir: ${nope}/x: there is no key 'nope'"),
        ("'seed=${seed}'", "seed: ${seed} refers to itself"),
    ],
)
def test_a_reference_on_the_command_line_ends_in_one_line(arguments: str, line: str, ended: Ended) -> None:
    assert_is_one_line_of_ours(ended(f"train.py {arguments}"), line)


@pytest.mark.parametrize("given", ["--config-dir=$PWD/own", "'hydra.searchpath=[$PWD/own]'"])
@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ("model=theirss", "did you mean 'theirs'? (there are: cnn, "),
        ("theirs", "did you mean model=theirs?"),
        ("model=theirs model.widht=2", "did you mean 'model.width'?"),
        ("kind=x", "kind: a group that the defaults of"),
        ("explain=model.widht model=theirs", "did you mean 'model.width'?"),
    ],
)
def test_options_from_another_folder_are_in_what_is_said(
    given: str, arguments: str, line: str, ended: Ended, tmp_path: Path
) -> None:
    for name in ("model/theirs", "kind/x"):
        (tmp_path / f"own/{name}.yaml").parent.mkdir(parents=True)
        (tmp_path / f"own/{name}.yaml").write_text("_target_: src.models.linear.Linear\nwidth: 3\n")
    assert_is_one_line_of_ours(ended(f"train.py {given} {arguments}"), line)


def test_what_a_later_file_gives_is_given(ended: Ended, tmp_path: Path) -> None:
    (tmp_path / "own" / "experiment").mkdir(parents=True)
    text = "# @package _global_\ndefaults:\n  - override /data: csv\ndata:\n  file: t.csv\n  target: t\nseed: ???\n"
    (tmp_path / "own" / "experiment" / "mine.yaml").write_text(text)
    (tmp_path / "t.csv").touch()
    assert ended("train.py --config-dir=$PWD/own experiment=mine seed=3") == ""


def test_what_is_right_has_nothing_said_of_it(ended: Ended, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LR", "1e-3")
    assert ended("train.py 'optimizer.lr=${oc.env:LR}' seed=1 --run model=linear.yaml") == ""
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "mine.yaml").write_text("defaults: [infer, _self_]\noutput: out.csv\n")
    for name in ("rows.csv", "mine.ckpt"):
        (tmp_path / name).touch()
    assert ended("infer.py --config-dir=$PWD/own --config-name=mine input=rows.csv ckpt_path=mine.ckpt") == ""
