"""Mistakes in the keys of optimizer and scheduler."""

from trainhouse.tests.mistakes.judging import Judge, Rows, mistakes

ROWS: Rows = [
    ("train.py scheduler=cosin", "did you mean 'cosine'?"),
    ("train.py optimizer=rmsprop", "optimizer=rmsprop: no such option"),
    ("train.py optimizer.lr=0.1,0.2", "optimizer.lr: 0.1,0.2 are several values; add -m to run each of them"),
    ("train.py optimizer.lr=", "optimizer.lr: expected a number above 0"),
    ("train.py optimizer.lr", "'optimizer.lr'"),
    ("train.py optimizer.betas=[0.9]", "optimizer.betas"),
    ("train.py optimizer.betas=[0.9,1.5]", "optimizer"),
    ("train.py optimizer.eps=abc", "optimizer.eps: expected a number"),
    ("train.py optimizer.fused=abc", "optimizer.fused: expected true or false, or null"),
    ("train.py optimizer=sgd optimizer.nesterov=abc", "optimizer.nesterov: expected true or false"),
    ("train.py optimizer.momentum=0.9", "optimizer has lr, betas, "),
    ("train.py +optimizer.momentum=0.9", "optimizer.momentum: torch.optim.Adam takes no such argument"),
    ("train.py optimizer._target_=torch.optim.LBFGS", "optimizer.betas: torch.optim.LBFGS takes no such argument"),
    ("train.py +optimizer.amsgrad=abc", "optimizer.amsgrad: expected true or false"),
    ("train.py scheduler=plateau scheduler.factor=2", "scheduler"),
    ("train.py scheduler=plateau scheduler.factor=abc", "scheduler.factor: expected a number"),
    ("train.py scheduler=plateau scheduler.patience=abc", "scheduler.patience: expected a whole number"),
    ("train.py scheduler=plateau scheduler.min_lr=abc", "scheduler.min_lr: expected a number"),
    ("train.py scheduler=plateau scheduler.mode=up", "scheduler.mode: expected one of min, max"),
    ("train.py scheduler=cosine scheduler.warmup=abc", "scheduler.warmup: expected a number from 0 to 1"),
    ("train.py scheduler=one_cycle scheduler.start=abc", "scheduler.start: expected a number from 0 to 1"),
    (
        "train.py +scheduler._target_=torch.optim.lr_scheduler.StepLR",
        "scheduler._partial_: expected true, as torch.optim.lr_scheduler.StepLR gets its optimizer later",
    ),
    ("train.py lr=0.1", "did you mean 'optimizer.lr'?"),
    ("train.py ~optimizer", "optimizer"),
    ("train.py scheduler=5", "scheduler="),
    ("train.py optimizer.betas=[0.9,0.99,0.999]", "optimizer.betas"),
    ("train.py scheduler=plateau scheduler.patience=-1 trainer.max_epochs=1", "scheduler.patience: expected"),
    ("train.py scheduler=plateau scheduler.min_lr=-1 trainer.max_epochs=1", "scheduler.min_lr"),
    ("train.py scheduler=plateau scheduler.mode=max trainer.max_epochs=1", "scheduler.mode"),
    ("train.py scheduler=cosine +scheduler.total_steps=5 trainer.max_epochs=1", "scheduler.total_steps"),
    (
        "train.py +scheduler._target_=torch.optim.lr_scheduler.StepLR +scheduler._partial_=true +scheduler.step_size=0",
        "scheduler",
    ),
]


@mistakes(ROWS)
def test_a_mistake_ends_in_one_line_that_names_the_fix(command: str, line: str, judge: Judge) -> None:
    judge(command, line)
