"""What a key means is the comment at it; every key that is there to be changed has one."""

import re
from pathlib import Path

import pytest

from trainhouse.configuration.errors import UserError
from trainhouse.configuration.meanings import Said, meaning_in_group, meanings
from trainhouse.configuration.schema import is_global
from trainhouse.tests.common import CONF, LIBRARY_CONF

FILE = """\
# The whole file's, in
# two lines:
#   python train.py x=1
first: 1

# Above it,
# in two lines.
second: [1,
  2]  # behind its end
# Above it.
third: "# no comment"
# Of nothing.

fourth:  # of a mapping
  inner: ä  # of ä
  deep: {a: 1}  # of a mapping in one line
list:
  - 1  # not of the list
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "x.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_key_means_the_comment_behind_it_or_right_above(tmp_path: Path) -> None:
    found = meanings(written(tmp_path, FILE))
    assert found.header == ("The whole file's, in", "two lines:", "  python train.py x=1")
    assert found.meaning == "The whole file's, in two lines:"
    assert found.keys == {
        "first": Said(4, "1", ""),
        "second": Said(8, "[1,\n  2]", "behind its end"),
        "third": Said(11, '"# no comment"', "Above it."),
        "fourth": Said(14, "", "of a mapping"),
        "fourth.inner": Said(15, "ä", "of ä"),
        "fourth.deep": Said(16, "{a: 1}", "of a mapping in one line"),
        "fourth.deep.a": Said(16, "1", "of a mapping in one line"),
        "list": Said(17, "", ""),
    }


def test_the_comment_of_a_file_of_one_named_part_is_about_the_part(tmp_path: Path) -> None:
    assert meanings(written(tmp_path, "# Stops.\nstopping:\n  patience: 1\n")).keys["stopping"].meaning == "Stops."


def test_the_comment_of_a_file_that_chooses_for_others_is_not_about_its_one_key(tmp_path: Path) -> None:
    text = "# @package _global_\n# Small.\ndefaults: []\ntrainer:\n  max_epochs: 1\n"
    found = meanings(written(tmp_path, text))
    assert found.header == ("Small.",)
    assert found.keys["trainer"].meaning == ""


def test_a_group_means_the_comment_behind_it_in_the_list_of_defaults(tmp_path: Path) -> None:
    found = meanings(written(tmp_path, "defaults:\n  - _self_\n  - model: cnn  # what learns\n"))
    assert found.keys["defaults.model"] == Said(3, "cnn", "what learns")


@pytest.mark.parametrize("text", ["", "# nothing but this\n", "- 1\n", "x"])
def test_a_file_without_keys_says_nothing_of_any(text: str, tmp_path: Path) -> None:
    assert meanings(written(tmp_path, text)).keys == {}


def test_a_file_need_not_repeat_the_comments_of_one_that_builds_the_same() -> None:
    assert meaning_in_group("data", "digits", "target") == meaning_in_group("data", "csv", "target") != ""
    assert meaning_in_group("data", "digits", "batch_size") != ""  # of array_defaults, with which it begins
    assert meaning_in_group("data", "digits", "nothing") == ""


# What a user adds is theirs to explain, or not.
SHIPPED = {
    "data": "array_defaults csv digits fake npy ring shapes table text",
    "model": "cnn gan language_model linear segmentation simple_net",
    "optimizer": "adam adamw sgd",
    "scheduler": "cosine none one_cycle plateau",
    "trainer": "cpu default gpu",
    "callbacks": "best_checkpoint default early_stopping epoch_checkpoint last_checkpoint none progress_bar "
    "top_checkpoints",
    "logger": "csv none tensorboard",
}
COMMANDS = sorted(CONF.glob("*.yaml"))
NAMED = [CONF / group / f"{option}.yaml" for group, options in SHIPPED.items() for option in options.split()]
GROUPS = [path for path in NAMED if path.is_file()]
# Of Hydra itself: where a run goes, and how it is searched. Their files say it for people who read them.
LIBRARY = [path for path in sorted(LIBRARY_CONF.rglob("*.yaml")) if "hydra" not in path.relative_to(LIBRARY_CONF).parts]


def without_meaning(path: Path) -> list[str]:
    """The keys of a file that mean nothing; those that Hydra reads, and an experiment's, which mean what theirs do."""
    found = []
    for key, said in meanings(path).keys.items():
        is_hydras = key.startswith(("defaults", "hydra")) or key.rpartition(".")[2].startswith("_")
        if is_hydras or is_global(path) or said.meaning:
            continue
        inherited = path.parent not in (CONF, LIBRARY_CONF) and meaning_in_group(path.parent.name, path.stem, key)
        found += [] if inherited else [key]
    return found


@pytest.mark.parametrize("path", [*COMMANDS, *GROUPS, *LIBRARY], ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_key_has_a_meaning(path: Path) -> None:
    assert without_meaning(path) == [], f"say in {path}, above the key or behind its value, what it means"


def test_a_file_that_is_no_yaml_is_named(tmp_path: Path) -> None:
    path = written(tmp_path, "name: x\n bad: [1\n")
    with pytest.raises(UserError, match=f"^{re.escape(str(path))}: is no YAML: "):
        meanings(path)
