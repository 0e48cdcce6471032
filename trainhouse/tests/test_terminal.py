"""Lines stay, and one live line below them says what is going on; only where a terminal can redraw it."""

import os
import re
import subprocess
import sys
from collections.abc import Sequence

import pytest

from trainhouse.machine.terminal import LinePart, duration, fitted, has_live_line
from trainhouse.tests.common import ROOT

pty = pytest.importorskip("pty")  # not on Windows


def screen(output: bytes) -> list[str]:
    """Return what a terminal shows after `output`, line by line."""
    lines, row, column = [""], 0, 0
    for token in re.findall(r"\x1b\[[?\d;]*[A-Za-z]|.|\n", output.decode(), re.DOTALL):
        if token == "\n":
            row += 1
            lines += [""] * (row + 1 - len(lines))
        elif token == "\r":
            column = 0
        elif token.endswith("A") and token.startswith("\x1b"):
            row -= int(token[2:-1] or 1)
        elif token == "\x1b[2K":
            lines[row] = ""
        elif not token.startswith("\x1b"):
            lines[row] = lines[row].ljust(column)[:column] + token + lines[row][column + 1 :]
            column += 1
    return lines


def on_terminal(code: str, **env: str) -> bytes:
    """Return everything that Python prints to a terminal of 80 columns while it runs `code`."""
    leader, follower = pty.openpty()
    names = ("PATH", "HOME", "LD_LIBRARY_PATH", "VIRTUAL_ENV")
    kept = {name: os.environ[name] for name in names if name in os.environ}
    env = {**kept, "TERM": "xterm", "COLUMNS": "80", "PYTHONIOENCODING": "utf-8", "PYTHONPATH": str(ROOT), **env}
    process = subprocess.Popen([sys.executable, "-c", code], stdout=follower, stderr=follower, env=env)
    os.close(follower)
    output = b""
    while True:
        try:
            chunk = os.read(leader, 65536)
        except OSError:  # the other end is closed
            break
        if not chunk:
            break
        output += chunk
    os.close(leader)
    assert process.wait(timeout=60) == 0, output
    return output


BUSY = """
import os, sys
from trainhouse.machine import terminal
from trainhouse.machine.terminal import LiveLine, LinePart

line, other = LiveLine(), LiveLine()
terminal.say("first")
line.show([LinePart("busy 1")], done=0.5)
terminal.say("second [bold] " + "x" * 90)
print("printed")
print("an error", file=sys.stderr)
other.show([LinePart("never")])
other.clear()
line.show([LinePart("busy 2")])
LEFT
print("last")
"""


def test_lines_stay_above_the_live_line_which_leaves_nothing_behind() -> None:
    output = on_terminal(BUSY.replace("LEFT", "terminal.clear()"))
    lines = [line.rstrip() for line in screen(output)]
    assert [line for line in lines if line] == [
        "first",
        "second [bold]",
        "  " + "x" * 90,  # a word that is wider than the terminal stays whole
        "printed",
        "an error",
        "last",
    ]
    assert "━━━━━━╌╌╌╌╌╌" in output.decode()
    assert b"busy 2" in output
    assert b"never" not in output


def test_behind_a_line_that_is_too_long_is_room_for_what_ctrl_c_writes() -> None:
    code = """
import os
from trainhouse.machine import terminal
terminal.LiveLine().show([terminal.LinePart("x" * 99)])
os.write(1, b"^C^C" + terminal.start_of_line().encode() + b"SIGINT")  # the terminal itself writes ^C
os._exit(0)
"""
    output = on_terminal(code)
    assert screen(output) == ["SIGINT"]
    assert max(map(len, re.findall(rb"x+", output))) + len("^C^C") < 80


def test_a_forked_worker_that_prints_does_not_draw_the_line_once_more() -> None:
    code = """
import os
from trainhouse.machine.terminal import LiveLine, LinePart
line = LiveLine()
line.show([LinePart("busy")])
if (child := os.fork()) == 0:
    print("from a worker", flush=True)
    line.show([LinePart("never")])
    os._exit(0)
os.waitpid(child, 0)
os._exit(0)
"""
    output = on_terminal(code)
    assert output.count(b"from a worker") == output.count(b"busy") == 1
    assert b"never" not in output


@pytest.mark.parametrize("plain", [{"TERM": "dumb"}, {"NO_COLOR": "1"}, {"CI": "true"}])
def test_there_is_no_live_line_where_plain_lines_are_asked_for(plain: dict[str, str]) -> None:
    output = on_terminal(BUSY.replace("LEFT", "assert 'rich' not in sys.modules"), **plain)
    assert b"\x1b" not in output
    assert b"busy" not in output
    assert b"second [bold]\r\n  xxx" in output


def test_another_process_shows_no_line_but_puts_its_own_where_that_of_the_first_is() -> None:
    output = on_terminal(BUSY.replace("LEFT", "assert 'rich' not in sys.modules"), LOCAL_RANK="1")
    assert b"busy" not in output
    assert b"\r\x1b[2Kfirst" in output


def test_there_is_none_in_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    assert not has_live_line()


def test_a_sweep_keeps_the_line_from_its_jobs() -> None:
    code = """
from trainhouse.machine import terminal
from trainhouse.machine.terminal import LiveLine, LinePart
with terminal.quiet():
    LiveLine().show([LinePart("job")])
    sweep = LiveLine(of_a_sweep=True)
    sweep.show([LinePart("sweep")])
    with terminal.doing("reading"):
        pass
    sweep.clear()
"""
    output = on_terminal(code)
    assert b"sweep" in output
    assert b"job" not in output
    assert b"reading" not in output


@pytest.mark.parametrize(
    ("columns", "shown"),
    [(40, "epoch 1/3  step 4/9  loss 0.5"), (28, "epoch 1/3  loss 0.5"), (12, "epoch 1/3"), (5, "epoch")],
)
def test_what_matters_least_is_left_out_of_a_line_that_is_too_long(columns: int, shown: str) -> None:
    parts: Sequence[LinePart] = [LinePart("epoch 1/3"), LinePart("step 4/9", 2), LinePart("loss 0.5", 1)]
    assert fitted(parts, columns) == shown


def test_durations() -> None:
    assert [duration(seconds) for seconds in (-1, 0, 59.9, 61, 3723)] == ["0:00", "0:00", "0:59", "1:01", "1:02:03"]
