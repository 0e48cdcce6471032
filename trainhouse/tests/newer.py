"""Commands under libraries with other names in them: python -m trainhouse.tests.newer <folder> <module:Class.name> ...

Their source is rewritten while it is imported: each name has another ending there, as in a version that this project
has not seen yet.
"""

import re
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType

# Where the names of each library may stand.
USERS = {"lightning": "lightning", "torchmetrics": "lightning", "torch": "lightning torchmetrics", "hydra": ""}
PAIRS = f"hydra.searchpath=[file://{Path(__file__).parent / 'pairs' / 'conf'}]"
SHORT = ["trainer=cpu", "trainer.max_epochs=2", "logger=none", "threads=1"]
COMMANDS = {
    "train": ["train.py", "hydra.run.dir=run"],
    "resume": ["train.py", "resume=run", "trainer.max_epochs=4"],
    "sweep": ["train.py", "seed=1,2", "hydra.sweep.dir=sweep", "-m"],
    "eval": ["eval.py", "ckpt_path=run/checkpoints/last.ckpt"],
    "own": ["train.py", PAIRS, "experiment=weighted", *SHORT, "hydra.run.dir=own"],
    "infer": ["infer.py", "ckpt_path=own", "data.predict_dir=rows", "output=rows.csv", "accelerator=cpu"],
    "help": ["train.py", "--help"],
}


def rename(places: list[str]) -> None:
    """Rename the last part of each of `places` in what is imported from here on."""
    names: dict[str, set[str]] = {}
    for place in places:
        library = place.partition(":")[0].partition(".")[0]
        for user in (library, *USERS[library].split()):
            names.setdefault(user, set()).add(re.split(r"[:.]", place)[-1])
    patterns = {library: re.compile(rf"\b({'|'.join(of_it)})\b".encode()) for library, of_it in names.items()}
    compile_as_ever = SourceFileLoader.get_code

    def get_code(self: SourceFileLoader, fullname: str) -> CodeType | None:
        pattern = patterns.get(fullname.partition(".")[0])
        if pattern and pattern.search(source := self.get_data(self.path)):
            return self.source_to_code(pattern.sub(rb"\1_now", source), self.path)
        return compile_as_ever(self, fullname)

    SourceFileLoader.get_code = get_code  # type: ignore[method-assign]


def main(folder: Path, places: list[str]) -> None:
    """Run the commands in `folder`, each in a process that is forked from this one, and keep what they say there."""
    compiled = [place for place in places if place.startswith("torch:")]  # not of Python
    rename([place for place in places if place not in compiled])
    import numpy as np

    from trainhouse.tests.common import import_ahead, run_script, torch
    from trainhouse.tests.drawing import draw_each_kind_once
    from trainhouse.tests.quick_files import wait_for_no_disk
    from trainhouse.tests.started import RUN

    draw_each_kind_once()
    wait_for_no_disk()
    import_ahead("fast", "resuming")  # where such names are missed
    (folder / "rows").mkdir()
    np.save(folder / "rows" / "row.npy", np.arange(6.0))
    for place in compiled:
        delattr(torch, place.removeprefix("torch:"))
    for name, (script, *arguments) in COMMANDS.items():
        options = RUN if name in ("train", "sweep") else []
        done = run_script(script, *options, *arguments, cwd=folder)
        (folder / f"{name}.txt").write_text(f"{done.stdout}{done.stderr}ended with {done.returncode}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
