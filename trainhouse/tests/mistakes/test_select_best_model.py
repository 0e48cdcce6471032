"""Mistakes in what select_best_model.py is asked for, and in the runs that it finds."""

from trainhouse.tests.mistakes.judging import Judge, Rows, mistakes

ROWS: Rows = [
    ("select_best_model.py runs=nowhere", "runs: nowhere is not a folder"),
    ("select_best_model.py runs=a_file", "runs: a_file is not a folder"),
    ("select_best_model.py runs=null", "runs"),
    ("select_best_model.py runs=5", "runs"),
    ("select_best_model.py run=runs", "did you mean 'runs'?"),
    ("select_best_model.py runs=runs/none", "runs: no finished run with a best model below runs/none"),
    ("select_best_model.py runs=runs/cut", "runs: no finished run with a best model below runs/cut"),
    ("select_best_model.py runs=runs/empty", "runs: no finished run with a best model below runs/empty"),
    ("select_best_model.py runs=runs/list", "runs: no finished run with a best model below runs/list"),
    ("select_best_model.py runs=runs/failed", "runs: no finished run with a best model below runs/failed"),
    ("select_best_model.py runs=runs/no_best", "runs: no finished run with a best model below runs/no_best"),
    ("select_best_model.py runs=runs/in_part", "runs: no finished run with a best model below runs/in_part"),
    ("select_best_model.py runs=runs/no_provenance", "runs/no_provenance/r/metrics.json"),
    ("select_best_model.py runs=runs/no_metrics", "runs/no_metrics/r/metrics.json"),
    (
        "select_best_model.py runs=runs/no_monitor",
        "metric: the runs monitor nothing; choose with metric=... mode=... (there are: test/acc, ",
    ),
    ("select_best_model.py runs=runs/wrong_monitor", "runs/wrong_monitor/r/metrics.json: monitor: expected a string"),
    ("select_best_model.py runs=runs/text_metric", "runs/text_metric/r/metrics.json"),
    ("select_best_model.py runs=runs/wrong_mode", "runs/wrong_mode/r/metrics.json"),
    ("select_best_model.py runs=runs/no_epoch", "runs/no_epoch/r/metrics.json"),
    ("select_best_model.py runs=runs/wrong_split", "runs/wrong_split/r/metrics.json: data_split: expected a mapping"),
    ("select_best_model.py runs=runs/wrong_ends", "runs/wrong_ends/r/metrics.json: directions: expected min or max"),
    ("select_best_model.py runs=runs/null_metric", "metric: val/loss is not finite"),
    ("select_best_model.py runs=runs/damaged_model", "best_model.ckpt"),
    ("select_best_model.py runs=runs/good metric=val/los", "did you mean 'val/loss'?"),
    ("select_best_model.py runs=runs/old metric=val/acc", "mode: is a small or a large val/acc better?"),
    ("select_best_model.py runs=runs/old metric=val/acc mode=min", "mode: min would take the worst"),
    ("select_best_model.py runs=runs/good metric=val/acc mode=min", "mode: min would take the worst"),
    ("select_best_model.py runs=runs/good mode=max", "mode: max would take the worst val/loss"),
    ("select_best_model.py runs=runs/good mode=up", "mode: expected one of min, max"),
    ("select_best_model.py runs=runs/good metric=5", "metric"),
    ("select_best_model.py runs=runs/good final_model=x.pt", "final_model: expected a name that ends in .ckpt"),
    ("select_best_model.py runs=runs/good final_model=x.pt dry_run=true", "final_model"),
    ("select_best_model.py runs=runs/good final_model=null", "final_model"),
    ("select_best_model.py runs=runs/good final_model=a_file/x.ckpt", "a_file"),
    ("select_best_model.py runs=runs/good final_model=folder.ckpt", "final_model: folder.ckpt"),
    ("select_best_model.py runs=runs/good final_model=ck/text.ckpt", "ck/text.ckpt: there is no record"),
    ("select_best_model.py runs=runs/good final_model=runs/good/r/checkpoints/last.ckpt force=true", "final_model"),
    ("select_best_model.py runs=runs/good dry_run=abc", "dry_run: expected true or false"),
    ("select_best_model.py runs=runs/good force=1", "force: expected true or false"),
    ("select_best_model.py runs=runs/good trained_on=nothing", "trained_on: no run on 'nothing'"),
    ("select_best_model.py runs=runs/good dryrun=true", "did you mean 'dry_run'?"),
    ("select_best_model.py runs=runs/good +metrics=val/acc", "did you mean 'metric'?"),
    ("select_best_model.py runs=runs/good +metrics=acc", "'metrics.acc' can't be set here"),
]


@mistakes(ROWS)
def test_a_mistake_ends_in_one_line_that_names_the_fix(command: str, line: str, judge: Judge) -> None:
    judge(command, line)
