"""Folders in which a run can't be written."""

from trainhouse.tests.mistakes.judging import Judge, Rows, mistakes

ROWS: Rows = [
    ("train.py hydra.output_subdir=null", "hydra.output_subdir=null: a run has Hydra's record in .hydra, where it is"),
    ("infer.py hydra.output_subdir=x", "hydra.output_subdir=x: a run has Hydra's record in .hydra, where it is looked"),
    ("train.py hydra.run.dir=run", "hydra.run.dir: run already holds a run, which is never overwritten"),
    ("train.py hydra.run.dir=a_file", "hydra.run.dir: a_file is a file, not a folder"),
    ("train.py hydra.run.dir=a_file/x", "hydra.run.dir: cannot create a_file/x: Not a directory"),
    ("train.py hydra.run.dir=null", "Error merging override hydra.run.dir=null field 'hydra.run.dir' is not"),
    ("train.py hydra.run.dri=x", "'hydra.run.dri' is not a key of this configuration"),
    ("train.py -m hydra.sweep.dir=a_file seed=1,2", "hydra.sweep.dir: a_file is a file, not a folder"),
    (
        "train.py -m hydra.sweep.dir=own_files seed=1,2",
        "hydra.sweep.dir: own_files/results.csv is there already, and a",
    ),
    ("train.py -m model=simple_net,nothing", "model=nothing: no such option"),
    ("train.py -m experiment=nothing", "experiment=nothing: no such option"),
    ("train.py hydra.run.dir=$LONG", "File name too long"),
    ("train.py name=$LONG", "File name too long"),
    ("train.py hydra.run.dir=/proc/x", "hydra.run.dir: cannot create /proc/x"),
    ("train.py \"hydra.run.dir=''\"", "hydra.run.dir"),
    ("eval.py ckpt_path=run name=$LONG", "File name too long"),
]


@mistakes(ROWS)
def test_a_mistake_ends_in_one_line_that_names_the_fix(command: str, line: str, judge: Judge) -> None:
    judge(command, line)
