"""Compare: python -m trainhouse.benchmarks quality [key=value ...] [--seeds 5] [--quick] [--json FILE]."""

import argparse
import logging
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from trainhouse.benchmarks.outcome_table import machine
from trainhouse.benchmarks.quality.learners import MLP, OTHERS, YARDSTICKS, train_default, train_other
from trainhouse.benchmarks.quality.problems import Problem, problems
from trainhouse.benchmarks.quality.verdict import Compared, table
from trainhouse.machine.files import write_json


def main(arguments: list[str]) -> int:
    """Compare on every problem and print the table; returns 1 if the default model is worse somewhere."""
    options = _parsed(arguments)
    logging.getLogger().setLevel(logging.ERROR)  # the runs say much to their users
    chosen = [_small(one) for one in problems()[::4]] if options.quick else problems()
    seeds = range(2 if options.quick else options.seeds)
    divisions = 1 if options.quick else options.divisions
    keys = [*options.keys, *(["trainer.max_epochs=2"] if options.quick else [])]
    found: list[Compared] = []
    with tempfile.TemporaryDirectory(prefix="quality-") as folder:
        for problem in chosen:
            print(f"{problem.name} ...", file=sys.stderr, flush=True)
            own = Path(folder).resolve() / problem.name.replace(" ", "_")
            found.append(_compared(problem, seeds, divisions, own, keys))
    facts = machine() | {"seeds": len(seeds), "divisions": divisions, "keys": keys, "quick": options.quick}
    if options.json:
        write_json(options.json, facts | {"problems": [one.to_dict() for one in found]})
    print(", ".join(f"{name} {value}" for name, value in facts.items()) + "\n")
    print(table(found))
    return int(not options.quick and any(one.is_worse or one.learns_from_noise for one in found))


def _parsed(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "python -m trainhouse.benchmarks quality",
        description="Compare what the default model learns from small data with models of scikit-learn.",
    )
    parser.add_argument("keys", nargs="*", help="overrides of train.py to try other defaults, as trainer.max_epochs=20")
    parser.add_argument("--seeds", type=int, default=5, help="splits of each data set")
    parser.add_argument(
        "--divisions",
        type=int,
        default=3,
        help="of the rows of each split, into those that train and those that validate; its score is their mean",
    )
    parser.add_argument(
        "--quick", action="store_true", help="few rows and epochs: shows that it works, compares nothing"
    )
    parser.add_argument("--json", type=Path, help="file of all scores")
    options = parser.parse_args(arguments)
    if options.seeds < 2:
        sys.exit(f"error: --seeds: expected a whole number from 2 up, got {options.seeds}")
    if options.divisions < 1:
        sys.exit(f"error: --divisions: expected a whole number from 1 up, got {options.divisions}")
    return options


def _small(problem: Problem) -> Problem:
    return Problem(problem.name, problem.x[:120], problem.y[:120] % 2 if problem.is_classes else problem.y[:120])


def _compared(problem: Problem, seeds: range, divisions: int, folder: Path, keys: list[str]) -> Compared:
    started = time.perf_counter()
    each = range(divisions)
    ours = [np.mean([train_default(problem, seed, part, folder, False, keys) for part in each]) for seed in seeds]
    seconds = (time.perf_counter() - started) / (len(seeds) * divisions)
    shuffled = [train_default(problem, seed, 0, folder / "shuffled", True, keys) for seed in seeds]
    others = {
        name: [
            np.mean([train_other(name, problem, seed, part) for part in (each if name == MLP else each[:1])])
            for seed in seeds
        ]
        for name in OTHERS
    }
    chance = []
    for seed in seeds:
        _, y, _, test_y = problem.divided(seed)
        chance.append(problem.chance(y, test_y))
    return Compared(
        name=problem.name,
        measure="accuracy" if problem.is_classes else "R2",
        test_rows=round(len(problem.y) * 0.3),
        ours=np.array(ours),
        others={name: np.array(scores) for name, scores in others.items()},
        yardsticks=YARDSTICKS,
        shuffled=np.array(shuffled),
        chance=np.array(chance),
        seconds=seconds,
    )
