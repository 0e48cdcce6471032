"""What is typed and read by nobody is refused by name: a module of one's own makes its own optimizers."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hydra.core.hydra_config import HydraConfig

from trainhouse.configuration import schema
from trainhouse.configuration.errors import UserError
from trainhouse.configuration.settings import Train
from trainhouse.training.unread import refuse_unread

Typed = Callable[..., Train]


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("optimizer.lr=1", "optimizer.lr: Segmentation makes its own optimizers; set model.lr=1"),
        ("++optimizer.lr=1", "optimizer.lr: Segmentation makes its own optimizers; set model.lr=1"),
        (
            "optimizer.betas=[0.5,0.9]",
            "optimizer.betas: Segmentation makes its own optimizers; what Segmentation takes",
        ),
        ("optimizer=sgd", "optimizer: Segmentation makes its own optimizers; what Segmentation takes is in model"),
        ("scheduler=cosine", "scheduler: Segmentation makes its own schedules; what Segmentation takes is in model"),
        ("loss=mse", "loss: Segmentation makes its own loss; what Segmentation takes is in model"),
        ("module._target_=x", "module._target_: Segmentation makes its own steps; what Segmentation takes is in model"),
    ],
)
def test_a_key_that_a_module_of_ones_own_does_not_read_is_refused(override: str, message: str, typed: Typed) -> None:
    config = typed("experiment=segmentation", override)
    with pytest.raises(UserError) as refused:
        refuse_unread(config, has_own_module=True)
    assert str(refused.value).startswith(message)


@pytest.mark.parametrize(
    "overrides", [["model.lr=1"], ["seed=3", "data.rows=50", "trainer.max_epochs=2"], ["callbacks.early_stopping=null"]]
)
def test_what_everybody_reads_is_taken(overrides: list[str], typed: Typed) -> None:
    refuse_unread(typed("experiment=segmentation", *overrides), has_own_module=True)


def test_a_module_that_compiles_itself_is_not_compiled_once_more(typed: Typed) -> None:
    config = typed("experiment=segmentation", "compile=true", "+model.compile=true")
    with pytest.raises(UserError, match=r"^compile: Segmentation compiles itself; set model.compile=true and compile="):
        refuse_unread(config, has_own_module=True)
    refuse_unread(typed("experiment=segmentation", "compile=true"), has_own_module=True)


def test_the_module_around_a_plain_network_reads_all_of_it(typed: Typed) -> None:
    refuse_unread(typed("optimizer.lr=1", "scheduler=cosine", "loss=mse", "compile=true"), has_own_module=False)


def test_a_group_that_the_model_refers_to_is_read(typed: Typed) -> None:
    options = ["experiment=segmentation", "optimizer.lr=0.5"]
    refuse_unread(typed(*options, "model.lr=${optimizer.lr}"), has_own_module=True)
    with pytest.raises(UserError, match=r"^optimizer\.lr: "):
        refuse_unread(typed(*options, "model.lr=${trainer.max_epochs}"), has_own_module=True)


def test_a_reference_in_the_file_of_the_model_counts_too(
    typed: Typed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = typed("experiment=segmentation", "optimizer.lr=0.5")
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "segmentation.yaml").write_text("lr: 0.1\noptimizer: ${optimizer}\n")
    monkeypatch.setattr(schema, "CONF", tmp_path)
    refuse_unread(config, has_own_module=True)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "optimizer:\n  lr: 0.5\n",
            "experiment/segmentation.yaml: optimizer.lr: Segmentation makes its own optimizers; set ",
        ),
        (
            "defaults:\n  - override /scheduler: cosine\n",
            "experiment/segmentation.yaml: scheduler: Segmentation makes its own ",
        ),
        (
            "loss: {name: mse}\n",
            "experiment/segmentation.yaml: loss.name: Segmentation makes its own loss; what Segmentation ",
        ),
        ("# ${optimizer}\noptimizer:\n  lr: 0.5\n", None),
        ("trainer:\n  max_epochs: 5\nmodel:\n  lr: 0.5\n", None),
    ],
)
def test_what_the_file_of_an_experiment_sets_counts_as_typed(
    content: str, message: str | None, typed: Typed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = typed("experiment=segmentation")
    (tmp_path / "experiment").mkdir()
    path = tmp_path / "experiment" / "segmentation.yaml"
    path.write_text(f"# @package _global_\n{content}")
    monkeypatch.setattr(schema, "CONF", tmp_path)
    if message is None:
        refuse_unread(config, has_own_module=True)
        return
    with pytest.raises(UserError) as refused:
        refuse_unread(config, has_own_module=True)
    assert message in str(refused.value)


def test_outside_of_hydra_nothing_was_typed(typed: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
    config = typed("experiment=segmentation", "optimizer.lr=0.5")
    monkeypatch.setattr(HydraConfig.instance(), "cfg", None)
    refuse_unread(config, has_own_module=True)
