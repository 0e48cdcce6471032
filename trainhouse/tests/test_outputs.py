"""Where runs go, and where relative paths start: typed where one stands, written in conf/ in the project."""

from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, OmegaConf

from trainhouse.configuration.errors import UserError
from trainhouse.configuration.places import found_in_project, with_whole_paths
from trainhouse.runs.outputs import outputs, place, place_before_composing
from trainhouse.tests.common import CONF, ROOT, run_script
from trainhouse.tests.test_advice import SMALL


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project, and a folder beside it in which the user stands."""
    for folder in ("project/data/raw", "stand"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "project/data/raw/digits.csv.gz").touch()
    monkeypatch.setenv("TRAINHOUSE_PROJECT", str(tmp_path / "project"))
    monkeypatch.setattr("trainhouse.runs.outputs._place", [])
    monkeypatch.chdir(tmp_path / "stand")
    return tmp_path


def composed(*overrides: str, command: str = "train") -> DictConfig:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose(command, [*overrides], return_hydra_config=True)


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ([], "{project}/outputs"),
        (["outputs=mine"], "mine"),
        (["outputs=/data/runs"], "/data/runs"),
        (["outputs='~/runs'"], f"{Path.home()}/runs"),
    ],
)
def test_where_runs_go_starts_where_it_is_typed_or_in_the_project(
    typed: list[str], expected: str, elsewhere: Path
) -> None:
    config = composed(*typed)
    folder = place(config, typed)
    assert str(folder) == config.outputs == expected.format(project=elsewhere / "project")
    assert place(config, typed) == folder == outputs(), "however often it is asked"
    assert str(config.hydra.run.dir).startswith(f"{folder}/fake-simple_net/")
    assert str(config.hydra.sweep.dir).startswith(f"{folder}/fake-simple_net/sweep_")
    assert place_before_composing([one.replace("'~", "~").rstrip("'") for one in typed]) == folder


@pytest.mark.parametrize("value", ["null", "3", "''", "[a]", "${nowhere}"])
def test_what_is_no_folder_is_refused_by_name(value: str) -> None:
    typed = [f"outputs={value}"]
    with pytest.raises(UserError, match=r"^outputs: "):
        place(composed(*typed), typed)


def test_the_configuration_of_a_run_has_no_such_key_and_is_run_again_where_runs_go_now(elsewhere: Path) -> None:
    config = composed()
    OmegaConf.set_struct(config, False)
    del config["outputs"]
    for kind, folder in (("run", ""), ("sweep", "sweep_")):
        config.hydra[kind].dir = f"outputs/${{name}}/{folder}${{now:%Y}}"
    place(config, [])
    assert str(config.hydra.run.dir).startswith(f"{elsewhere}/project/outputs/fake-simple_net/")
    assert str(config.hydra.sweep.dir).startswith(f"{elsewhere}/project/outputs/fake-simple_net/sweep_")


def test_paths_of_conf_start_in_the_project_and_typed_ones_where_one_stands(elsewhere: Path) -> None:
    config = composed("data=digits", "init_from=run")
    with_whole_paths(config, config.hydra)
    assert config.data.file == f"{elsewhere}/project/data/raw/digits.csv.gz"
    assert config.data.processed == f"{elsewhere}/project/data/processed"
    assert (config.data.target, config.init_from, config.monitor) == ("digit", "run", "val/loss")
    Path("price").touch()  # called as a column is
    config = composed("data=csv", "data.file=data/raw/digits.csv.gz", "data.target=price", "data.group_column=price")
    with_whole_paths(config, config.hydra)
    assert config.data.file == f"{elsewhere}/stand/data/raw/digits.csv.gz"
    assert (config.data.target, config.data.group_column) == ("price", "price")
    config = composed("input=rows.csv", "output=p.csv", command="infer")
    with_whole_paths(config, config.hydra)
    assert config.ckpt_path == f"{elsewhere}/project/checkpoints/final_model.ckpt"
    assert (config.input, config.output) == ("rows.csv", "p.csv")


def test_in_the_project_nothing_is_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRAINHOUSE_PROJECT")
    monkeypatch.chdir(ROOT)
    config = composed("data=digits")
    before = OmegaConf.to_yaml(config.data)
    with_whole_paths(config, config.hydra)
    assert OmegaConf.to_yaml(config.data) == before
    assert str(place(config, [])) == config.outputs == "outputs"


def test_what_a_run_of_the_project_has_read_is_found_from_elsewhere(elsewhere: Path) -> None:
    saved = {"_target_": "data.raw", "file": "data/raw/digits.csv.gz", "target": "digit", "more": ["data/raw", 3]}
    found = found_in_project(saved)
    project = elsewhere / "project"
    assert found == {
        **saved,
        "file": f"{project}/data/raw/digits.csv.gz",
        "more": [f"{project}/data/raw", 3],
    }
    Path("data/raw").mkdir(parents=True)
    Path("data/raw/digits.csv.gz").touch()
    assert found_in_project(saved) == saved, "what is here goes first"


def test_a_run_elsewhere_is_the_last_one_and_is_promoted_from_there(tmp_path: Path) -> None:
    done = run_script("train.py", *SMALL, "outputs=my runs", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (run,) = tmp_path.glob("my runs/fake-simple_net/*")
    assert "outputs" not in OmegaConf.load(run / "config.yaml")
    done = run_script("train.py", "resume=last", "outputs=my runs", "trainer.max_epochs=2", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    done = run_script("select_best_model.py", "outputs=my runs", cwd=tmp_path)
    assert f"is now the best model of my runs/fake-simple_net/{run.name}" in done.stdout, done.stderr
    assert not (tmp_path / "outputs").exists()


@pytest.mark.parametrize("more", [[], ["-m", "seed=1,2"]])
def test_a_run_that_would_work_in_its_folder_is_refused(more: list[str], tmp_path: Path) -> None:
    done = run_script("train.py", *more, "hydra.job.chdir=true", cwd=tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert done.stderr.startswith("error: hydra.job.chdir: ")
    assert not any(tmp_path.iterdir())
