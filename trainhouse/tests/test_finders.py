"""What a run is trained with stands in its configuration: a callback that chooses it afterwards is refused by name."""

from pathlib import Path
from typing import Any

import pytest
from lightning.pytorch.callbacks import BatchSizeFinder, LearningRateFinder

from trainhouse.configuration.errors import UserError
from trainhouse.resuming.exact_resume import ExactResume
from trainhouse.tests.tiny import CLASSES, tiny_config, tiny_data, tiny_module, tiny_trainer
from trainhouse.training.train import train


class Later(BatchSizeFinder):
    """A user's own kind."""


@pytest.mark.parametrize(
    ("target", "name"),
    [
        (f"{__name__}.Later", "data.batch_size"),
    ],
)
def test_a_callback_that_chooses_what_the_configuration_says_is_refused(target: str, name: str, tmp_path: Path) -> None:
    config = tiny_config(tmp_path / "rows.npy", f"+callbacks.find._target_={target}")
    with pytest.raises(UserError) as refused:
        train(config, tmp_path / "run")
    assert str(refused.value).startswith(f"callbacks.find: {target.rpartition('.')[2]} trains with a ")
    assert str(refused.value).endswith(f", and set {name}")
    assert not (tmp_path / "run/config.yaml").exists()


@pytest.mark.parametrize("finder", [BatchSizeFinder, LearningRateFinder])
def test_one_of_a_modules_own_is_refused_before_it_searches(
    finder: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tiny_data(CLASSES)
    module = tiny_module(data)
    monkeypatch.setattr(type(module), "configure_callbacks", lambda _: [finder()])
    trainer = tiny_trainer(tmp_path, ExactResume(0, data.cursor), checkpoints=True)
    with pytest.raises(UserError, match=rf"^Module\.configure_callbacks: {finder.__name__} trains with"):
        trainer.fit(module, data)
