"""Runs train.py up to its first step: python -m trainhouse.benchmarks.started.first_step <file> <arguments of train.py>

Writes the time at which the step begins to the file, in seconds since the epoch, and ends at once. A step of
the preflight is none.
"""

import os
import runpy
import sys
import time
from pathlib import Path
from typing import Any

from trainhouse.benchmarks.processes import ROOT
from trainhouse.machine.garbage import search_rarely


def main(file: Path, arguments: list[str]) -> None:
    """Run train.py with `arguments` until it trains."""
    search_rarely()  # as train.py does before torch is loaded, which is here
    from trainhouse import train  # noqa: F401
    from trainhouse.configuration.older_versions import MODULE
    from trainhouse.configuration.targets import locate

    module_class = locate(MODULE["_target_"], "module")
    step = module_class.training_step

    def training_step(module: Any, batch: Any, batch_idx: int) -> object:
        if module.trainer.fast_dev_run:
            return step(module, batch, batch_idx)
        file.write_text(repr(time.time()))
        os._exit(0)

    module_class.training_step = training_step
    sys.argv = [str(ROOT / "train.py"), *arguments]
    runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
