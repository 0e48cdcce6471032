"""Mistakes with LightningModules and LightningDataModules, and networks beside them."""

from trainhouse.tests.mistakes.judging import Judge, Rows, mistakes

ROWS: Rows = [
    (
        "train.py model=gan",
        "model.dimensions: required; data/processed/fake_data.npy does not say it (it says categories,",
    ),
    (
        "train.py model=linear data=ring",
        "model: src.models.linear.Linear is a plain network, so Ring has to say what it is",
    ),
    ("train.py model=segmentation data=ring model.classes=2", "model.in_channels: required; Ring does not say it"),
    ("train.py data=digits model=segmentation", "model.in_channels: required; data/raw/digits.csv.gz does not say it"),
    (
        "train.py experiment=segmentation optimizer.lr=1",
        "optimizer.lr: Segmentation makes its own optimizers; set model.lr=1",
    ),
    (
        "train.py experiment=segmentation optimizer=sgd",
        "optimizer: Segmentation makes its own optimizers; what Segmentation",
    ),
    ("train.py experiment=segmentation scheduler=cosine", "scheduler: Segmentation makes its own schedules"),
    ("train.py experiment=gan loss=mse", "loss: GAN makes its own loss; what GAN takes is in model"),
    ("train.py experiment=gan compile={mode:fast}", "compile.mode: expected one of default, reduce-overhead,"),
    ("train.py experiment=gan compile={modes:fast}", "compile: expected true or false or options of torch.compile, as"),
    ("train.py compile.mode=default", "; options of torch.compile are typed as compile={mode:reduce-overhead,dyn"),
    ("train.py experiment=gan monitor=val/loss", "monitor: val/loss needs validation, but Ring has no val_dataloader"),
    ("train.py experiment=segmentation monitor=val/dicee", "not logged; did you mean 'val/dice'?"),
    ("train.py experiment=segmentation mode=min", "mode: min would take the worst val/dice for the best; set mode=max"),
    ("train.py experiment=segmentation data.batchsize=3", "did you mean 'data.batch_size'?"),
    (
        "train.py experiment=segmentation data.split=[0.5,0.1]",
        "data.split: expected a list of 3 numbers",
    ),
    ("train.py experiment=segmentation model.lr=fast", "model.lr: expected a number, got 'fast'"),
    ("train.py experiment=segmentation data.fold=0", "data.fold"),
    ("train.py experiment=language_model data.file=nowhere.txt", "nowhere.txt"),
    ("train.py experiment=segmentation trainer.limit_train_batches=0", "trainer.limit_train_batches: 0 leaves nothing"),
    (
        "train.py data._target_=src.models.linear.Linear",
        "data._target_: src.models.linear.Linear is neither a Lightning",
    ),
    ("train.py data._target_=src.data.ring.ring_centres", "data"),
    ("train.py model._target_=src.training.losses.quantile", "model"),
    ("train.py module=null", "module: expected a mapping, got None"),
    ("train.py module._target_=src.training.module.Modul", "module._target_: cannot load 'src.training.module.Modul'"),
    ("train.py module._target_=src.models.linear.Linear", "module"),
    ("train.py init_prefix=3", "init_prefix: expected a string, or null, got 3"),
    ("train.py logger=[csv,tensorbord]", "logger=tensorbord: no such option; did you mean 'tensorboard'?"),
    (
        "train.py init_from=weights.pt",
        "init_from: no weight of weights.pt fits this network; it holds layer.weight, init_",
    ),
    (
        "train.py init_from=objects.pt",
        "objects.pt: not a checkpoint of this project, which have a key 'project' (found: epoch, lr)",
    ),
    ("infer.py output=p.csv ckpt_path=run", "input: required; add input=... to the command"),
    (
        "infer.py output=p.csv ckpt_path=run input=fx.npy data.rows=3",
        "data.rows: this model was trained on arrays, whose",
    ),
    (
        "infer.py output=p.pt ckpt_path=run input=fx.npy",
        "output: .pt takes what a module of your own returns; give .csv",
    ),
]


@mistakes(ROWS)
def test_a_mistake_ends_in_one_line_that_names_the_fix(command: str, line: str, judge: Judge) -> None:
    judge(command, line)
