"""A key that no file in conf/ lists, though the class takes it; and a file of callbacks that names none of them."""

import subprocess
import sys

import pytest

from trainhouse.configuration.errors import UserError
from trainhouse.configuration.schema import CONF, check_keys
from trainhouse.launching.compose_errors import explain
from trainhouse.tests.common import ROOT, composed


def explained(argument: str) -> str:
    key = argument.partition("=")[0]
    return explain(ValueError(f"Could not override '{key}'."), CONF, "train", [argument])


@pytest.mark.parametrize(
    ("argument", "hint"),
    [
        (
            "trainer.reload_dataloaders_every_n_epochs=1",
            "; lightning.Trainer takes it: add it as +trainer.reload_dataloaders_every_n_epochs=1",
        ),
        ("optimizer.amsgrad=true", "; torch.optim.Adam takes it: add it as +optimizer.amsgrad=true"),
        ("trainer.max_epoch=3", "; did you mean 'trainer.max_epochs'?"),
        ("callbacks.timer={_target_: a.B, x: 1}", "; to add it, type '+callbacks.timer={_target_: a.B, x: 1}'"),
        ("callbacks.ema.decay=0.9", "; the file that has it: callbacks=[default,ema]"),
    ],
)
def test_an_argument_of_the_class_is_added_with_a_plus(argument: str, hint: str) -> None:
    key = argument.partition("=")[0]
    assert explained(argument) == f"'{key}' is not a key of this configuration{hint}"


@pytest.mark.parametrize("argument", ["trainer.max_epoch=3", "trainer.max_epohcs=3", "trainer.devicess=1"])
def test_a_slip_of_one_letter_is_answered_before_anything_that_trains_is_imported(argument: str) -> None:
    code = (
        "import runpy, sys\n"
        f"sys.argv = ['train.py', {argument!r}]\n"
        "try: runpy.run_path('train.py', run_name='__main__')\n"
        "except SystemExit as error: print(error)\n"
        "print('torch' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert "; did you mean 'trainer." in done.stdout, done.stderr
    assert done.stdout.endswith("\nFalse\n")


def test_what_the_hint_says_is_right() -> None:
    config = composed("+trainer.reload_dataloaders_every_n_epochs=1", "+optimizer.amsgrad=true")
    check_keys({**config.plain, "outputs": "outputs"}, "train")
    assert config.trainer.plain["reload_dataloaders_every_n_epochs"] == 1


@pytest.mark.parametrize("group", ["callbacks"])
def test_a_part_without_a_name_of_its_own_gets_a_hint_how_to_get_one(group: str) -> None:
    config = composed()
    config = config.with_values({f"{group}._target_": "src.training.ema.EMA", f"{group}.decay": 0.9})
    with pytest.raises(
        UserError,
        match=rf"^{group}: src\.training\.ema\.EMA needs a name: in its file in conf/{group}/ put the line 'ema:' "
        "above _target_, and indent what follows$",
    ):
        check_keys({**config.plain, "outputs": "outputs"}, "train")
