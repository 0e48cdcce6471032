"""--help and explain=: pages for somebody new to it, read from conf/ as it is."""

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hydra.core.hydra_config import HydraConfig

from trainhouse.configuration import schema
from trainhouse.configuration.schema import groups, is_global, options
from trainhouse.launching.answers import answer
from trainhouse.launching.composed import composed
from trainhouse.tests.conftest import CONF, LIBRARY_CONF, ROOT, run_script

COMMANDS = ("train", "eval", "infer", "select_best_model")
Ask = Callable[..., str]


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch) -> Ask:
    """The page that a command prints, in the project's folder."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(HydraConfig.instance(), "cfg", None)

    def page(*arguments: str, command: str = "train") -> str:
        monkeypatch.setattr(sys, "argv", [str(ROOT / f"{command}.py"), *arguments])
        found = answer([*arguments], schema.CONF, command)
        assert found is not None
        lines = [line for line in found.splitlines() if not line.startswith("  from /")]
        assert [line for line in lines if len(line) > 80 or line != line.rstrip()] == []
        assert not re.search(r"\[Any|Any[,\]]| Any ", found.replace("Any name", ""))
        return found

    return page


def section(page: str, title: str) -> list[str]:
    """The rows of a part of a page."""
    lines = page.splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith(title))
    return [line.removeprefix("  ") for line in "\n".join(lines[first + 1 :]).split("\n\n")[0].splitlines()]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_page_says_what_a_command_is_for_with_examples_and_keys(command: str, ask: Ask) -> None:
    page = ask("--help", command=command)
    assert page.startswith(f"python {command}.py ")
    examples = [line for line in section(page, "Examples") if line.startswith("python")]
    assert len(examples) == 3
    keys = [row for row in section(page, "Keys used most") if re.match(r"[\w.]+=", row)]
    assert 7 <= len(keys) <= 10
    assert page.count("[") >= len(keys), "each with what it takes"
    assert "--cfg job" in page


@pytest.mark.parametrize("command", COMMANDS)
def test_an_example_is_a_command_that_can_be_run(command: str, ask: Ask) -> None:
    for line in section(ask("--help", command=command), "Examples"):
        if line.startswith("python"):
            typed = shlex.split(re.split(r"\s{2,}", line)[0].replace("<", "").replace(">", ""))[2:]
            composed(command, CONF, [word for word in typed if "=" in word])


@pytest.mark.parametrize(
    ("command", "taken"), [("train", True), ("eval", ["trainer"]), ("infer", []), ("select_best_model", [])]
)
def test_only_groups_are_listed_that_the_command_takes(command: str, taken: list[str] | bool, ask: Ask) -> None:
    page = ask("--help", command=command)
    if taken is True:
        listed = [row.partition(" ")[0] for row in section(page, "Groups")]
        assert {*groups()} - {"hydra"} <= {*listed}
        assert "fake*, csv, digits" in page
        assert "array_defaults" not in page, "what others begin with is no choice"
    elif taken:
        assert [row.partition(" ")[0] for row in section(page, "Groups")] == taken
    else:
        assert "Groups" not in page
        assert "group=option" not in page


OPTIONS = [
    (group, option)
    for group in [*groups(), "hydra/sweeper/pruner"]
    if group != "hydra"
    for option in options(group)
    if option not in ("submitit", "submitit_local", "joblib")  # whose packages not everybody has
]


@pytest.mark.parametrize(("group", "option"), OPTIONS)
def test_an_option_has_a_page_with_all_its_keys(group: str, option: str, ask: Ask) -> None:
    sweep = ["sweep=optuna"] if group.startswith("hydra/sweeper/") else []
    page = ask("--help", f"{group}={option}", *sweep)
    path = schema.config_file(f"{group}/{option}")
    assert f"{group}={option}\n" in page
    names = re.findall(r"^ *([a-z]\w*): +\S", path.read_text(), re.MULTILINE)
    lacking = [name for name in names if f".{name}" not in page and f"\n  {name}=" not in page]
    assert lacking == [], page
    own = next(one for one in page.split("\n\n\n") if one.startswith(f"{group}={option}\n"))
    assert ("It chooses and sets" in own) == is_global(path)


def test_a_page_of_keys_says_what_they_mean_and_take(ask: Ask) -> None:
    page = " ".join(ask("--help", "model=cnn").split())
    assert "model.channels=[32,64] One number per stage; each stage but the last halves the image." in page
    assert "[a list of whole numbers from 1 up]" in page
    assert "Other options: gan, language_model" in page


def test_values_are_those_of_the_command_line(ask: Ask) -> None:
    assert "model.dropout=0.5" in ask("--help", "model=cnn", "model.dropout=0.5")
    assert "trainer.max_epochs=3 " in ask("--help", "trainer.max_epochs=3")
    assert "data.file=... " in ask("--help", "data=csv")
    assert "[a string; required]" in ask("--help", "data=csv")


def test_several_options_and_lists_of_options_have_pages(ask: Ask) -> None:
    page = ask("--help", "model=cnn", "optimizer=sgd")
    assert "model.dropout" in page
    assert "optimizer.momentum" in page
    assert "callbacks.top_checkpoints.save_top_k=3" in ask("--help", "callbacks=[default,top_checkpoints]")


def test_what_a_sweep_varies_has_no_value_to_show(ask: Ask) -> None:
    assert "model=cnn" in ask("-m", "--help", "model=cnn", "optimizer.lr=1,2")


@pytest.fixture
def own_conf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's conf/ with other defaults, a model of theirs and without some files of ours."""
    conf = tmp_path / "conf"
    shutil.copytree(CONF, conf)
    train = (conf / "train.yaml").read_text()
    train = train.replace("model: simple_net  # what learns", "model: mine").replace("seed: 0", "seed: 7  # lucky")
    (conf / "train.yaml").write_text(train)
    (conf / "model/mine.yaml").write_text("# Mine.\n_target_: src.models.mine.Mine\nwidth: 3  # of all layers\n")
    for name in ("cnn", "simple_net", "linear"):
        (conf / f"model/{name}.yaml").unlink()
    shutil.rmtree(conf / "experiment")
    (conf / "train.yaml").write_text(re.sub(r"  - experiment: .*\n", "", (conf / "train.yaml").read_text()))
    monkeypatch.setattr(schema, "CONF", conf)
    return conf


def test_a_page_is_true_of_what_the_user_has_changed(own_conf: Path, ask: Ask) -> None:
    page = ask("--help")
    assert re.search(r"^  model +mine\*, gan", page, re.MULTILINE)
    assert re.search(r"^  seed=7 +lucky ", page, re.MULTILINE)
    assert "experiment" not in page
    assert "cnn" not in page
    assert "model.dropout" not in page
    assert re.search(r"model.width=3 +of all layers$", ask("--help", "model=mine"), re.MULTILINE)


def test_keys_that_a_module_of_ones_own_does_not_read_are_not_among_those_used_most(own_conf: Path, ask: Ask) -> None:
    path = own_conf / "train.yaml"
    path.write_text(path.read_text().replace("model: mine", "model: gan").replace("data: fake", "data: ring"))
    page = ask("--help")
    assert "optimizer.lr" not in page
    assert "trainer.max_epochs" in page


def test_a_value_is_explained_with_the_places_that_set_it(ask: Ask) -> None:
    page = ask("experiment=digits_cnn", "explain=optimizer.lr", "optimizer.lr=0.5")
    assert page.splitlines()[:3] == ["optimizer.lr=0.5", "", "step size"]
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
        (["explain=name"], ["name=fake-simple_net", r"as written +\$\{hydra:runtime.choices.data\}-"]),
        (["explain=sweep.metric"], ["sweep.metric=val/loss", r"as written +\$\{monitor\}"]),
        (["explain=data.file", "data=csv"], [r"data.file=\.\.\.", "takes +a string", "missing +has to be given"]),
        (["explain=loss"], ["loss=", "is +a mapping of name, label_smoothing"]),
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
        ("infer", ["--help", "model=cnn"], "'model' can't be chosen here"),
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
        (["--help", f"--config-dir={CONF}"], "train is powered by Hydra."),
    ],
)
def test_what_hydra_answers_it_answers_still(arguments: list[str], said: str, tmp_path: Path) -> None:
    done = run_script("train.py", *arguments, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert said in done.stdout + done.stderr


def test_a_page_of_the_users_own_wins(own_conf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (own_conf / "hydra/help").mkdir(parents=True)
    (own_conf / "hydra/help/mine.yaml").write_text("template: mine\n")
    monkeypatch.setattr(HydraConfig.instance(), "cfg", None)
    assert answer(["--help", "hydra/help=mine"], own_conf, "train") is None


@pytest.mark.parametrize("arguments", [["--help", "model=cnn"], ["--help", "trainer=gpu"], ["explain=optimizer.lr"]])
def test_an_answer_loads_no_torch_and_makes_no_folder(arguments: list[str], tmp_path: Path) -> None:
    code = (
        "import runpy, sys, atexit\n"
        "heavy = ('torch', 'lightning', 'torchmetrics', 'matplotlib', 'pyarrow', 'optuna', 'numpy')\n"
        "atexit.register(lambda: print('LOADED', [name for name in heavy if name in sys.modules]))\n"
        f"sys.argv = ['train.py'] + {arguments!r}\n"
        f"sys.path.insert(0, {str(ROOT)!r})\n"
        f"runpy.run_path({str(ROOT / 'train.py')!r}, run_name='__main__')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "LOADED []"
    assert [*tmp_path.iterdir()] == []


def test_library_files_have_no_page_of_hydras_help() -> None:
    assert not (LIBRARY_CONF / "hydra/help").exists()
