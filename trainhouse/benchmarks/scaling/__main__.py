"""Split a step of several ranks: python -m trainhouse.benchmarks scaling [key=value ...] [--quick] [--json FILE]."""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from trainhouse.benchmarks.lab import Lab, perceptron
from trainhouse.benchmarks.outcome_table import machine, shown
from trainhouse.benchmarks.processes import ROOT, python
from trainhouse.benchmarks.scaling.step import PARTS, Link, Step, projected, split
from trainhouse.machine.files import write_json
from trainhouse.machine.rank_processes import RankProcesses
from trainhouse.reports import aligned_table

MANY = (8, 64, 512)
_SKIPPED = 10  # steps in which memory is allocated, and buckets are ordered
Measured = tuple[Step, np.ndarray]


def main(arguments: list[str]) -> int:
    """Measure one rank and two, print them and what they come to with more."""
    options = _parsed(arguments)
    link = Link(options.bandwidth * 1e9 / 8, options.latency * 1e-6)
    steps, repeats = (20, 1) if options.quick else (options.steps, options.repeats)
    taken: dict[int, list[Measured]] = {1: [], 2: []}
    with tempfile.TemporaryDirectory(prefix="scaling-") as folder:
        lab = Lab(Path(folder).resolve(), quick=options.quick)
        words = [*perceptron(lab), *options.keys, f"trainer.limit_train_batches={steps}"]
        for number in range(repeats):
            for ranks, found in taken.items():
                print(f"{ranks} rank{'s' * (ranks > 1)}, {number + 1} of {repeats} ...", file=sys.stderr, flush=True)
                found.append(_measured(lab.new_folder(), words, ranks, steps))
    measured = [_median(found) for found in taken.values()]
    many = [projected(*measured[-1], ranks, link) for ranks in MANY]
    here = [step for step, _ in measured]
    facts = machine() | {"threads": 1, "steps": steps, "repeats": repeats, "keys": options.keys, "quick": options.quick}
    if options.json:
        rows = [{**vars(step), "seconds": step.seconds, "is_measured": step in here} for step in (*here, *many)]
        write_json(options.json, {**facts, **vars(link), "rows": rows})
    print(", ".join(f"{name} {value}" for name, value in facts.items()) + "\n")
    print(table(here, many, link))
    return 0


def _parsed(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "python -m trainhouse.benchmarks scaling",
        description="Split a step of one rank and of two into its parts, and project it to 8, 64 and 512 ranks.",
    )
    parser.add_argument("keys", nargs="*", help="overrides of train.py, as model.hidden_sizes=[2048,2048]")
    parser.add_argument("--bandwidth", type=float, default=100.0, help="Gbit/s of a rank's link, for the projection")
    parser.add_argument("--latency", type=float, default=20.0, help="microseconds of a message, for the projection")
    parser.add_argument("--steps", type=int, default=180, help="of each measurement")
    parser.add_argument("--repeats", type=int, default=3, help="measurements; the one of the median step is shown")
    parser.add_argument("--quick", action="store_true", help="few steps: shows that it works, measures nothing")
    parser.add_argument("--json", type=Path, help="file of the results")
    options = parser.parse_args(arguments)
    for name, least in (("bandwidth", 0), ("latency", -1), ("steps", _SKIPPED + 1), ("repeats", 0)):
        if not getattr(options, name) > least:
            at_least = {0: "a number above 0", -1: "a number from 0 up"}.get(least, f"more than {least}")
            sys.exit(f"error: --{name}: expected {at_least}, got {getattr(options, name)}")
    if options.json and options.json.is_dir():
        sys.exit(f"error: --json: {options.json} is a folder; name a file")
    return options


def _measured(folder: Path, words: Sequence[str], ranks: int, steps: int) -> Measured:
    """Train with so many ranks, of one thread each. Exits with the line of one that fails."""
    folder.mkdir()
    how = ["trainer=cpu", "trainer.max_epochs=1", "trainer.limit_val_batches=0", "threads=1", "monitor=null"]
    if ranks > 1:
        how += [f"trainer.devices={ranks}", "trainer.strategy=ddp"]
    command = python("-m", "trainhouse.benchmarks.started.rank", folder, *words, *how)
    env = {**os.environ, "PYTHONPATH": str(ROOT), "TRAINHOUSE_PROJECT": ".", "OMP_NUM_THREADS": "1"}
    processes = RankProcesses(command, ranks, env, folder)
    try:
        processes.wait(lambda: None)
    finally:
        processes.kill()
    if processes.first_failed is not None:
        sys.exit(f"error: {processes.how_it_ended(processes.first_failed)}")
    seen: list[dict[str, Any]] = [json.loads((folder / f"rank_{rank}.json").read_text()) for rank in range(ranks)]
    count = min(len(one["began"]) for one in seen)
    if count < steps:
        sys.exit(
            f"error: an epoch has {count} steps of {ranks} ranks; set --steps {count}, or a smaller data.batch_size"
        )
    return split(seen, _SKIPPED)


def _median(found: list[Measured]) -> Measured:
    return sorted(found, key=lambda one: one[0].seconds)[len(found) // 2]


def table(measured: Sequence[Step], many: Sequence[Step], link: Link) -> str:
    """Return the steps as aligned text, with what the projected ones assume."""
    alone = measured[0].seconds
    header = ("ranks", "", *(f"{part} ms" for part in PARTS), "step ms", "of one rank's speed, each")
    rows = [
        (
            str(step.ranks),
            "measured" if step in measured else "projected",
            *(shown(1000 * getattr(step, part)) for part in PARTS),
            shown(1000 * step.seconds),
            shown(alone / step.seconds),
        )
        for step in (*measured, *many)
    ]
    ranks, kinds, *numbers = zip(header, *rows, strict=True)
    first, *rest = zip(ranks, kinds, *map(aligned_table.aligned, numbers), strict=True)
    return f"{aligned_table.table(first, rest)}\n\n{_caption(measured[-1], link)}"


def _caption(most: Step, link: Link) -> str:
    return (
        "Each rank has a batch of its own of the same size, and one thread; the ranks that are measured share this "
        "machine.\nCommunication and waiting are what is left of them behind the last gradients; the rest is hidden "
        "behind backward.\nWhat ranks ask one another every 64 batches is in compute. Projected steps assume\n"
        f"  compute, data   those of a step of {most.ranks} ranks here\n"
        f"  communication   {most.bytes / 1e6:,.2f} MB of gradients, as measured, in a ring: "
        f"2 (N - 1) messages of 1/N of them, at {link.bandwidth * 8 / 1e9:g} Gbit/s\n"
        f"                  and {link.latency * 1e6:g} us each (--bandwidth, --latency); none of it hidden, no link "
        "slower or shared\n"
        "  waiting         for the slowest of N ranks, whose steps vary by themselves as those did here"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
