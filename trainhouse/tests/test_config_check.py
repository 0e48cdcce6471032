"""A value out of its range ends the program before anything is built, with its key and what was expected."""

import math
from typing import Any

import pytest
from omegaconf import OmegaConf

from trainhouse.configuration.config import OPEN, checked
from trainhouse.configuration.dotted import at
from trainhouse.configuration.errors import UserError
from trainhouse.configuration.settings import OF_COMMAND, check_values, keys
from trainhouse.configuration.values import expected, fits

WHOLE_FROM_0 = ([0, 5], [-1, 1.5, True, "3", None])
WHOLE_FROM_1 = ([1, 5], [0, 2.0, False, "3", None])
FROM_0 = ([0, 0.5, 7], [-0.1, math.nan, math.inf, True, "1", None])
ABOVE_0 = ([1e-9, 3], [0, -1.0, math.nan, "1e-3", None])
TEXT = (["text"], ["", 3, None])
SHARE = ([0, 1, 500, 0.0, 0.5, 1.0], [-1, -0.1, 1.5, 2.0, "abc", None, True, math.nan])
FLAG = ([True, False], [0, 1, "true", None])
AUTO = ([True, False, "auto"], [0, 1, "true", None])
SEED = ([0, 2**32 - 1], [-1, 2**32, 0.5, "0", None])

# Of each key: values that are taken, and values that are refused.
VALUES: dict[str, tuple[list[Any], list[Any]]] = {
    "name": (["run", "a b", "..x"], ["", ".", "..", "a/b", "a\\b", "a=b", "a:b", "a,b", 3, None]),
    "seed": SEED,
    "monitor": (["val/acc", None], ["", 3]),
    "mode": (["min", "max", None], ["minimum", 1, "", True]),
    "data.batch_size": WHOLE_FROM_1,
    "data.num_workers": WHOLE_FROM_0,
    "data.worker_timeout": FROM_0,
    "data.split": (
        [[0.8, 0.1, 0.1], [1, 0, 0], [0.6, 0.4, 0.0]],
        [[0.8, 0.2], [0, 0.5, 0.5], [0.8, 0.1, 0.2], [1.2, -0.1, -0.1], ["a", 0, 0], [True, 0, 0], 0.8, None],
    ),
    "data.split_seed": SEED,
    "data.fold": ([0, 4, None], [-1, 1.5, "0", True]),
    "data.folds": ([2, 10], [1, 0, 5.0, "5", None]),
    "data.shuffle": (["rows", "blocks"], ["block", True, None]),
    "data.block_rows": WHOLE_FROM_1,
    "data.window_blocks": WHOLE_FROM_1,
    "data.in_memory": AUTO,
    "data.device_resident": AUTO,
    "data.embedding_dim": WHOLE_FROM_0,
    "optimizer.lr": ABOVE_0,
    "optimizer.weight_decay": FROM_0,
    "trainer.max_epochs": ([-1, 1, 20, None], [-2, 0, 1.5, "20", True]),
    "trainer.max_time": (
        ["00:12:00:00", {"minutes": 5}, None],
        [5, "5", "1:2:3:4", "00:00:00:00", {"minutes": -1}, {"minutes": 0}],
    ),
    "trainer.min_epochs": ([1, None], [0, -1, "2"]),
    "trainer.min_steps": ([1, None], [0, -5, 1.5]),
    "trainer.num_nodes": WHOLE_FROM_1,
    "trainer.limit_train_batches": SHARE,
    "trainer.limit_val_batches": SHARE,
    "trainer.limit_test_batches": SHARE,
    "trainer.overfit_batches": SHARE,
    "trainer.val_check_interval": (
        [0.25, 1.0, 1, 500, "00:00:10:00", {"minutes": 3}],
        [0, 0.0, 1.5, -1, "abc", None, True],
    ),
    "trainer.check_val_every_n_epoch": ([1, 5, None], [0, -1, 1.5]),
    "trainer.num_sanity_val_steps": ([-1, 0, 2], [-2, 0.5, None]),
    "trainer.profiler": (["simple", "pytorch", None, {"_target_": "x"}], [5, "smiple", True]),
    "trainer.max_steps": ([-1, 0, 20], [-2, 1.5, None]),
    "trainer.accumulate_grad_batches": WHOLE_FROM_1,
    "trainer.gradient_clip_val": ([0, 1.5, None], [-1, math.nan, "1"]),
    "trainer.log_every_n_steps": WHOLE_FROM_1,
    "trainer.enable_progress_bar": FLAG,
    "callbacks.epoch_checkpoint.every_n_epochs": WHOLE_FROM_1,
    "callbacks.early_stopping.patience": WHOLE_FROM_0,
    "callbacks.early_stopping.min_delta": FROM_0,
    "callbacks.best_checkpoint.save_top_k": ([1, 3, -1], [0, 1.5, None, True]),
    "scheduler.patience": WHOLE_FROM_0,
    "scheduler.min_lr": FROM_0,
    "resume": (["last", "outputs/run", None], ["", 3]),
    "init_from": (["a.ckpt", None], ["", 3]),
    "init_prefix": (["backbone.", None], ["", 3]),
    "compile": ([True, False, {"mode": "default"}, {"dynamic": True}], ["true", 1, None, {}, {"modes": "default"}]),
    "freeze": ([[], ["layers.1.*"], None], ["layers.1.*", [3], 1]),
    "preflight": FLAG,
    "overwrite": FLAG,
    "tags": ([[], ["baseline"], None], ["baseline", [""], [3]]),
    "notes": (["wider", None], ["", 3]),
    "log_gradients": ([True, False, None], [1, "true"]),
    "figures": ([True, False, [], ["roc_curve"]], [0, None, "roc_curve", [1]]),
    "threads": ([1, 8, None], [0, 1.5, "2", True]),
    "rank_timeout": ([1, 600, 0.5, None], [0, -1, "2", True]),
    "split": (["auto", "train", "val", "test", "all"], ["validation", None, 0]),
    "ckpt_path": TEXT,
    "runs": TEXT,
    "outputs": TEXT,
    "metric": (["val/acc", None], ["", 5]),
    "trained_on": (["rows.npy", None], ["", 5]),
    "final_model": TEXT,
    "input": (["rows.csv", None], ["", 3]),
    "output": TEXT,
    "batch_size": WHOLE_FROM_1,
    "accelerator": (["auto", "cpu", "gpu"], ["cpuu", None]),
    "dry_run": FLAG,
    "force": FLAG,
    "predictions": FLAG,
}


# Each key with the settings that it stands in first, and its annotation.
HINTS = {key: (kind, hint) for kind in reversed(OF_COMMAND.values()) for key, hint in keys(kind)}
# Their values are classes of the user's, of the library or of torch.
OPEN_KEYS = {
    key
    for key, (_, hint) in HINTS.items()
    if fits({}, hint) or fits(object(), hint) or any(other.startswith(f"{key}.") for other in HINTS)
} - {"trainer.max_time", "trainer.profiler"}
OF_TORCH = {"optimizer": "torch.optim.Adam", "scheduler": "torch.optim.lr_scheduler.ReduceLROnPlateau"}


def node_of(key: str, value: Any) -> dict[str, Any]:
    for name in reversed(key.split(".")):
        value = {name: value}
        if name in OF_TORCH:
            value[name]["_target_"] = OF_TORCH[name]
    return value


def check(key: str, value: Any) -> dict[str, Any]:
    if key not in HINTS:
        return checked(OmegaConf.create(node_of(key, value)))
    check_values(node_of(key, value), HINTS[key][0])
    return node_of(key, value)


def test_every_key_has_its_row_in_the_table():
    assert VALUES.keys() == HINTS.keys() - OPEN_KEYS


def test_an_optimizer_of_the_users_own_checks_its_rate_itself():
    check_values({"optimizer": {"_target_": "src.training.own.Own", "lr": None}}, OF_COMMAND["train"])


@pytest.mark.parametrize("key", VALUES)
def test_a_value_in_its_range_is_returned_as_it_is(key):
    for value in VALUES[key][0]:
        found = at(check(key, value), key)
        assert found == value
        assert type(found) is type(value)


@pytest.mark.parametrize("key", VALUES)
def test_a_value_out_of_its_range_is_refused_with_its_key_and_what_is_expected(key):
    for value in VALUES[key][1]:
        with pytest.raises(UserError) as refused:
            check(key, value)
        assert str(refused.value) == f"{key}: expected {expected(HINTS[key][1])}, got {value!r}"


@pytest.mark.parametrize("node", [{"data": None}, {"data": {}}, {"data": {"augmentation": None}}, {}])
def test_a_key_that_is_not_there_is_not_checked(node):
    assert checked(OmegaConf.create(node)).plain == node


def test_a_value_that_must_be_given_is_named_as_it_is_typed():
    with pytest.raises(UserError, match=r"^data\.file: required; add data\.file=\.\.\. to the command$"):
        check("data.file", "???")


@pytest.mark.parametrize(
    ("value", "reason"),
    [("${nowhere.at_all}", "nowhere.at_all"), ("${no_such_resolver:1}", "no_such_resolver")],
)
def test_a_reference_to_nothing_is_named_with_its_key_in_one_line(value, reason):
    with pytest.raises(UserError, match=rf"^optimizer\.lr: .*{reason}") as refused:
        check("optimizer.lr", value)
    assert "\n" not in str(refused.value)


def test_references_are_resolved_before_values_are_checked():
    assert checked(OmegaConf.create({"seed": 3, "data": {"split_seed": "${seed}"}})).data.plain == {"split_seed": 3}
    with pytest.raises(UserError, match=r"^data\.batch_size: .* got 0$"):
        checked(OmegaConf.create({"nothing": 0, "data": {"batch_size": "${nothing}"}}))


def test_the_model_may_leave_values_open_for_the_data_to_fill_in():
    model = {"size": "???", "part": {"width": "???", "depth": "${depth}"}, "list": [1]}
    found = checked(OmegaConf.create({"depth": 3, "model": model})).model.plain
    assert found == {"size": OPEN, "part": {"width": OPEN, "depth": 3}, "list": [1]}


def test_the_keys_of_a_datamodule_of_ones_own_have_ranges_of_their_own():
    own = {"_target_": "mine.Data", "batch_size": "auto", "split": "by date"}
    assert checked(OmegaConf.create({"data": own})).data.plain == own
    arrays = {"_target_": "src.data.fake.read_fake", "split_seed": 0, "augmentation": None, "embedding_dim": 0}
    with pytest.raises(UserError, match=r"^data\.batch_size: expected a whole number from 1 up, got 'auto'$"):
        checked(OmegaConf.create({"data": {**arrays, "split": [0.8, 0.1, 0.1], "batch_size": "auto"}}))
