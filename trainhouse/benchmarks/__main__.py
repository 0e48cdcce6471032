"""Measure: python -m trainhouse.benchmarks [names...] [--repeats 5] [--quick] [--json FILE].

`python -m trainhouse.benchmarks quality` compares what is learned, not how fast; `... scaling` splits a step of ranks.
"""

import argparse
import signal
import sys
import tempfile
import time
import traceback
import warnings
from pathlib import Path

from trainhouse.benchmarks.lab import Lab
from trainhouse.benchmarks.measuring import Row, selected
from trainhouse.benchmarks.outcome_table import Outcome, machine, table, write_results
from trainhouse.benchmarks.processes import SkippedError
from trainhouse.benchmarks.rows import ROWS

QUALITY, SCALING = "quality", "scaling"
_RESULTS = Path(__file__).parent / "results.json"


def main(arguments: list[str] | None = None) -> int:
    """Measure the rows that are asked for and print them; returns 1 if one failed.

    They are written if a file is named, or if they are all there are.
    """
    words = sys.argv[1:] if arguments is None else arguments
    if words[:1] == [QUALITY]:
        return _compared(words[1:])
    if words[:1] == [SCALING]:
        from trainhouse.benchmarks.scaling.__main__ import main as split_steps

        return split_steps(words[1:])
    options = _parsed(arguments)
    if options.repeats < 1:
        sys.exit(f"error: --repeats: expected a whole number from 1 up, got {options.repeats}")
    if options.json and options.json.is_dir():
        sys.exit(f"error: --json: {options.json} is a folder; name a file")
    try:
        rows = selected(ROWS, options.names)
    except ValueError as error:
        sys.exit(f"error: {error}")
    if options.explain:
        print("\n\n".join(f"{row.name}\n    {row.what}" for row in rows))
        return 0
    warnings.simplefilter("ignore")  # the commands say theirs to their users
    facts = machine() | {"repeats": options.repeats, "quick": options.quick}
    outcomes: list[Outcome] = []
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as folder:
        lab = Lab(Path(folder).resolve(), options.repeats, options.quick)
        for row in rows:
            print(f"{row.name} ...", file=sys.stderr, flush=True)
            outcomes.append(_measured(row, lab))
            if options.json:
                write_results(options.json, outcomes, facts)  # of a run that is interrupted, what it had
    print(", ".join(f"{name} {value}" for name, value in facts.items()) + "\n")
    print(table(outcomes))
    return int(any(outcome.problem.startswith("failed") for outcome in outcomes))


def _parsed(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "python -m trainhouse.benchmarks", description="Measure the project against yardsticks."
    )
    parser.add_argument("names", nargs="*", help="rows to measure, by the beginnings of their names; default: all")
    parser.add_argument("--repeats", type=int, default=5, help="pairs of measurements; the table shows medians")
    parser.add_argument("--quick", action="store_true", help="small sizes: shows that it works, measures nothing")
    parser.add_argument(
        "--json", type=Path, help="file of the results; of all rows trainhouse/benchmarks/results.json unless named"
    )
    parser.add_argument("--explain", action="store_true", help="say what the rows are, and measure nothing")
    options = parser.parse_args(arguments)
    if options.json is None and not options.names and not options.quick:
        options.json = _RESULTS
    return options


def _measured(row: Row, lab: Lab) -> Outcome:
    """Measure one row; a failure is noted, and the others are measured all the same."""
    started = time.perf_counter()
    try:
        samples = row.measure(lab)
    except SkippedError as error:
        return Outcome(row, None, str(error))
    except Exception as error:
        traceback.print_exc()
        return Outcome(row, None, f"failed: {(str(error).splitlines() or [type(error).__name__])[-1]}")
    return Outcome(row, samples, seconds=time.perf_counter() - started)


def _compared(arguments: list[str]) -> int:
    """Run the comparison of what is learned, which has a table of its own."""
    try:
        from trainhouse.benchmarks.quality.__main__ import main as compare
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "sklearn":
            raise
        sys.exit("error: quality needs scikit-learn: pip install -e '.[dev]'")
    return compare(arguments)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))  # so that the folder is removed
    sys.exit(main())
