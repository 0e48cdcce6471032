"""What users of other projects type, and what is typed here instead.

One table, for each command: the names that are typed elsewhere, and our key, or a few words that name what to type.
Each row has its reason: another template's own word, Lightning's name for an argument, or what people abbreviate. Names
that are much alike are not in it, `did_you_mean` finds those; names that stand here are too far off for it, or nearer
to a key that was not meant. A row is passed over where the user's own conf/ has no such key.
"""

import re
from collections.abc import Collection

from trainhouse.configuration.errors import did_you_mean

_CKPT = "ckpt_path"
_FROM_CKPT = "the checkpoint knows its data; other data: {command} ckpt_path=... data.features=X.npy data.labels=y.npy"
_ROWS: dict[str, dict[str, str]] = {
    "train": {
        # abbreviations, and the names of plain training scripts' arguments
        "epochs num_epochs n_epochs nb_epochs epoch max_epoch": "trainer.max_epochs",
        "steps num_steps n_steps max_iters iterations": "trainer.max_steps",
        "lr learning_rate optimizer.learning_rate optim.lr": "optimizer.lr",
        "wd optimizer.wd": "optimizer.weight_decay",
        "bs batchsize batch train_batch_size data.bs": "data.batch_size",
        "workers n_workers data.workers": "data.num_workers",
        "gpu gpus n_gpus num_gpus devices trainer.gpus trainer.num_gpus": "trainer.devices",
        "device cuda use_cuda no_cuda trainer.device": "trainer.accelerator",
        "amp fp16 bf16 mixed_precision": "trainer.precision",
        "grad_clip clip_grad gradient_clip": "trainer.gradient_clip_val",
        "accumulate grad_accumulation gradient_accumulation_steps": "trainer.accumulate_grad_batches",
        "random_seed rng_seed manual_seed seed_everything data.random_seed": "seed",
        "criterion loss_fn objective loss_function loss.name": "loss",
        "arch net network backbone model_name architecture": "model",
        "optim opt optimizer_name": "optimizer",
        "sched lr_scheduler schedule model.scheduler": "scheduler",
        "early_stop early_stopping_patience": "callbacks.early_stopping.patience",
        "optimized_metric metric_to_monitor monitor_metric": "monitor",
        # names of ashleve/lightning-hydra-template and of those made from it
        "datamodule dm dataset data_module": "data",
        "datamodule.batch_size dataset.batch_size data.train_batch_size": "data.batch_size",
        "datamodule.num_workers": "data.num_workers",
        "model.optimizer.lr model.lr model.learning_rate model.optim.lr": "optimizer.lr",
        "model.optimizer.weight_decay model.weight_decay": "optimizer.weight_decay",
        "model.optimizer": "optimizer",
        "model.compile": "compile",
        "compile.mode compile.dynamic compile.fullgraph compile.backend": "options of torch.compile are typed as "
        "compile={{mode:reduce-overhead,dynamic:true}}",
        "trainer.strategy.save_distributed_checkpoint trainer.strategy.state_dict_type": "checkpoints are whole, in "
        "one file; leave it out",
        "task_name experiment_name exp_name run_name logger.wandb.name": "name",
        "data.file data.target data.features data.labels": "data=table data.file=table.csv data.target=<column>, or "
        "data=npy data.features=X.npy data.labels=y.npy",
        "train": "train.py always trains; without training: python eval.py ckpt_path=<run folder>",
        "test": "a run ends with the test of its best model; trainer.limit_test_batches=0 leaves that out",
        "ckpt_path checkpoint ckpt checkpoint_path resume_from resume_from_checkpoint "
        "trainer.resume_from_checkpoint trainer.ckpt_path load_from pretrained weights": "resume=<run folder> resumes "
        "a run, init_from=<checkpoint> starts a new one with its weights",
        "hparams_search optuna n_trials hydra.n_trials hydra.sweeper.n_trials hydra.sweeper.sampler "
        "hydra.sweeper.pruner hydra.sweeper.storage hydra.sweeper.study_name": "a search is "
        "python train.py -m sweep=optuna hydra.sweeper.n_trials=20",
        "hydra.sweeper.search_space": "a search's values stand behind their keys: optimizer.lr=interval(1e-4,1e-1)",
        "hydra.sweeper.direction": "sweep.mode=min or sweep.mode=max",
        "hydra.sweeper.max_batch_size": "hydra.sweeper.n_jobs",
        "paths paths.output_dir paths.log_dir paths.root_dir output_dir outdir out_dir save_dir log_dir logdir "
        "trainer.default_root_dir default_root_dir callbacks.dirpath": "hydra.run.dir=<folder> is where a run goes",
        "paths.data_dir data_dir data.data_dir dataset_path data.root data_root": "the data's own file in conf/data/ "
        "says where it is, as data=table data.file=table.csv data.target=price",
        "trainer.logger logger.wandb wandb use_wandb mlflow comet": "a logger is chosen as logger=tensorboard, "
        "logger=wandb, logger=[csv,mlflow], logger=none, or one of your own in conf/logger/",
        "trainer.callbacks": "callbacks are chosen as callbacks=default or callbacks=none, or one of your own in "
        "conf/callbacks/",
        "extras extras.print_config print_config print": "--cfg job prints the configuration",
        "extras.ignore_warnings ignore_warnings extras.enforce_tags enforce_tags": "there is no such switch; leave it "
        "out",
        "config cfg": "a file in conf/experiment/ is chosen as experiment=<its name>",
    },
    "eval": {
        "ckpt checkpoint checkpoint_path model_path model_ckpt weights run run_dir resume pretrained": _CKPT,
        "input data_dir data_path data.data_dir dataset datamodule file": _FROM_CKPT,
        "output output_dir save_predictions": "predictions.csv is in the evaluation's folder (predictions=true)",
        "batch_size bs": "data.batch_size",
        "gpu gpus devices device cuda": "trainer.accelerator",
        "task_name run_name tags": "name",
    },
    "infer": {
        "ckpt checkpoint checkpoint_path model_path model_ckpt weights run run_dir pretrained": _CKPT,
        "in file features input_file input_path data_path data.file data.features data_dir rows": "input",
        "out predictions output_file output_path save_path output_dir": "output",
        "bs data.batch_size": "batch_size",
        "gpu gpus devices device cuda trainer.accelerator trainer.devices": "accelerator",
    },
    "select_best_model": {
        "monitor by sort_by": "metric",
        "folder dir path experiments sweep run_dir log_dir": "runs",
        "output out output_path save_to ckpt_path": "final_model",
        "maximize minimize direction": "mode",
    },
}
HINTS = {
    command: {name: meant for names, meant in rows.items() for name in names.split()} for command, rows in _ROWS.items()
}
_NOTHING = ("false", "null", "none", "no", "off", "None", "0")
# Of groups: what is typed elsewhere for an option, and ours.
_OPTIONS = {
    "metrics": {"accuracy": "acc", "auc": "auroc", "roc_auc": "auroc", "f1_score": "f1", "ap": "average_precision"},
    "loss": {"ce": "cross_entropy", "l1": "mae", "l2": "mse", "binary_cross_entropy": "bce", "smooth_l1": "huber"},
    "debug": {"default": "fast_dev_run", "true": "fast_dev_run", "fdr": "fast_dev_run", "profiler": "profile"},
    "trainer": {"ddp_sim": "ddp_cpu", "deepspeed": "fsdp", "cuda": "gpu", "mps": "gpu", "auto": "default"},
    "launcher": {"slurm": "submitit", "submitit_slurm": "submitit", "local": "basic"},
    "scheduler": {"reduce_on_plateau": "plateau", "onecycle": "one_cycle", "cosine_annealing": "cosine"},
    "hydra/sweeper": {"optuna": "sweep=optuna"},
}


def hint(key: str, command: str, known: Collection[str]) -> str:
    """Return ``"; ..."``, what is typed here for a key of other projects; "" for one that the table hasn't.

    `known` are the keys and groups that there are.
    """
    rows = HINTS.get(command, {})
    meant = rows.get(key.casefold())
    if meant is None:
        above = [key[: found.start()] for found in re.finditer(r"\.", key)]  # of paths.output_dir: paths
        meant = next((rows[one] for one in above[::-1] if one in rows and one not in known), None)
    if meant is None:
        return ""
    if " " not in meant and "=" not in meant:
        is_there = meant in known or (command != "train" and meant.startswith("data."))
        return f"; did you mean '{meant}'?" if is_there else ""
    named = re.findall(r"([\w.]+)=", meant) if command == "train" else []
    has_all = all(name in known or name.startswith(("hydra.", "data.", "ckpt_path")) for name in named)
    return f"; {meant.format(command=f'python {command}.py')}" if has_all else ""


def option_hint(group: str, option: str, names: Collection[str]) -> str:
    """Return ``"; did you mean 'x'?"`` for an option of `group` that isn't there, or an empty string."""
    if option in _NOTHING and "none" in names:
        return "; did you mean 'none'?"
    meant = _OPTIONS.get(group, {}).get(option)
    if meant is not None and "=" in meant:
        return f"; type {meant}"
    return f"; did you mean '{meant}'?" if meant in names else did_you_mean(option, names)
