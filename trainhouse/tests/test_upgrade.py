"""A project of an earlier version is brought up to this one as text: comments stay, and nothing is lost."""

import inspect
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from trainhouse import upgrade
from trainhouse.arrays.npy import read_npy
from trainhouse.configuration.older_versions import BEFORE
from trainhouse.tables.read_table import read_table
from trainhouse.tests.common import CONF, ROOT
from trainhouse.upgrading.added_keys import GROUPS, OF_ARRAYS, OF_READERS, OF_TABLES, added_keys
from trainhouse.upgrading.code import REQUIREMENTS, SCRIPTS, is_of_one_house, look_at_dependencies
from trainhouse.upgrading.conf_files import look_at_conf
from trainhouse.upgrading.saved_files import look_at_saved_files

OLD_SCRIPT = '''"""Edited."""
from trainhouse.runs.run_folder import is_requeued_job
from trainhouse import checked
plain = checked(None)
'''
OLD_CODE = """\
from trainhouse import (  # what it needs
    Batch,
    LeanModule,
    no_such,
)
import trainhouse

trainhouse.nothing
"""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A project whose files are older than its trainhouse/."""
    for name in ("conf", "src"):
        shutil.copytree(ROOT / name, tmp_path / name)
    for name in SCRIPTS:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "trainhouse").symlink_to(ROOT / "trainhouse")
    train = tmp_path / "conf/train.yaml"
    text = re.sub(r"(?ms)^# Of the trials.*?(?=^# Resume)", "", train.read_text())
    text = re.sub(r"(?ms)^# Compile the.*?(?=^# Before)|^# The LightningModule.*\Z", "", text)
    text = re.sub(r"(?m)^  - (sweep|launcher): .*\n", "", text)
    train.write_text(text.replace("seed: 0\n", "seed: 7  # mine\n"))
    table = tmp_path / "conf/data/table.yaml"
    text = table.read_text().replace("trainhouse.tables.read_table.read_table", "src.data.csv.read_csv  # mine")
    table.write_text(re.sub(r"(?ms)^# The axis of.*", "", text))
    (tmp_path / "train.py").write_text(OLD_SCRIPT)
    (tmp_path / "eval.py").write_text((ROOT / "eval.py").read_text() + "# mine\n")
    (tmp_path / "src/old.py").write_text(OLD_CODE)
    return tmp_path


def run(root: Path, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(upgrade, "CONF", root / "conf")
    return upgrade.main([*arguments])


def content(root: Path) -> dict[str, str]:
    return {str(path.relative_to(root)): path.read_text() for path in root.rglob("*.*") if path.is_file()}


def test_without_write_nothing_changes(
    clone: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = content(clone)
    assert run(clone, monkeypatch) == 1
    said = capsys.readouterr().out
    assert content(clone) == before
    for line in (
        "conf/data/table.yaml: line 6: src.data.csv.read_csv is trainhouse.tables.read_table.read_table now",
        "conf/data/table.yaml: added channel_axis, as it was done before",
        "conf/train.yaml: defaults: added sweep, launcher",
        "conf/train.yaml: added sweep, compile, module, as it was done before",
        "train.py: asks for trainhouse.runs.run_folder.is_requeued_job, which is gone: replaced by this version's",
        "src/old.py: line 1: trainhouse.LeanModule is gone: from lightning import LightningModule as LeanModule",
        "src/old.py, line 1: no trainhouse.no_such",
        "src/old.py, line 8: no trainhouse.nothing",
    ):
        assert f"  {line}" in said, said
    assert "eval.py" not in said  # it is edited, and runs


def test_write_changes_it_once_and_keeps_what_was_there(
    clone: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = content(clone)
    run(clone, monkeypatch, "--write")
    after = content(clone)
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"conf/data/table.yaml", "conf/train.yaml", "src/old.py", "train.py"}
    assert {name: after[f"{name}.before_upgrade"] for name in changed} == {name: before[name] for name in changed}
    assert after["train.py"] == (ROOT / "train.py").read_text()
    assert "_target_: trainhouse.tables.read_table.read_table  # mine\n" in after["conf/data/table.yaml"]
    assert "seed: 7  # mine\n" in after["conf/train.yaml"]
    assert after["src/old.py"].startswith(
        "from trainhouse import Batch, no_such\nfrom lightning import LightningModule as LeanModule\nimport train"
    )
    with initialize_config_dir(str(clone / "conf"), version_base="1.3"):
        found = OmegaConf.to_container(compose("train"))
    with initialize_config_dir(str(CONF), version_base="1.3"):
        assert {**found, "seed": 0} == OmegaConf.to_container(compose("train"))
    capsys.readouterr()
    run(clone, monkeypatch, "--write")
    assert "changed" not in capsys.readouterr().out
    assert content(clone) == after


def test_a_file_that_git_has_needs_no_copy(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git = ["git", "-C", str(clone), "-c", "user.name=a", "-c", "user.email=a@b"]
    for command in (["init", "-q"], ["add", "conf"], ["commit", "-qm", "mine"]):
        subprocess.run([*git, *command], check=True)
    run(clone, monkeypatch, "--write")
    copies = {str(path.relative_to(clone)) for path in clone.rglob("*.before_upgrade")}
    assert copies == {"src/old.py.before_upgrade", "train.py.before_upgrade"}


def test_this_version_has_nothing_to_change(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(upgrade, "look_at_saved_files", lambda *_: None)  # there may be many
    assert upgrade.main([]) == 0
    assert capsys.readouterr().out.endswith("Nothing has to change.\n")


def test_packages_that_are_lacking_are_named(tmp_path: Path) -> None:
    needed = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    assert REQUIREMENTS.read_text().split("\n")[:-1] == needed  # copy one to the other
    others = [one for one in needed if not one.startswith(("rich", "torch>"))]
    (tmp_path / "pyproject.toml").write_text(f"[project]\ndependencies = {[*others, 'torch >= 2.0']}\n")
    findings = upgrade.Findings()
    look_at_dependencies(tmp_path, findings)
    (line,) = findings.by_hand
    assert line.startswith("pyproject.toml: add 'rich>=")
    (line,) = findings.notes
    assert line.startswith("pyproject.toml asks for 'torch >= 2.0'; this version was tried with 'torch>=")


def test_saved_files_are_counted_by_their_format(tmp_path: Path) -> None:
    runs = tmp_path / "outputs"
    shutil.copytree(Path(__file__).parent / "old_runs", runs)
    (runs / "finished/checkpoints/damaged.ckpt").write_bytes(b"nothing")
    findings = upgrade.Findings()
    look_at_saved_files(tmp_path, findings)
    count = len([*runs.rglob("*.ckpt")]) - 1
    assert findings.notes[0].startswith("outputs/: 2 runs, ")
    assert f"{count} checkpoints of format 1" in findings.notes[0]
    assert findings.by_hand[0].startswith("outputs/finished/checkpoints/damaged.ckpt: ")


def test_a_project_of_one_house_is_told_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not is_of_one_house(ROOT)
    (tmp_path / "src/data").mkdir(parents=True)
    for name in ("datamodule", "spec", "split", "order"):
        (tmp_path / f"src/data/{name}.py").touch()
    assert run(tmp_path, monkeypatch) == 1
    assert "error: src: this project was begun before 1.0.0" in capsys.readouterr().err


def test_a_mistyped_option_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert upgrade.main(["--wirte"]) == 1
    assert "error: --wirte: expected python -m trainhouse.upgrade [--write]" in capsys.readouterr().err


def test_what_is_added_is_what_this_version_has() -> None:
    for name, template in SCRIPTS.items():
        text = (ROOT / "trainhouse/upgrading/scripts" / template).read_text()
        assert text == (ROOT / name).read_text(), f"copy {name} to {template}"
    for file in ("train.yaml", "eval.yaml", "select_best_model.yaml", "infer.yaml", "data/array_defaults.yaml"):
        own = OmegaConf.to_container(OmegaConf.load(CONF / file))
        for key, block in added_keys(file).items():
            assert OmegaConf.to_container(OmegaConf.create(block)) == {key: BEFORE.get(key, own[key])}, key
    chosen = {
        group: option
        for one in OmegaConf.load(CONF / "train.yaml").defaults
        if one != "_self_"
        for group, option in one.items()
    }
    assert GROUPS["train.yaml"].items() <= chosen.items()


# What the files of the first version with two houses had, beside what a project can't do without.
FIRST = {
    "train.yaml": "defaults init_from mode monitor name preflight resume seed threads",
    "eval.yaml": "ckpt_path data defaults name predictions split threads",
    "select_best_model.yaml": "defaults dry_run final_model force metric mode runs trained_on",
    "infer.yaml": "accelerator batch_size ckpt_path defaults input output threads",
    "data/array_defaults.yaml": "augmentation batch_size embedding_dim num_workers split split_seed worker_timeout",
    "optimizer/adam.yaml": "_partial_ _target_ betas eps fused lr weight_decay",
    "optimizer/adamw.yaml": "_partial_ _target_ betas eps fused lr weight_decay",
    "optimizer/sgd.yaml": "_partial_ _target_ fused lr momentum nesterov weight_decay",
    "data/table.yaml": "_target_ defaults drop dtype file missing processed shape target task",
    "data/npy.yaml": "_target_ defaults features labels missing task test_features test_labels val_features val_labels",
}


@pytest.mark.parametrize("file", FIRST)
def test_a_key_that_the_first_version_had_not_is_added(file: str) -> None:
    of_reader = {"data/table.yaml": OF_TABLES, "data/npy.yaml": OF_ARRAYS}.get(file, {})
    added = {*added_keys(file), *of_reader, *(OF_READERS if of_reader else ())}
    assert {*OmegaConf.load(CONF / file)} - {*FIRST[file].split()} == added


def test_files_that_read_any_table_get_the_keys_they_lack_and_their_newer_name(tmp_path):
    data = tmp_path / "conf" / "data"
    data.mkdir(parents=True)
    (tmp_path / "trainhouse").symlink_to(ROOT / "trainhouse")
    reader = "_target_: trainhouse.tables.read_table.read_table\n"
    (data / "csv.yaml").write_text(f"{reader}file: ???\ntask: null\nchannel_axis: auto\n")
    (data / "own.yaml").write_text(f"{reader}file: own.csv\nchannel_axis: auto\n")
    (data / "npy.yaml").write_text("_target_: trainhouse.arrays.npy.read_npy\nfeatures: ???\nchannel_axis: auto\n")
    (tmp_path / "conf" / "infer.yaml").write_text("input: null\noutputs: outputs\ndata: {}\n")
    findings = upgrade.Findings()
    look_at_conf(tmp_path, findings)
    texts = {change.path.relative_to(tmp_path / "conf").as_posix(): change.text for change in findings.changes}
    assert set(texts) == {"data/csv.yaml", "data/npy.yaml", "data/table.yaml", "infer.yaml"}
    has = {name: OmegaConf.create(text) for name, text in texts.items()}
    assert (has["data/csv.yaml"].unlabelled, has["data/csv.yaml"].id_columns) == ("error", [])
    taken = set(inspect.signature(read_table).parameters) - {"target", "processed", "drop", "like"}
    assert taken - {"shape", "dtype", "missing"} <= set(has["data/csv.yaml"])
    assert set(inspect.signature(read_npy).parameters) >= set(has["data/npy.yaml"]) - {"_target_"}
    assert has["infer.yaml"].overwrite is False
    assert has["data/table.yaml"].defaults == ["csv", "_self_"]


def test_events_in_logs_are_named(tmp_path: Path) -> None:
    file = tmp_path / "conf/logger/tensorboard.yaml"
    file.parent.mkdir(parents=True)
    said = []
    for name in ("logs", '""'):
        file.write_text(f"tensorboard:\n  _target_: lightning.pytorch.loggers.TensorBoardLogger\n  name: {name}\n")
        findings = upgrade.Findings()
        look_at_conf(tmp_path, findings)
        said.append(len(findings.notes))
    assert said == [1, 0]
