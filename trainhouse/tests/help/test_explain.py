"""explain=: where a value comes from; and what Hydra is asked, it answers still."""

import re
from pathlib import Path

import pytest
from hydra.core.hydra_config import HydraConfig

from trainhouse.launching.answers import answer
from trainhouse.tests.common import CONF, ROOT, run_script
from trainhouse.tests.help.conftest import Ask


def test_a_value_is_explained_with_the_places_that_set_it(ask: Ask) -> None:
    page = ask("experiment=digits_cnn", "explain=optimizer.lr", "optimizer.lr=0.5")
    assert page.splitlines()[:3] == ["optimizer.lr=0.5", "", "learning rate"]
    rows = [line.strip() for line in page.splitlines()[4:]]
    assert rows[0] == "takes       a number above 0"
    assert rows[1] == "set in      the command line, as optimizer.lr=0.5"
    assert re.fullmatch(r"instead of  conf/experiment/digits_cnn.yaml, line \d+, as 3.0e-3", rows[2])
    assert re.fullmatch(r"conf/optimizer/adamw.yaml, line \d+, as 1.0e-3", rows[3])
    assert rows[4] == "on resume   a resumed run keeps its own"


@pytest.mark.parametrize(
    ("arguments", "lines"),
    [
        (["explain=model.activation"], ["model.activation=relu", "others .*model.activation=gelu"]),
        (["explain=name"], ["name=fake-simple_net", r"as written +\$\{run_name:\}"]),
        (["explain=sweep.metric"], ["sweep.metric=val/loss", r"as written +\$\{monitor\}"]),
        (["explain=data.file", "data=csv"], [r"data.file=\.\.\.", "takes +a string", "missing +has to be given"]),
        (["explain=loss"], ["loss=auto", "others .*loss=bce"]),
        (["explain=optimizer.betas"], ["optimizer.betas="]),
        (["explain=trainer.log_every_n_steps"], ["on resume +may change"]),
        (
            ["explain=hydra.sweeper.n_trials", "sweep=optuna"],
            ["n_trials=20", "hydra/sweeper/study.yaml"],
        ),
        (["explain=mine", "+mine=3"], ["mine=3", r"the command line, as \+mine=3"]),
        (["explain=model"], ["model=simple_net", "chosen by +conf/train.yaml", "others +model=cnn"]),
        (["explain=model", "model=cnn"], ["chosen by +the command line, as model=cnn"]),
        (["explain=model", "experiment=digits_cnn"], ["chosen by +conf/experiment/digits_cnn.yaml"]),
        (["explain=experiment"], ["experiment=null", "chosen by +conf/train.yaml"]),
        (["explain=seed", "explain=mode"], ["seed=0", "mode=min"]),
        (["explain=optimizer.lr", "optimizer.lr=abc"], ["refused +a run with this value", "set in +the command line"]),
        (["-m", "explain=seed", "seed=1,2"], ["seed=0", "swept by +seed=1,2"]),
    ],
)
def test_whatever_there_is_is_explained(arguments: list[str], lines: list[str], ask: Ask) -> None:
    page = ask(*arguments)
    assert [line for line in lines if not re.search(line, page)] == [], page


@pytest.mark.parametrize(
    ("script", "arguments", "error"),
    [
        ("train", ["explain=optimizer.lrr"], "'optimizer.lrr' is not a key of this configuration; did you mean"),
        ("train", ["explain=lr"], "did you mean 'optimizer.lr'?"),
        ("train", ["explain=optimzer"], "did you mean 'optimizer'?"),
        ("train", ["explain="], "explain=: name a key, as explain=seed"),
        ("train", ["--help", "model=cn"], "model=cn: no such option; did you mean 'cnn'?"),
        ("train", ["--help", "optimizer.lrr=3"], "did you mean 'optimizer.lr'?"),
        ("train", ["explain=optimizer.amsgrad"], "; torch.optim.Adam takes it: add it as +optimizer.amsgrad=..."),
        ("eval", ["explain=data.batch_size"], "; it comes with the checkpoint"),
        ("infer", ["--help", "model=cnn"], "'model' can't be chosen here"),
        ("train", ["explain=seed", f"--config-path={CONF}"], "explain=: only for the project's own conf/"),
    ],
)
def test_a_question_with_a_mistake_ends_in_one_line(script: str, arguments: list[str], error: str) -> None:
    done = run_script(f"{script}.py", *arguments, cwd=ROOT)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: ")
    assert error in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--hydra-help"], "== Flags =="),
        (["--cfg", "job"], "seed: 0"),
        (["--info", "searchpath"], "trainhouse"),
        (["--shell-completion", "install=bash"], "complete"),
        (["--help", f"--config-path={CONF}"], "Train a model."),
    ],
)
def test_what_hydra_answers_it_answers_still(arguments: list[str], said: str, tmp_path: Path) -> None:
    done = run_script("train.py", *arguments, cwd=tmp_path, fresh=True)
    assert done.returncode == 0, done.stderr
    assert said in done.stdout + done.stderr


def test_a_page_of_the_users_own_wins(own_conf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (own_conf / "hydra/help").mkdir(parents=True)
    (own_conf / "hydra/help/mine.yaml").write_text("template: mine\n")
    monkeypatch.setattr(HydraConfig.instance(), "cfg", None)
    assert answer(["--help", "hydra/help=mine"], own_conf, "train") is None
