"""Mistakes in what is typed, made by one who has never used Hydra: what Hydra's grammar can't read, and options."""

import pytest

from trainhouse.tests.mistakes.in_process import Ended, assert_is_one_line_of_ours, some_of
from trainhouse.tests.mistakes.in_process import ended as ended
from trainhouse.tests.mistakes.judging import Rows

VALUES: Rows = [
    ("train.py name=a=b", "\"name='a=b'\""),
    ("train.py optimizer.lr==0.1", "one = is enough: optimizer.lr=0.1"),
    ("train.py 'data.file=t (1).csv'", "\"data.file='t (1).csv'\""),
    ("train.py 'data.file=t(1).csv'", "\"data.file='t(1).csv'\""),
    ("train.py 'name=run('", "\"name='run('\""),
    ("train.py 'name=a#b'", "\"name='a#b'\""),
    ("train.py name=数据", "\"name='数据'\""),
    ("train.py name=größe", "\"name='größe'\""),
    ("train.py name=بيانات", "بيانات"),
    ('train.py "name=it\'s"', "a quote is not closed; one that is meant is in quotes: \"name='it\\'s'\""),
    ("train.py 'name={a'", "a { is not closed"),
    ("train.py 'name=a}'", "\"name='a}'\""),
    ("train.py 'name=${'", "in quotes"),
    ("train.py 'name=~/x'", "\"name='~/x'\""),
    ("train.py 'model.hidden_sizes=(64,32)'", 'a list stands in square brackets: "model.hidden_sizes=[64,32]"'),
    ("train.py 'model.hidden_sizes=[64;32]'", 'values stand between commas: "model.hidden_sizes=[64,32]"'),
    ("train.py model.hidden_sizes=[64, 32]", "quote the whole: 'model.hidden_sizes=[64, 32]'"),
    ("train.py 'seed={1,2}'", 'a list is "seed=[1,2]"'),
    ("train.py 'data.drop=[a, b (c)]'", "\"data.drop=[a,'b (c)']\""),
    ("train.py seed=1,", "a value is missing beside a comma"),
    ("train.py -m seed=1, 2", "values stand without spaces: seed=1,2"),
    ("train.py callbacks=default,timer", "for all of them in one run type 'callbacks=[default,timer]'"),
    ("select_best_model.py metrics=val/acc", "'metrics' is not a key of this configuration; did you mean 'metric'?"),
    ("select_best_model.py model=cnn", "'model' can't be chosen here"),
    ("train.py scheduler.warmup=3", "; choose scheduler=cosine for it (or one_cycle)"),
    ("train.py optimizer.lr=0,01", "a number with a point: optimizer.lr=0.01"),
    ("eval.py ckpt_path=epoch=3-step=10.ckpt", "\"ckpt_path='epoch=3-step=10.ckpt'\""),
    ("infer.py input=x.csv output=", "output: expected a string: the name of a file, as rows.csv, got ''"),
]
WORDS: Rows = [
    ("train.py seed = 1", "seed=1"),
    ("train.py seed= 1", "seed=1"),
    ("train.py seed =1", "seed=1"),
    ("train.py 'seed = 1'", "no space stands around =: seed=1"),
    ("train.py seed 1", "as seed=1"),
    ("train.py lr 0.1", "as optimizer.lr=0.1"),
    ("train.py seed:1", "seed=1"),
    ("train.py model: cnn", "model=cnn"),
    ("train.py model cnn", "model=cnn"),
    ("train.py model/cnn", "did you mean model=cnn?"),
    ("train.py conf/model/cnn.yaml", "did you mean model=cnn?"),
    ("train.py name=my run two seed=1", "if it belongs to name, quote the whole: 'name=my run two'"),
    ("train.py t.csv", "data=table data.file=t.csv data.target=<column>"),
    ("eval.py run/best.ckpt", "ckpt_path=run/best.ckpt"),
    ("infer.py x.csv y.csv", "input=x.csv output=y.csv"),
    ("select_best_model.py outputs/a", "runs=outputs/a"),
    ("train.py help", "type --help"),
    ("train.py explain optimizer.lr", "explain=<key>"),
    ("train.py =1", "expected key=value"),
    ("train.py =", "expected key=value"),
    ("train.py '~'", "expected key=value"),
    ("train.py 'my key=1'", "keys have letters, digits, _ and points between them"),
    ("train.py séed=1", "did you mean 'seed'?"),
    ("train.py 'optimizer[lr]=1'", "did you mean 'optimizer.lr'?"),
    ("train.py optimizer:lr=1", "did you mean 'optimizer.lr'?"),
]
OPTIONS: Rows = [
    ("train.py --lr 0.1", "keys are typed without dashes: optimizer.lr=0.1"),
    ("train.py --epochs=5", "keys are typed without dashes: trainer.max_epochs=5"),
    ("train.py -lr", "keys are typed without dashes: optimizer.lr="),
    ("train.py --model cnn", "keys are typed without dashes: model=cnn"),
    ("train.py --batch-size 3", "keys are typed without dashes: data.batch_size=3"),
    ("train.py --multirunn seed=1", "did you mean '--multirun'?"),
    ("train.py --cgf job", "did you mean '--cfg'?"),
    ("train.py --cfg foo", "--cfg foo: expected one of job, hydra, all"),
    ("train.py seed=1 --cfg", "--cfg: expected one of job, hydra, all behind it"),
    ("train.py --package model", "--package: only with --cfg"),
    ("train.py --cfg job --package optimzer", "--package optimzer: no such key; did you mean 'optimizer'?"),
    ("train.py --resolve", "--resolve: only with --cfg"),
    ("train.py --info foo", "--info foo: expected one of all, config"),
    ("train.py --help=cnn", "--help takes no value; --help model=cnn shows the keys of an option"),
    ("train.py -m -r", "--run and --multirun: only one of them"),
    ("train.py -m seed=1,2 --cfg job", "seed=1,2 are several values"),
    ("train.py --config-name=trian", "there is no such file of configuration; did you mean 'train'?"),
    ("train.py --config-name", "--config-name: expected the name of a configuration file behind it"),
    ("train.py hydra.searchpath=x", "expected a list of folders, as 'hydra.searchpath=[x]'"),
    ("train.py 'hydra.searchpath=[x]'", "hydra.searchpath: x: there is no such folder"),
]


@pytest.mark.parametrize(("command", "line"), [*VALUES, *some_of([*WORDS, *OPTIONS])])
def test_a_mistake_ends_in_one_line_that_says_what_to_type(command: str, line: str, ended: Ended) -> None:
    assert_is_one_line_of_ours(ended(command), line)
