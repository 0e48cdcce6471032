"""A promotion that is killed again and again, at moments that nobody chose, leaves one model with its own record.

CHAOS_SECONDS=600 CHAOS_SEED=5 python -m pytest -n 0 -s -m slow trainhouse/tests/chaos
"""

import hashlib
import json
import os
import random
import signal
import time
import zipfile
from pathlib import Path

import pytest

from trainhouse.tests.chaos.test_chaos import SECONDS, say
from trainhouse.tests.started import Started
from trainhouse.tests.tiny import fake_run

WEIGHT = 4 * 2**20  # bytes: a copy takes long enough to be killed in


def better_run(folder: Path, number: int, chance: random.Random) -> Path:
    """Make the run that is the best one from now on, with weights of its own."""
    run = fake_run(folder / "runs" / f"{number:04d}", {"val/loss": 1 / (number + 1)})
    with zipfile.ZipFile(run / "checkpoints" / "best_model.ckpt", "w") as archive:
        archive.writestr("weights", chance.randbytes(WEIGHT))
    return run


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform has no process groups")
def test_a_promotion_killed_at_random_moments_is_repaired_by_the_same_command(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    seed = int(os.environ.get("CHAOS_SEED", time.time_ns() % 10**6))
    say(capfd, f"CHAOS_SEED={seed}")
    chance = random.Random(seed)
    final = tmp_path / "checkpoints" / "final_model.ckpt"
    kills = begun = promotions = 0
    longest = 2.0
    end = time.monotonic() + SECONDS / 4
    while time.monotonic() < end or not promotions:
        run = better_run(tmp_path, promotions, chance)
        before = final.read_bytes() if final.exists() else None
        while True:
            started = time.monotonic()
            with Started("select_best_model.py", "runs=runs", cwd=tmp_path) as process:
                until = started + chance.uniform(0, longest)
                while not process.ended and time.monotonic() < until:
                    time.sleep(0.001)
                if not process.ended:
                    process.send(signal.SIGKILL)
                if process.status() != 128 + signal.SIGKILL:
                    assert (process.status(), process.stderr) == (0, ""), process.stdout
                    longest = 1.4 * (time.monotonic() - started)
                    break
            kills += 1
            content = final.read_bytes() if final.exists() else None
            assert content in (before, (run / "checkpoints" / "best_model.ckpt").read_bytes())
            begun += any(final.parent.glob(".tmp-*")) or content != before
        promotions += 1
        record = json.loads(final.with_suffix(".json").read_text())
        assert (record["run"], record["metrics"]) == (f"runs/{run.name}", {"val/loss": 1 / promotions})
        assert record["sha256"] == hashlib.sha256(final.read_bytes()).hexdigest()
        assert final.read_bytes() == (run / "checkpoints" / "best_model.ckpt").read_bytes()
        assert sorted(path.name for path in final.parent.iterdir()) == ["final_model.ckpt", "final_model.json"]
    say(capfd, f"kills survived: {kills}, of them while files were written: {begun}, promotions: {promotions}")
    assert kills > 0
