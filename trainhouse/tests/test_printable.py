"""What is anybody's reaches the terminal and the log as signs that can be seen, and commands as they can be typed."""

import csv
import json
import logging
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from trainhouse.configuration.printable import printable, shell_joined, shell_quoted
from trainhouse.launching.logging import log_to
from trainhouse.reports.aligned_table import table
from trainhouse.reports.short_text import clipped
from trainhouse.reports.writers import open_writer
from trainhouse.runs.typed import as_override, shown_path
from trainhouse.tests.common import ROOT, composed, run_script
from trainhouse.training.train import train

EVIL = "a\x1b[31m\x1b]0;title\x07b\r\nc\x9bd\u202ee\u2028f\x00g\udcffh\x7f"
ESCAPED = r"a\x1b[31m\x1b]0;title\x07b\r\nc\x9bd\u202ee\u2028f\x00g\udcffh\x7f"


def test_what_a_terminal_obeys_is_written_out() -> None:
    assert printable(EVIL) == ESCAPED
    assert printable(EVIL, lines=True) == ESCAPED.replace(r"\n", "\n")
    assert printable(Path("a\nb")) == r"a\nb"


@pytest.mark.parametrize("text", ["plain", "é ü 漢字 🙂 ½", "a\tb", "a\xa0b", r"a\nb", "", "'\"$`"])
def test_what_can_be_seen_stays_as_it_is(text: str) -> None:
    assert printable(text) == text


NAMES = ["plain", "a b", "it's", 'say "x"', "back\\slash", "$HOME", "`id`", "!x", "é"]


def typed_into_bash(words: list[str]) -> list[str]:
    code = "import os, sys; sys.stdout.buffer.write(os.fsencode(chr(10).join(sys.argv[1:])))"
    command = f"{sys.executable} -c '{code}' {' '.join(words)}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, check=True)
    return os.fsdecode(done.stdout).split("\n")


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_a_quoted_text_is_what_a_shell_takes_it_for() -> None:
    assert typed_into_bash([shell_quoted(name) for name in NAMES]) == NAMES
    assert shell_joined(["x", "a b"]) == "x 'a b'"
    assert shell_quoted("a\n\x1b[31mb") == r"'a\n\x1b[31mb'"


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_a_command_that_is_suggested_means_the_folder() -> None:
    typed = typed_into_bash([as_override("resume", Path(name)) for name in NAMES])
    parsed = OverridesParser.create().parse_overrides(typed)
    assert [(one.key_or_group, str(one.value())) for one in parsed] == [("resume", name) for name in NAMES]
    assert as_override("resume", Path("a\nb")).isprintable()
    assert "\n" not in shown_path(Path("a\nb"))


def test_the_terminal_and_the_log_show_the_same_signs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = logging.getLogger("trainhouse.test")
    with log_to(tmp_path / "logs" / "training.log"):
        log.info("folder  %s\n", Path(EVIL))
        log.info("%s has %d rows of %.1f and %s", EVIL, 3, 0.5, None)
        log.info("%s", table([EVIL, "n"], [[EVIL, 1.0], ["b", 2.0]]), extra={"lines": True})
        log.warning("warning: %s", ValueError(EVIL))
        log.info(f"{EVIL}")
        try:
            raise ValueError(EVIL)
        except ValueError:
            log.exception("traceback")
    out, kept = capsys.readouterr().out, (tmp_path / "logs" / "training.log").read_text()
    for text in (out, kept):
        assert all(sign.isprintable() or sign == "\n" for sign in text)
    assert out.startswith(f"folder  {ESCAPED}\n\n{ESCAPED} has 3 rows of 0.5 and None\n{ESCAPED} ")
    assert f"warning: {ESCAPED}\n" in out
    assert kept.count(ESCAPED) == 5


def test_what_a_sweep_shows_is_on_one_line() -> None:
    assert printable(clipped(EVIL, 200)) == clipped(EVIL, 200)
    assert "\n" not in clipped(EVIL, 200)


def test_what_stands_in_records_is_shown_by_the_ranking(tmp_path: Path) -> None:
    train(
        composed("trainer=cpu", "trainer.max_epochs=1", "model.hidden_sizes=[4]", "preflight=false"),
        tmp_path / "runs/a",
    )
    shutil.copytree(tmp_path / "runs/a", tmp_path / "runs/b\n\x1b[31mb")
    for path in (tmp_path / "runs").rglob("metrics.json"):
        content = json.loads(path.read_text())
        content |= {"model": "\x1b[2Jmodel\nfake line", "monitor": "val/loss"}
        content["provenance"] |= {"data": "\x1b]0;data\x07", "command": "x\x1b[1m"}
        path.write_text(json.dumps(content))
    shutil.copytree(tmp_path / "runs/a", tmp_path / "runs/c")
    (tmp_path / "runs/c/metrics.json").write_text('{"status": "\\u001b[31mfailed\\nerror: x"}')
    done = run_script("select_best_model.py", "runs=runs", f"final_model={tmp_path}/final.ckpt", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    said = done.stdout + done.stderr
    assert all(sign.isprintable() or sign == "\n" for sign in said), repr(said)
    assert "fake line" not in said.splitlines()
    assert r"b\n\x1b[31mb" in said


def test_an_error_is_one_line_whatever_it_names(tmp_path: Path) -> None:
    folder = tmp_path / "x\n\x1b[31my"
    folder.mkdir()
    done = run_script("eval.py", "ckpt_path='x\n\x1b[31my'", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith(r"error: ckpt_path: x\n\x1b[31my is a folder without")
    assert done.stderr.count("\n") == 1


def test_cells_that_a_spreadsheet_takes_for_formulas_stay_true_and_are_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    names = np.array(["a", "=1+1", "-b", "@c", "+d"])
    with open_writer(tmp_path / "p.csv") as writer:
        writer.write({"prediction": names[:1], "probability_=1+1": np.array([-0.5])})
        assert not caplog.records
        writer.write({"prediction": names[1:], "probability_=1+1": np.array([-0.5] * 4)})
        writer.write({"prediction": names[1:], "probability_=1+1": np.array([-0.5] * 4)})
    with open(tmp_path / "p.csv", newline="") as file:
        assert [row["prediction"] for row in csv.DictReader(file)][:5] == list(names)
    assert caplog.text.count("a spreadsheet may take '=1+1' for a formula; open the file as text") == 1
    with open_writer(tmp_path / "q.csv") as writer:
        writer.write({"=header": np.array([1.0])})
    assert "a spreadsheet may take '=header' for a formula" in caplog.text


def test_no_text_is_printed_past_this() -> None:
    """`print`, and an exit with a string, stand where `printable` stands too."""
    for path in (ROOT / "trainhouse").rglob("*.py"):
        if {"tests", "benchmarks"} & set(path.parts):
            continue
        text = path.read_text()
        if "print(" in text.replace("fingerprint(", "").replace("_print(", "") or "sys.exit(f" in text:
            assert "printable" in text, path
