"""Options stand anywhere among overrides, and Hydra gets them in front."""

import sys
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from trainhouse.configuration.environment import with_decoded
from trainhouse.configuration.errors import UserError
from trainhouse.configuration.schema import CONF, also_search, searched
from trainhouse.launching.arranging import arrange
from trainhouse.launching.command_line import folders, read
from trainhouse.tests.common import composed
from trainhouse.tests.mistakes.in_process import Ended
from trainhouse.tests.mistakes.in_process import ended as ended


@pytest.mark.parametrize(
    ("typed", "arranged"),
    [
        ("seed=1 -m optimizer.lr=0.1,0.2", "-m seed=1 optimizer.lr=0.1,0.2"),
        ("seed=1 --cfg job model=cnn -p model", "--cfg job -p model seed=1 model=cnn"),
        ("-m seed=1 --cfg=job", "--cfg=job seed=1"),
        ("seed=1 --info seed=2", "--info=all seed=1 seed=2"),
        ("-cn train seed=1 --help", "-cn train --help seed=1"),
        ("-- seed=1", "seed=1"),
        ("model=cnn.yaml", "model=cnn"),
        ("data.file=cnn.yaml", "data.file=cnn.yaml"),
        ("-m sweep=optuna seed=1,2", "-m sweep=optuna seed=1,2"),
        ("--cfg job sweep=optuna", "--cfg job sweep=optuna"),
        ("explain=hydra.sweeper.n_trials sweep=optuna", "explain=hydra.sweeper.n_trials sweep=optuna"),
        ("-m sweep=optuna hydra.sweeper.pruner=null", "-m sweep=optuna hydra.sweeper.pruner=null"),
    ],
)
def test_options_are_put_in_front(typed: str, arranged: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["train.py", *typed.split()])
    arrange(CONF, "train", ())
    assert sys.argv[1:] == arranged.split()


@pytest.mark.parametrize(
    ("typed", "warned"),
    [
        ("seed=1 model=cnn seed=2", "warning: seed is given more than once; seed=2 holds\n"),
        ("model=cnn ++model=linear", "warning: model is given more than once; ++model=linear holds\n"),
        ("seed=1 seed=1 explain=seed explain=model", ""),
    ],
)
def test_a_key_that_is_typed_twice_is_named(
    typed: str, warned: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["train.py", *typed.split()])
    arrange(CONF, "train", ())
    assert capsys.readouterr().err == warned


@pytest.mark.parametrize("command", ["infer", "select_best_model"])
def test_a_folder_is_not_made_where_nothing_is_written_into_it(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", [f"{command}.py", "hydra.run.dir=x"])
    with pytest.raises(UserError, match=rf"^hydra\.run\.dir=x: {command}\.py makes no folder; leave it out"):
        arrange(CONF, command, ())


def test_keys_of_open_groups_are_added(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["eval.py", "data.batch_size=3", "split=val", "--help"])
    arrange(CONF, "eval", ("data",))
    assert sys.argv[1:] == ["--help", "++data.batch_size=3", "split=val"]


def test_the_page_of_help_stands_wherever_it_is_asked_for(ended: Ended, capfd: pytest.CaptureFixture[str]) -> None:
    pages = []
    for command in ("train.py model=cnn --help seed=1", "train.py --config-name=train -h seed=1 model=cnn"):
        assert ended(command) == ""
        pages.append(capfd.readouterr().out)
    assert pages[0] == pages[1] != ""
    assert pages[0].startswith("model=cnn\n")


def test_folders_of_the_command_line_are_searched_behind_the_projects_own(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    line = read([f"--config-dir={tmp_path}", f"hydra.searchpath=[file://{tmp_path}/a,pkg://trainhouse.conf]"])
    try:
        also_search(folders(line, CONF))
        assert searched()[0] == CONF
        assert searched()[2:4] == [tmp_path, tmp_path / "a"]
        with pytest.raises(UserError, match="nowhere: there is no such folder"):
            list(folders(read(["hydra.searchpath=[nowhere]"]), CONF))
    finally:
        also_search([])


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("optimizer.lr", "1e-3", 0.001),
        ("seed", "3", 3),
        ("model.hidden_sizes", "[3,4]", [3, 4]),
        ("compile", "true", True),
        ("name", "3", "3"),
        ("trainer.precision", "32", "32"),
        ("model.activation", "true", "true"),
    ],
)
def test_what_the_environment_says_is_a_number_where_the_key_takes_one(
    key: str, text: str, value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIVEN", text)
    config = OmegaConf.create(composed(f"{key}=${{oc.env:GIVEN}}").plain)
    assert OmegaConf.select(config, key) == value


def test_what_stands_for_no_number_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIVEN", "fast")
    config = OmegaConf.create({"optimizer": {"_target_": "torch.optim.Adam", "lr": "${oc.env:GIVEN}"}})
    assert with_decoded(config, "train").optimizer.lr == "fast"
