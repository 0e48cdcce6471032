"""Runs a script without a file of trainhouse/fast: python -m trainhouse.benchmarks.started.without <file> <script>"""

import runpy
import sys

from trainhouse.benchmarks.processes import ROOT
from trainhouse.configuration import speed


def main(missing: str, script: str, arguments: list[str]) -> None:
    """Run `script` with `arguments`, as if trainhouse/fast had no such file."""
    asked = speed.fast
    speed.fast = lambda name: None if name == missing else asked(name)
    sys.argv = [str(ROOT / script), *arguments]
    runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
