"""Whole commands that meet a damaged file end well or in one line."""

import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random

from hypothesis import given

from trainhouse.tests.common import run_script
from trainhouse.tests.fuzz.damage import damaged, damaged_checkpoint, damaged_yaml
from trainhouse.tests.fuzz.examples import OVERRIDES, chances, examples

COMMANDS = {
    "sweep/0/checkpoints/best_model.ckpt": [
        ("eval.py", "ckpt_path=sweep/0"),
        ("train.py", "init_from=sweep/0", *OVERRIDES),
    ],
    "sweep/0/config.yaml": [
        ("train.py", "resume=sweep/0"),
        ("train.py", "--config-path={}/sweep/0", "--config-name=config"),
    ],
    "sweep/best.yaml": [("infer.py", "ckpt_path=sweep", "input=rows.csv", "output=p.csv")],
    "rows.csv": [("infer.py", "ckpt_path=sweep/0", "input=rows.csv", "output=p.csv"), ("train.py", *OVERRIDES)],
}
DAMAGE: dict[str, Callable[[Path, Random], bytes]] = {
    "sweep/0/checkpoints/best_model.ckpt": damaged_checkpoint,
    "sweep/0/config.yaml": lambda path, random: damaged_yaml(path.read_text(), random),
    "sweep/best.yaml": lambda path, random: damaged_yaml(path.read_text(), random),
    "rows.csv": lambda path, random: damaged(path.read_bytes(), random),
}


@examples(6)
@given(random=chances)
def test_a_whole_command_ends_well_or_in_one_line(random: Random, place: Path, searched: Path) -> None:
    name = random.choice(sorted(COMMANDS))
    (place / name).write_bytes(DAMAGE[name](searched / name, random))
    script, *arguments = random.choice(COMMANDS[name])
    short = ("trainer.max_epochs=1", "logger=none") if script == "train.py" and "resume" not in arguments[0] else ()
    done = run_script(script, *(argument.format(place) for argument in arguments), *short, cwd=place, timeout=60)
    shutil.copy(searched / name, place / name)
    assert "Traceback" not in done.stdout + done.stderr
    if done.returncode:
        assert done.returncode == 1
        assert [line for line in done.stderr.splitlines() if line.startswith("error: ")], done.stderr
