"""A configuration from a file may name what is of the kind that its place asks for, by whatever name it tries."""

import pytest
import torch
from omegaconf import OmegaConf

from trainhouse.configuration.errors import UserError
from trainhouse.tests.targets.own import check


@pytest.mark.parametrize(
    ("part", "node"),
    [
        ("model", {"_target_": "torch.nn.Linear", "in_features": 1}),
        ("model", {"_target_": "src.models.linear.Linear"}),
        ("model", {"_target_": "src.models.cnn.CNN", "act": {"_target_": "torch.nn.ReLU"}}),
        ("model", {"hidden_sizes": [64, 32], "dropout": None}),
        ("data", {"_target_": "trainhouse.arrays.npy.read_npy", "features": "os.system"}),
        ("optimizer", {"_target_": "torch.optim.Adam", "_partial_": True, "betas": [0.9, 0.99]}),
        ("scheduler", {"_target_": "src.training.schedules.cosine", "_partial_": True}),
        ("scheduler", {"_target_": "torch.optim.lr_scheduler.ReduceLROnPlateau"}),
        ("trainer", {"_target_": "lightning.Trainer"}),
        ("callbacks", {"a": {"_target_": "lightning.pytorch.callbacks.EarlyStopping"}, "b": None}),
        ("callbacks", {"_target_": "trainhouse.training.callbacks.LastCheckpoint"}),
        ("logger", {"_target_": "lightning.pytorch.loggers.TensorBoardLogger"}),
        ("model", {"_target_": "src.models.cnn.CNN", "layers": [{"_target_": "torchmetrics.Accuracy"}]}),
        ("loss", {"_target_": "torch.nn.HuberLoss"}),
        ("metrics", {"acc": {"_target_": "torchmetrics.Accuracy", "task": "binary"}}),
        ("model", {"_target_": "src.models.cnn.CNN", "net": {"_target_": "torch.nn.Linear", "_args_": [1, 2]}}),
        ("model", {"_target_": "src.models.cnn.CNN", "_convert_": "all", "_recursive_": False}),
        ("model", []),
        ("seed", 3),
    ],
)
def test_what_the_project_itself_writes_passes(part, node):
    check(node, part)


@pytest.mark.parametrize(
    ("part", "name"),
    [
        *(("model", name) for name in ["os.system", "builtins.open", "builtins.eval", "torch.load", "subprocess.run"]),
        *(
            ("model", name)
            for name in ["hydra.utils.instantiate", "trainhouse.machine.files.write_json", "srcx.models.Net"]
        ),
        *(("model", name) for name in ["", 7, None, ["torch.nn.Linear"]]),
        # Of the right package, and not what stands there.
        ("model", "torch.nn.functional.relu"),
        ("model", "torch.nn.attention._fa4.register_flash_attention_fa4"),
        ("model", "torch.nn.Module.apply"),
        ("data", "trainhouse.arrays.order.mix"),
        ("data", "src.models.linear.Linear"),
        ("data", "torch.nn.Linear"),
        ("model", "trainhouse.arrays.datamodule.DataModule"),
        ("model", "lightning.pytorch.callbacks.EarlyStopping"),
        ("model", "torch.optim.Adam"),
        ("module", "src.models.linear.Linear"),
        ("optimizer", "torch.nn.Linear"),
        ("optimizer", "torch.optim.lr_scheduler.StepLR"),
        ("scheduler", "torch.optim.Adam"),
        ("loss", "torchmetrics.Accuracy"),
        ("loss", "torch.nn.functional.mse_loss"),
        ("metrics", "torch.nn.Linear"),
        ("scheduler", "src.training.losses.mse"),
        ("trainer", "lightning.pytorch.strategies.Strategy.load_checkpoint"),
        ("trainer", "lightning.pytorch.trainer.trainer.Trainer.fit"),
        ("callbacks", "torch.optim.Adam"),
        ("callbacks", "src.models.linear.Linear"),
        ("callbacks", "trainhouse.checkpoints.writing.AtomicCheckpointIO"),
        ("logger", "lightning.pytorch.loggers.csv_logs.ExperimentWriter"),
        ("seed", "torch.nn.Linear"),
    ],
)
def test_what_is_not_of_the_kind_that_its_place_asks_for_is_refused_with_its_file_and_key(part, name):
    with pytest.raises(UserError) as refused:
        check({"_target_": name}, part)
    assert str(refused.value).startswith(f"best.ckpt: {part}._target_ is {name!r}; a file may only name ")


@pytest.mark.parametrize(
    ("part", "name", "real"),
    [
        ("data", "trainhouse.arrays.npy.np.load", "numpy.load"),
        ("data", "trainhouse.arrays.array_file.os.system", "posix.system"),
        ("data", "trainhouse.tables.stored_rows.atomic_write", "trainhouse.machine.files.atomic_write"),
        ("data", "trainhouse.arrays.datamodule.L.Trainer", "lightning.pytorch.trainer.trainer.Trainer"),
        ("model", "torch.nn.functional.torch.load", "torch.serialization.load"),
    ],
)
def test_an_alias_inside_an_allowed_package_is_refused_for_what_it_stands_for(part, name, real):
    with pytest.raises(UserError) as refused:
        check({"_target_": name}, part)
    message = str(refused.value)
    assert message.startswith(f"best.ckpt: {part}._target_ is '{name}'; a file may only name")
    assert message.endswith(f"and this is really '{real}'")


@pytest.mark.parametrize(
    ("node", "key"),
    [
        ({"_target_": "torch.nn.Linear", "act": {"_target_": "os.system"}}, "model.act._target_"),
        ({"layers": [{"_target_": "torch.nn.ReLU"}, {"_target_": "os.system"}]}, "model.layers[1]._target_"),
        ({"a": {"b": [[{"c": {"_target_": "os.system"}}]]}}, "model.a.b[0][0].c._target_"),
        ([{"_target_": "os.system"}], "model[0]._target_"),
    ],
)
def test_a_nested_target_is_refused_with_the_key_where_it_stands(node, key):
    with pytest.raises(UserError) as refused:
        check(node)
    assert str(refused.value).startswith(f"best.ckpt: {key} is 'os.system'; ")


@pytest.mark.parametrize(
    ("node", "message"),
    [
        ({"x": "${oc.create:{_target_:os.system}}"}, "model.x is .*; a file may hold no interpolation"),
        ({"x": ["a ${b}"]}, r"model.x\[0\] is .*; a file may hold no interpolation"),
        ({"_target_": "${x}"}, "a file may only name"),
        ({"x": ({"_target_": "os.system"},)}, "model.x is a tuple; a file may hold plain values only"),
        ({"x": {1.5: 2}}, "model.x is a dict; a file may hold plain values only"),
        ({"x": torch.zeros(1)}, "model.x is a Tensor; a file may hold plain values only"),
        ({"x": OmegaConf.create({"_target_": "os.system"})}, "model.x is a DictConfig; a file may hold"),
        ({"_target_": "torch.nn.Linear", "_args_": [1]}, "model._args_ may not stand in a file"),
        ({"net": {"_target_": "torch.nn.ReLU", "_args_": [{"_target_": "os.system"}]}}, "_args_.*a file may only name"),
    ],
)
def test_what_is_not_plain_data_is_refused(node, message):
    with pytest.raises(UserError, match=message):
        check(node)
