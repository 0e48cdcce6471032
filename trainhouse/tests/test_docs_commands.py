"""Every command in README and docs/ composes, and the path in docs/start.md is what a terminal says today."""

import re
import shlex
from importlib.util import find_spec
from pathlib import Path

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from trainhouse.launching.answers import answer
from trainhouse.tests.common import CONF, ROOT, composed, link_raw_data, run_script
from trainhouse.tests.test_readme import TEXT

_FENCE = re.compile(r"(?:<!-- ([^>]+?) -->\n)?```(bash|console)\n(.*?)```", re.DOTALL)
# Before a block of bash: how it is run, or why it is not.
_MARKERS = ("train", "test", "run", "composed", "not run")
# What names a file that the examples make; test_readme.py runs those.
_OF_EXAMPLES = ("my_", "learning_rate]", "/path/to/", "$(", "mine")
_KEY_OF_DOTS = {"ckpt_path=...": "ckpt_path=x", "...": "data.features=X.npy"}


def commands() -> list[str]:
    found: dict[str, None] = {}
    for text in TEXT.values():
        for marker, kind, block in _FENCE.findall(text):
            lines = block.splitlines() if kind == "bash" else [one[2:] for one in block.splitlines() if one[:2] == "$ "]
            is_run = not marker.startswith(("train", "test", "not run"))
            found |= dict.fromkeys(line for line in lines if is_run)
        for inline in re.findall(r"`([^`]*\bpython [^`]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL)):
            found[" ".join(inline.split())] = None
    return [one for one in found if not any(name in one for name in _OF_EXAMPLES)]


def arguments_of(command: str) -> tuple[str, list[str]]:
    """Return what Python runs, and the arguments, with something in the place of what a reader fills in."""
    words = shlex.split(re.sub(r"<[\w ]+>", "x", command).replace("trainer.max_epoch=3", "trainer.max_epochs=3"))
    words = [_KEY_OF_DOTS.get(word, word) for word in words if word != "data=..."]
    words = words[words.index("python") + 1 :]
    return ("-m " + words[1], words[2:]) if words[0] == "-m" else (words[0], words[1:])


def of_one_job(arguments: list[str]) -> list[str]:
    """Return a sweep's arguments as those of its first job."""
    chosen = []
    for override in OverridesParser.create().parse_overrides(arguments):
        value = override.value()
        if override.is_interval_sweep():
            chosen.append(f"{override.key_or_group}={value.start}")
        elif override.is_sweep_override():
            chosen.append(f"{override.key_or_group}={next(override.sweep_string_iterator())}")
        else:
            chosen.append(str(override.input_line))
    return chosen


def test_every_block_of_bash_says_how_it_is_run() -> None:
    blocks = [
        (marker, block) for text in TEXT.values() for marker, kind, block in _FENCE.findall(text) if kind == "bash"
    ]
    assert [block for marker, block in blocks if marker.partition(":")[0] not in _MARKERS] == []


@pytest.mark.parametrize("command", commands())
def test_a_command_composes(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LR", "0.1")
    what, arguments = arguments_of(command)
    if what.startswith("-m "):
        assert find_spec(what.removeprefix("-m ")), what
        return
    assert (ROOT / what).is_file()
    name = what.removesuffix(".py")
    if asked := answer(arguments, CONF, name):
        assert asked.count("\n") > 5
        return
    overrides = [one for one in arguments if "=" in one and not one.startswith("--")]
    for launcher in (one for one in overrides if one.startswith("launcher=")):
        pytest.importorskip(f"hydra_plugins.hydra_{launcher.removeprefix('launcher=')}_launcher")  # an extra
    if name in ("eval", "infer"):
        overrides = [f"++{one}" if one.startswith("data.") else one for one in overrides]
    if any(one.startswith("sweep=") for one in overrides):
        overrides = [one for one in overrides if not one.startswith("hydra.sweeper.")]  # known to the search alone
    if name == "eval" and not overrides:  # what the text calls the command itself
        overrides = ["ckpt_path=x"]
    composed(*of_one_job(overrides), config_name=name)


def shape(line: str) -> str:
    """Return a line without what differs from run to run, or between machines: times, and the digits of a value."""
    line = line.replace(f"{ROOT}/", "")  # as the script is started here
    line = re.sub(r"\d{4}-\d\d-\d\d[_ ][\d:-]+", "<time>", line)
    return re.sub(r" +", " ", re.sub(r"\d+\.\d+", "0.0", line)).rstrip()


@pytest.mark.xdist_group("start")
def test_the_path_in_the_first_page_is_what_is_shown(tmp_path: Path) -> None:
    link_raw_data(tmp_path)
    said, run = "", ""
    for _, kind, block in _FENCE.findall(TEXT[ROOT / "docs" / "start.md"]):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:] if kind == "console" else []:
            command, *expected = part.rstrip().split("\n")
            what, arguments = arguments_of(command)
            if "trainer.max_epoch=3" in command:  # the page shows a mistake
                arguments = ["trainer.max_epoch=3"]
            arguments = [re.sub(r"(?<=ckpt_path=).*", run, one) for one in arguments]
            done = run_script(what, *arguments, cwd=tmp_path, OMP_NUM_THREADS="1", COLUMNS="200")
            said = done.stdout + done.stderr
            run = run or next(str(path.relative_to(tmp_path)) for path in tmp_path.glob("outputs/*/*"))
            shown = {shape(line) for line in said.split("\n")}
            for line in expected:
                assert line == "..." or shape(line) in shown, f"{command} says no {line!r} but\n{said}"
