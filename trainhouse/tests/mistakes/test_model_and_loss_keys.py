"""Mistakes in the keys of model and loss."""

from trainhouse.tests.mistakes.judging import Judge, Rows, mistakes

ROWS: Rows = [
    ("train.py loss=foo", "loss=foo: no such option (there are: auto, bce, cross_entropy"),
    ("train.py loss.label_smoothing=1", "loss.label_smoothing: expected a number from 0 to below 1"),
    ("train.py model=simplenet", "did you mean 'simple_net'?"),
    ("train.py modle=cnn", "did you mean 'model'?"),
    (
        "train.py 'callbacks=[default,{_target_: lightning.Callback}]'",
        "callbacks: a list has the names of files; add an object under a name: callbacks=[default] '+callbacks.name={_",
    ),
    (
        "train.py 'metrics=[acc,{_target_: torchmetrics.AUROC},{_target_: torchmetrics.AUROC}]'",
        "metrics: auroc stands twice in the list; give one a name: {my_name: {_target_: torchmetrics.AUROC, ...}}",
    ),
    (
        "train.py 'metrics=[acc,{top_k: 2}]'",
        "metrics: {top_k: 2} lacks _target_; an object is written as {_target_",
    ),
    ("train.py 'model={a: 1}'", "model: choose an option, as model=cnn, and give keys by their names"),
    ("train.py cnn", "'cnn': expected key=value, without spaces around =; did you mean model=cnn?"),
    ("train.py optimizer.lr = 0.1", "'optimizer.lr': expected key=value, without spaces around ="),
    ('train.py "name=\'a"', "a quote is not closed"),
    ("train.py -m seed=1,2 --cfg job", "--cfg and --info show the configuration of one run"),
    ("train.py model=[cnn,linear]", "model.channels: src.models.linear.Linear takes no such argument"),
    ("train.py model=cnn,linear", "model: cnn,linear are several values; add -m to run each of them"),
    ("train.py model.hidden_sizes=16,32", "a list is written 'model.hidden_sizes=[16,32]'"),
    ("train.py model.dropout=1", "model.dropout: expected a number from 0 to below 1"),
    ("train.py model.dropout=true", "model.dropout: expected a number from 0 to below 1, got True"),
    ("train.py model=cnn data=digits model.dropout=1", "model.dropout: expected a number from 0 to below 1, got 1"),
    ("train.py model.hidden_sizes=64", "model.hidden_sizes: expected a list of whole numbers from 1 up, got 64"),
    (
        "train.py model.hidden_sizes=[64,1.5]",
        "model.hidden_sizes: expected a list of whole numbers from 1 up, got [64, 1.5]",
    ),
    ("train.py model.activation=foo", "model.activation: expected one of relu, gelu, silu, tanh"),
    ("train.py model.batch_norm=abc", "model.batch_norm: expected true or false"),
    ("train.py model.hidden_sizes=[0]", "model.hidden_sizes: expected a list of whole numbers from 1 up, got [0]"),
    ("train.py model=cnn data=digits model.channels=[]", "model.channels: expected a list of whole numbers from 1 up"),
    (
        "train.py model=cnn data=digits model.channels=[8,8,8,8,8,8]",
        "model.channels: 6 stages need larger images than (1, 8, 8)",
    ),
    ("train.py loss=null", "loss"),
    ("train.py loss=mse", "loss"),
    ("train.py +loss.weight=3", "loss.weight"),
    ("train.py ~loss", "loss"),
    ("train.py model=null", "model="),
    ("train.py model._target_=src.models.simple_net", "model._target_"),
]


@mistakes(ROWS)
def test_a_mistake_ends_in_one_line_that_names_the_fix(command: str, line: str, judge: Judge) -> None:
    judge(command, line)
