"""What is printed behind `next:` is run as it is printed, by the words that a shell makes of it."""

import subprocess
from pathlib import Path

import pytest

from trainhouse.reports.next_steps import evaluation
from trainhouse.runs.typed import command
from trainhouse.tests.common import ROOT, run_script

SMALL = ("trainer.max_epochs=1", "logger=none", "trainer=cpu", "callbacks.progress_bar=null")


def advised(stdout: str) -> list[list[str]]:
    """Return the words of each command that is advised, without the Python that runs it."""
    _, _, lines = stdout.partition("next:")
    found = []
    for line in lines.splitlines():
        done = subprocess.run(
            ["bash", "-c", f"printf '%s\\0' {line.strip()}"], capture_output=True, text=True, check=True
        )
        found.append(done.stdout.split("\0")[1:-1])
    return found


def train(folder: Path, *arguments: str) -> list[list[str]]:
    done = run_script("train.py", *arguments, *SMALL, cwd=folder)
    assert done.returncode == 0, done.stderr
    return advised(done.stdout)


def follow(commands: list[list[str]], folder: Path) -> str:
    """Run what was advised, each a script of this project; return what was said."""
    said = ""
    for script, *arguments in commands:
        assert Path(folder, script).resolve().parent == ROOT
        done = run_script(Path(script).name, *arguments, cwd=folder)
        assert done.returncode == 0, f"{script} {arguments}: {done.stderr}"
        said += done.stdout
    return said


def scripts(commands: list[list[str]]) -> list[str]:
    return [Path(script).name for script, *_ in commands]


BOTH = ["eval.py", "select_best_model.py"]


def test_what_is_advised_works_whatever_folders_are_called_and_beside_a_model_of_other_data(tmp_path: Path) -> None:
    commands = train(tmp_path, "hydra.run.dir='else where/Größe $HOME 東京, it\\'s \"x=1\" [1]{2}'")
    assert scripts(commands) == BOTH
    assert scripts(advised(follow(commands[:1], tmp_path))) == ["select_best_model.py", "infer.py"]
    assert "checkpoints/final_model.ckpt is now the best model" in follow(commands[1:], tmp_path)
    rows = "\n".join(f"{number},{number % 7},{'ab'[number % 2]}" for number in range(60))
    (tmp_path / "my second table.csv").write_text(f"x,y,label\n{rows}\n")
    table = ["data=csv", "data.file='my second table.csv'", "data.target=label", "model=linear"]
    commands = train(tmp_path, *table)
    assert scripts(commands) == BOTH
    said = follow(commands[1:], tmp_path)
    following = advised(said)
    assert scripts(following) == ["eval.py", "infer.py"]
    assert scripts(advised(follow(following[:1], tmp_path))) == ["infer.py"]  # the final model is no run
    assert "60 predictions of" in follow(following[1:], tmp_path)
    assert "checkpoints/my_second_table-linear.ckpt is now the best model of outputs/my_second_table-linear" in said


def test_what_is_advised_after_a_sweep_works(tmp_path: Path) -> None:
    commands = train(tmp_path, "-m", "seed=1,2")
    assert scripts(commands) == BOTH[1:]
    assert "is now the best model" in follow(commands, tmp_path)


def test_from_elsewhere_the_scripts_are_named_as_they_were_typed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my project").mkdir()
    for name in ("train", "eval"):
        (tmp_path / "my project" / f"{name}.py").touch()
    monkeypatch.setattr("sys.argv", ["my project/train.py", "seed=3"])
    assert command("eval", "split=val").endswith(" 'my project/eval.py' split=val")
    monkeypatch.chdir("my project")
    monkeypatch.setattr("sys.argv", ["train.py"])
    assert command("eval").endswith(" eval.py")


def test_the_python_that_was_typed_is_advised_where_python_is_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from trainhouse.runs import typed

    bin_folder = tmp_path / "my env" / "bin"
    bin_folder.mkdir(parents=True)
    here = Path(typed.sys.executable)
    (bin_folder / "python").symlink_to(here)
    monkeypatch.setattr("sys.executable", str(bin_folder / "python"))
    monkeypatch.setattr("sys.orig_argv", [str(bin_folder / "python"), "train.py"])
    for path, expected in ((str(bin_folder), "python"), ("/nowhere", f"'{bin_folder}/python'")):
        monkeypatch.setenv("PATH", path)
        typed.python.cache_clear()
        assert typed.python() == expected
    typed.python.cache_clear()


def test_an_evaluation_is_advised_on_the_rows_that_there_are(tmp_path: Path) -> None:
    assert str(evaluation(tmp_path, ["val/loss", "test/loss"])).endswith(f"ckpt_path={tmp_path}")
    assert str(evaluation(tmp_path, ["val_loss"])).endswith("split=val")
    assert evaluation(tmp_path, ["train/loss"]) is None
