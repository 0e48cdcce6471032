"""``hydra.sweep.subdir=${hydra.job.override_dirname}``: each job's folder has a name that says what it is."""

from pathlib import Path

import pytest
from hydra import initialize_config_dir
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.global_hydra import GlobalHydra
from hydra.types import RunMode
from omegaconf import OmegaConf

from trainhouse.configuration.errors import UserError
from trainhouse.configuration.schema import CONF
from trainhouse.configuration.speed import fast
from trainhouse.machine.files import write_text
from trainhouse.runs import description
from trainhouse.runs.description import label_of_evaluation
from trainhouse.sweeps.folder import write_record
from trainhouse.sweeps.readable import check_template, label_of_trial, link, named_by_number, readable_name

DIRNAME = "${hydra.job.override_dirname}"
NAMING = {"kv_sep": "=", "item_sep": ",", "exclude_keys": []}


@pytest.mark.parametrize(
    ("template", "lines", "naming", "name"),
    [
        (DIRNAME, ["seed=1", "optimizer.lr=0.1"], NAMING, "optimizer.lr=0.1,seed=1"),
        (DIRNAME, ["seed=1", "launcher=basic", "sweep.metric=val/acc"], NAMING, "seed=1"),
        (DIRNAME, ["seed=1", "optimizer.lr=0.1"], {**NAMING, "exclude_keys": ["seed"]}, "optimizer.lr=0.1"),
        (DIRNAME, ["seed=1", "+a.b=c"], {**NAMING, "kv_sep": "-", "item_sep": "_"}, "+a.b-c_seed-1"),
        (DIRNAME, ["data.file=/a/b.csv"], NAMING, "data.file=_a_b.csv"),
        (DIRNAME, ["name='a\nb'"], NAMING, "name='a_b'"),
        (DIRNAME, [], NAMING, "4"),
        ("${hydra:job.num}_" + DIRNAME, ["seed=1"], NAMING, "4_seed=1"),
        ("run-${hydra.job.num}/../..", [], NAMING, "run-4_.._"),
    ],
)
def test_a_name_is_what_the_template_makes_of_the_overrides(template, lines, naming, name) -> None:
    assert readable_name(template, lines, 4, naming) == name


def test_a_name_that_is_too_long_is_shortened_and_stays_different() -> None:
    one, other = (readable_name(DIRNAME, [f"model.hidden_sizes=[{'ä,' * 200}{last}]"], 0, NAMING) for last in (1, 2))
    assert one != other
    assert one[:40] == other[:40]
    assert len(one.encode()) < 140


def test_what_only_the_job_knows_is_refused_by_name() -> None:
    with pytest.raises(UserError, match=r"hydra\.sweep\.subdir: run_\$\{seed\} can't be filled in"):
        check_template("run_${seed}")
    assert named_by_number("${hydra.job.num}")


def test_loggers_call_a_trial_by_what_it_alone_was_given(tmp_path: Path) -> None:
    trial = tmp_path / "0"
    write_text(
        trial / ".hydra" / "overrides.yaml", "[+model.lr=0.10000001, a=/b/c, optimizer.lr=2, n=3, launcher=basic]"
    )
    assert label_of_trial(trial) == "", "it is no sweep's"
    write_text(tmp_path / "multirun.yaml", "")
    write_record(tmp_path, {"shared": ["n"]})
    assert label_of_trial(trial) == "model.lr=0.1,a=_b_c,optimizer.lr=2"


def test_an_evaluation_is_called_by_what_it_is_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = tmp_path / "outputs" / "fake" / "a_time"
    run.mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(description, "outputs", lambda: tmp_path / "outputs")
    best = run / "checkpoints" / "best_model.ckpt"
    assert label_of_evaluation(best, "auto", None) == label_of_evaluation(run, "auto", None) == "fake_a_time"
    assert label_of_evaluation(tmp_path / "final_model.ckpt", "val", "/a/new.csv") == "final_model_val_on_new"


def test_a_name_leads_to_the_folder_and_none_is_taken_twice(tmp_path: Path) -> None:
    for number in (0, 1):
        (tmp_path / str(number)).mkdir()
        for _ in range(2):  # the second time as a resumed sweep does it
            link(tmp_path, "same", number)
    found = {path.name: path.readlink().name for path in tmp_path.iterdir() if path.is_symlink()}
    assert found == {"same": "0", "same-1": "1"}


def test_a_job_keeps_an_interpolation_of_the_command_line_as_it_was_typed() -> None:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        loader = GlobalHydra.instance().config_loader()
        assert isinstance(loader, ConfigLoaderImpl)
        master = loader.load_configuration("train", ["hydra.sweep.subdir=${hydra.job.num}"], RunMode.MULTIRUN)
        if composing := fast("composing"):
            composing.compose_once(loader)
        job = loader.load_sweep_config(master, ["seed=1"])
    typed = OmegaConf.to_container(job.hydra.overrides.hydra, resolve=False)
    assert typed == ["hydra.sweep.subdir=${hydra.job.num}"]
