"""Mistakes in configuration files of the user's."""

from trainhouse.tests.mistakes.judging import Judge, Rows, mistakes

ROWS: Rows = [
    ("train.py --config-dir=own experiment=tab", "tab.yaml"),
    ("train.py --config-dir=own experiment=twice", "twice.yaml"),
    ("train.py --config-dir=own experiment=unclosed", "unclosed.yaml"),
    ("train.py --config-dir=own experiment=two_colons", "two_colons.yaml"),
    ("train.py --config-dir=own experiment=typo", "max_epochs'?"),
    ("train.py --config-dir=own experiment=top_typo", "did you mean 'seed'?"),
    ("train.py --config-dir=own experiment=data_typo", "data.batchsize"),
    ("train.py --config-dir=own experiment=callback_typo", "callbacks.early_stoping"),
    ("train.py --config-dir=own experiment=list", "list"),
    ("train.py --config-dir=own experiment=scalar", "'hello' is not a key"),
    ("train.py --config-dir=own experiment=wrong_option", "model=cnnn: no such option"),
    ("train.py --config-dir=own experiment=wrong_group", "modle"),
    ("train.py --config-dir=own experiment=wrong_default", "nowhere"),
    ("train.py --config-dir=own experiment=reference", "nothing"),
    ("train.py --config-dir=own experiment=text_rate", "optimizer.lr: expected a number above 0"),
    ("train.py --config-dir=own experiment=not_a_group", "trainer"),
    ("train.py --config-dir=own experiment=null_group", "trainer"),
    ("train.py --config-dir=own experiment=new_group", "foo"),
    ("train.py --config-dir=own experiment=no_package", "experiment.seed"),
    ("train.py --config-dir=own experiment=not_utf8", "not_utf8.yaml"),
    ("train.py --config-path=$PWD/res/empty_config --config-name=config", "config.yaml"),
    ("train.py --config-path=$PWD/res/cut_config --config-name=config", "config.yaml"),
    ("train.py --config-path=$PWD/res/wrong_key --config-name=config", "max_epcohs"),
    ("train.py --config-path=$PWD/res/wrong_type --config-name=config", "trainer.max_epochs: expected"),
    ("train.py --config-path=nowhere --config-name=config", "nowhere"),
    ("train.py --config-name=trian", "trian"),
]


@mistakes(ROWS)
def test_a_mistake_ends_in_one_line_that_names_the_fix(command: str, line: str, judge: Judge) -> None:
    judge(command, line)
