"""What a rank has met by itself, and what it only sees of another one that has ended."""

import json
import os
import signal
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from trainhouse.launching.job_ranks import outcome_of
from trainhouse.machine import rank_processes
from trainhouse.machine.rank_processes import RankProcesses
from trainhouse.training import failed_ranks
from trainhouse.training.failed_ranks import forget_failures, whose_fault


@pytest.fixture(autouse=True)
def _signals(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(failed_ranks, "_SECONDS", 0.0)
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def trainer(rank: int = 0, port: int = 29500) -> Any:
    strategy = SimpleNamespace(launcher=None, cluster_environment=SimpleNamespace(main_port=port))
    batches = SimpleNamespace(batch_progress=SimpleNamespace(current=SimpleNamespace(ready=8)))
    place = {"current_epoch": 0, "global_step": 7, "fit_loop": SimpleNamespace(epoch_loop=batches)}
    return SimpleNamespace(world_size=2, global_rank=rank, strategy=strategy, **place)


def raised_in(module: str, line: str) -> RuntimeError:
    scope: dict[str, Any] = {"__name__": module}
    exec("def fail(line):\n    raise RuntimeError(line)", scope)
    with pytest.raises(RuntimeError) as met:
        scope["fail"](line)
    return met.value


@pytest.mark.parametrize(
    ("module", "line", "said"),
    [
        ("src.data.cells", "my process group of cells is empty", "my process group of cells is empty"),
        ("src.data.cells", "Connection reset by the label server", "Connection reset by the label server"),
        ("torch.utils.data.dataloader", "DataLoader timed out after 5 seconds", "data.worker_timeout"),
    ],
)
def test_an_error_of_its_own_is_not_laid_on_another_rank(module: str, line: str, said: str, tmp_path: Path) -> None:
    error = raised_in(module, line)
    raised, recorded = whose_fault(error, trainer(), tmp_path, 600)
    assert raised is error
    assert str(recorded).startswith("rank 0 on ")
    assert said in str(recorded)


def test_what_torch_says_of_another_is_laid_on_that(tmp_path: Path) -> None:
    error = raised_in("torch.distributed.distributed_c10d", "[pair.cc:553] Connection closed by peer [127.0.0.1]:4242")
    assert "rank 1 of 2 exited" in str(whose_fault(error, trainer(), tmp_path, 600)[1])


def test_what_a_rank_has_said_counts_for_its_own_start_alone(tmp_path: Path) -> None:
    for port in (1, 2):
        whose_fault(ValueError(f"of {port}"), trainer(1, port), tmp_path, 600)
        forget_failures(tmp_path, trainer(0, 1))
        notes = [json.loads(path.read_text())["error"] for path in tmp_path.glob(".failed_rank_*")]
        assert notes == ["ValueError: of 1"] * (port == 1)


def test_what_all_ranks_say_is_said_by_the_first(tmp_path: Path) -> None:
    error = raised_in("torch.nn.parallel", "parameters that were not used in producing the loss")
    raised, recorded = whose_fault(error, trainer(), tmp_path, 600)
    assert raised is error
    assert "type trainer.strategy=ddp_find_unused_parameters_true" in str(recorded)
    assert isinstance(whose_fault(error, trainer(1), tmp_path, 600)[0], SystemExit)


ASKED = """
import signal, sys, time
count = 0
def add(*_):
    global count
    count += 1
    open(sys.argv[1], "w").write(str(count))
signal.signal(signal.SIGTERM, add)
open(sys.argv[1] + ".ready", "w")
end = time.monotonic() + 30
while time.monotonic() < end:
    time.sleep(0.01)
"""


def test_ranks_that_are_left_are_asked_to_end_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rank_processes, "_TO_END", 0.5)
    seen = tmp_path / "seen"
    code = "import os, time\nwhile not os.path.exists(sys.argv[1] + '.ready'): time.sleep(0.01)\nsys.exit(1)"
    code = f"import os, sys\nif os.environ['LOCAL_RANK'] == '0':\n    exec({code!r})\nexec({ASKED!r})"
    processes = RankProcesses([sys.executable, "-c", code, str(seen)], 2, os.environ, tmp_path)
    processes.wait(lambda: None)
    assert processes.first_failed == 0
    assert seen.read_text() == "1"


def test_a_job_that_is_done_says_which_rank_has_failed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "answer-0.json").write_text(json.dumps([0.5, "", False]))
    (tmp_path / "answer-1.json").write_text(json.dumps([None, "disk full", False]))
    processes: Any = SimpleNamespace(first_failed=1)
    assert outcome_of(tmp_path, processes, tmp_path, []) == 0.5
    assert "rank 1: disk full" in caplog.text


def test_a_rank_that_is_lost_is_named_with_its_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failed_ranks, "_hosts", ["node1", "node2"])
    error = raised_in("torch.distributed.distributed_c10d", "[pair.cc:553] Connection closed by peer [127.0.0.1]:4242")
    assert "rank 1 of 2 on node2 exited" in str(whose_fault(error, trainer(), tmp_path, 600)[1])


def test_that_all_wait_is_laid_on_the_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failed_ranks, "_hosts", ["node1", "node2"])
    error = raised_in("torch.distributed.distributed_c10d", "Timed out waiting 20000ms for recv operation to complete")
    whose_fault(error, trainer(1), tmp_path, 20)
    line = str(whose_fault(error, trainer(0), tmp_path, 20)[1])
    assert "all 2 ranks waited for one another for rank_timeout=20 s, in epoch 1, after step 7; is the network" in line


@pytest.mark.parametrize(("status", "kept"), [("running", "failed"), ("completed", "completed")])
def test_another_rank_records_the_failure_of_a_first_that_is_lost(status: str, kept: str, tmp_path: Path) -> None:
    (tmp_path / "metrics.json").write_text(json.dumps({"status": status}))
    error = raised_in("torch.distributed.distributed_c10d", "[pair.cc:553] Connection closed by peer [127.0.0.1]:4242")
    whose_fault(error, trainer(1), tmp_path, 600)
    content = json.loads((tmp_path / "metrics.json").read_text())
    assert content["status"] == kept
    assert ("rank 0 of 2 exited" in content.get("error", "")) == (kept == "failed")
