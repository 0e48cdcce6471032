"""A compiled network trains, and leaves a checkpoint that knows nothing of it; without a compiler nothing begins."""

from pathlib import Path

import pytest
import torch

from trainhouse.checkpoints.checkpoint import load_checkpoint
from trainhouse.configuration.errors import UserError
from trainhouse.tests.conftest import composed
from trainhouse.training import compiling
from trainhouse.training.train import train


def test_without_a_compiler_the_run_ends_before_it_begins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(UserError, match=r"^compile: .* CXX names no-such-compiler"):
        train(composed("compile=true", "trainer=cpu", "trainer.max_epochs=1"), tmp_path / "run")
    assert not (tmp_path / "run/checkpoints").exists()


def test_the_network_is_compiled_and_its_weights_keep_their_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled: list[object] = []
    monkeypatch.setattr(torch.nn.Module, "compile", lambda network: compiled.append(network))
    train(composed("compile=true", "trainer=cpu", "trainer.max_epochs=1"), tmp_path / "run")
    assert len(compiled) == 1
    train(composed("trainer=cpu", "trainer.max_epochs=1"), tmp_path / "plain")
    names = [load_checkpoint(tmp_path / run / "checkpoints/last.ckpt").state_dict.keys() for run in ("run", "plain")]
    assert names[0] == names[1]


@pytest.mark.slow
def test_a_really_compiled_run_learns_what_a_plain_one_learns(tmp_path: Path) -> None:
    if compiling.shutil.which("g++") is None:
        pytest.skip("needs a C++ compiler")
    options = ("trainer=cpu", "trainer.max_epochs=2", "model.dropout=0")  # which draws otherwise when compiled
    plain, compiled = (
        train(composed(*options, f"compile={flag}"), tmp_path / flag).metrics["val/loss"] for flag in ("false", "true")
    )
    assert compiled == pytest.approx(plain, rel=1e-3)
