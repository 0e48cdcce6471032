"""What a run can't be resumed from, nor begin with."""

from trainhouse.tests.mistakes.judging import Judge, Rows, mistakes

ROWS: Rows = [
    ("train.py -m resume=run", "resume: resumes one run, so not with --multirun; a sweep is resumed"),
    ("train.py init_from=nowhere", "init_from: nowhere does not exist"),
    ("train.py init_from=ck/text.ckpt", "ck/text.ckpt: damaged or not a checkpoint (11 bytes; 101)"),
    ("train.py init_from=", "init_from"),
    (
        "train.py init_from=run model.hidden_sizes=[5]",
        "init_from: no weight of run/checkpoints/best_model.ckpt fits this",
    ),
    ("train.py resume=nowhere", "resume: nowhere does not exist"),
    ("train.py resume=lst", "resume: lst does not exist"),
    ("train.py resume=a_file", "resume: a_file is a file; give the run's folder, or start a new run with"),
    ("train.py resume=res", "resume: res holds no run that has begun: it has no config.yaml"),
    ("train.py resume=", "resume: expected a string, or null"),
    (
        "train.py resume=res/done optimizer.lr=0.5",
        "optimizer.lr: a resumed run keeps its own (resume=res/done); what",
    ),
    ("train.py resume=res/done model=linear", "model: a resumed run keeps its own (resume=res/done); what it may"),
    ("train.py resume=res/done name=other", "name: a resumed run keeps its own (resume=res/done); what it may"),
    ("train.py resume=res/done ~callbacks", "callbacks: a resumed run keeps its own (resume=res/done); what"),
    ("train.py resume=res/cut_config trainer.max_epochs=8", "config.yaml"),
    ("train.py resume=res/empty_config trainer.max_epochs=8", "config.yaml"),
    ("train.py resume=res/wrong_type trainer.max_epochs=8", "config.yaml"),
    ("train.py resume=res/wrong_key trainer.max_epochs=8", "config.yaml: trainer.max_epochs is missing"),
    ("train.py resume=res/no_batch_size trainer.max_epochs=8", "config.yaml: data.batch_size is missing"),
    ("train.py resume=res/code trainer.max_epochs=8", "config.yaml"),
    ("train.py resume=res/all_damaged trainer.max_epochs=8", "checkpoints"),
    ("train.py resume=res/half_metrics", "metrics.json"),
    ("train.py resume=res/done trainer.max_epochs=abc", "trainer.max_epochs"),
    ("train.py resume=res/done trainer.max_epoch=9", "did you mean 'trainer.max_epochs'?"),
    ("train.py resume=res/done hydra.run.dir=elsewhere", "hydra.run.dir"),
    ("train.py resume=runs", "resume: runs"),
    ("train.py resume=last", "resume: there is no run"),
    ("train.py resume=true", "resume"),
    ("train.py \"resume=''\"", "resume"),
    ("train.py init_from=runs", "init_from: runs is a folder without"),
    ("train.py init_from=ck/code.ckpt", "ck/code.ckpt: not plain data"),
    ("train.py init_from=ck/nan_weights.ckpt", "ck/nan_weights.ckpt"),
    ("train.py \"init_from=''\"", "init_from"),
    ("train.py init_from=run resume=res/done", "init_from"),
]


@mistakes(ROWS)
def test_a_mistake_ends_in_one_line_that_names_the_fix(command: str, line: str, judge: Judge) -> None:
    judge(command, line)
