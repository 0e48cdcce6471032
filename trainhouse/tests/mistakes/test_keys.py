"""Mistakes in the keys of train.py that are in no group, and in what Hydra itself takes."""

from trainhouse.tests.mistakes.judging import Judge, Rows, mistakes

ROWS: Rows = [
    ("train.py sed=1", "did you mean 'seed'?"),
    ("train.py seed=-1", "seed: expected a whole number from 0 to 4294967295"),
    ("train.py monitor=3", "monitor: expected a string"),
    ("train.py monitor=val/los", "did you mean 'val/loss'?"),
    ("train.py mode=max", "mode: max would take the worst val/loss for the best"),
    ("train.py mode=up", "mode: expected one of min, max, null"),
    ("train.py mode=null", "mode: null leaves open which val/loss is the best"),
    ("train.py monitor=val/acc", "mode: min would take the worst val/acc for the best"),
    ("train.py name=null", "name: expected a folder name without / \\ = , or :"),
    ("train.py \"name='${oc.env:NOT_SET}'\"", "NOT_SET"),
    ('train.py "name=${seed"', "${seed"),
    ('train.py "seed=${seed}"', "seed: ${seed} refers to itself"),
    ("train.py preflight=abc", "preflight: expected true or false"),
    ("train.py ~monitor", "sweep.metric: ${monitor}: there is no key 'monitor'"),
    ("train.py debug=foo", "debug=foo: no such option"),
    ("train.py hydra=default", "hydra=default: no such option"),
    ("train.py ~seed", "seed"),
    ("train.py ~preflight", "preflight"),
    ("train.py --foo", "--foo"),
    ("train.py --config-dir=nowhere", "nowhere"),
    ("train.py +sed=1 trainer.max_epochs=1", "did you mean 'seed'?"),
]


@mistakes(ROWS)
def test_a_mistake_ends_in_one_line_that_names_the_fix(command: str, line: str, judge: Judge) -> None:
    judge(command, line)
