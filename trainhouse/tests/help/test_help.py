"""--help: pages for somebody new to a command, read from conf/ as it is."""

import itertools
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from trainhouse.configuration import schema
from trainhouse.configuration.schema import groups, is_global, options
from trainhouse.launching.composed import composed
from trainhouse.launching.layout import paragraph, shortened, table
from trainhouse.tests.common import CONF, ROOT
from trainhouse.tests.help.conftest import Ask

COMMANDS = ("train", "eval", "infer", "select_best_model")


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
    keys = [row for row in section(page, "Keys") if re.match(r"[\w.]+=", row)]
    assert 7 <= len(keys) <= 10
    assert page.count("[") >= len(keys), "each with what it takes"
    assert "--cfg job" in page


def test_characters_that_are_two_columns_wide_are_counted_as_two() -> None:
    assert table([("模型=a", "one"), ("seed=0", "two")]) == ["  模型=a  one", "  seed=0  two"]
    assert table([("层" * 16, "long"), ("n", "")])[:2] == [f"  {'层' * 16}", "     long"]
    assert paragraph("模" * 41) == ["模" * 40, "模"]
    assert paragraph(f"a {'层' * 38} 型") == [f"a {'层' * 38}", "型"]
    assert shortened("模" * 10, 10) == "模模模 ..."


@pytest.mark.parametrize("command", COMMANDS)
def test_an_example_is_a_command_that_can_be_run(command: str, ask: Ask) -> None:
    for line in section(ask("--help", command=command), "Examples"):
        if line.startswith("python"):
            typed = shlex.split(re.split(r"\s{2,}", line)[0].replace("<", "").replace(">", ""))[2:]
            composed(command, CONF, [word for word in typed if "=" in word])


@pytest.mark.parametrize(
    ("command", "taken"), [("train", True), ("eval", ["trainer", "logger"]), ("infer", []), ("select_best_model", [])]
)
def test_only_groups_are_listed_that_the_command_takes(command: str, taken: list[str] | bool, ask: Ask) -> None:
    page = ask("--help", command=command)
    if taken is True:
        listed = [row.partition(" ")[0] for row in section(page, "Groups")]
        assert {*groups()} - {"hydra"} <= {*listed}
        assert "fake*, csv, digits" in page
        assert "array_defaults" not in page, "what others begin with is no choice"
    elif taken:
        assert [row.split()[0] for row in section(page, "Groups") if row[:1].strip()] == taken
    else:
        assert "Groups" not in page
        assert "group=option" not in page


# joblib, submitit and ray: not everybody has their packages.
OPTIONS = {
    group: [option for option in options(group) if option not in ("submitit", "submitit_local", "joblib", "ray")]
    for group in [*groups(), "hydra/sweeper/pruner"]
    if group != "hydra"
}
# One of each group at once, but for groups whose options choose others.
_ALONE = ("experiment", "debug", "hydra/sweeper/pruner")
_ABREAST = itertools.zip_longest(
    *([(group, one) for one in found] for group, found in OPTIONS.items() if group not in _ALONE)
)
PAGES = [
    *([one for one in row if one is not None] for row in _ABREAST),
    *([(group, option)] for group in _ALONE for option in OPTIONS[group]),
]


@pytest.mark.parametrize("chosen", PAGES, ids=str)
def test_an_option_has_a_page_with_all_its_keys(chosen: list[tuple[str, str]], ask: Ask) -> None:
    sweep = ["sweep=optuna"] if chosen[0][0].startswith("hydra/sweeper/") else []
    pages = ask("--help", *(f"{group}={option}" for group, option in chosen), *sweep)
    for group, option in chosen:
        path = schema.config_file(f"{group}/{option}")
        page = next(one for one in pages.split("\n\n\n") if one.startswith(f"{group}={option}\n"))
        names = re.findall(r"^ *([a-z]\w*): +\S", path.read_text(), re.MULTILINE)
        assert [name for name in names if f".{name}" not in page and f"\n  {name}=" not in page] == [], page
        assert ("It chooses and sets" in page) == is_global(path)


def test_a_page_of_keys_says_what_they_mean_and_take(ask: Ask) -> None:
    page = " ".join(ask("--help", "model=cnn").split())
    assert "model.channels=[32,64] Channels, one number per stage; each stage but the last halves the image." in page
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


def test_a_group_alone_lists_its_options_each_in_a_sentence(ask: Ask) -> None:
    page = ask("--help", "data")
    assert "data=fake*" in page
    assert "A table with a header" in page
    assert "array_defaults" not in page
    assert "--help data=fake shows the keys" in page


def test_an_example_chooses_what_needs_nothing_more(ask: Ask) -> None:
    chosen = [line for line in section(ask("--help"), "Examples") if "data=" in line]
    assert chosen
    assert all("data=csv" not in line and "data=table" not in line for line in chosen)
