"""Only speed: what is here does what Lightning, Hydra and torch do, sooner.

The folder may be deleted, and a file of it is left alone where a library lacks one of its `PRIVATE_NAMES`, or is of a
version that was not tried: everything gives the same, later.

Measured in CPU time, one thread, each with and without by turns on a machine with two busy cores (``python -m
trainhouse.benchmarks fast_``: medians of 7 repeats; for single names of `quick_hydra`: best of 8).
"""

_EPOCH = "lightning.pytorch.loops.training_epoch_loop:_TrainingEpochLoop"
_LOADER = "hydra._internal.config_loader_impl"

# By file: each private name, what it gives, and why no public one does.
PRIVATE_NAMES = {
    "lean_step": {
        _EPOCH: "a step of the perceptron in 4.02 ms for 4.63; Lightning takes another loop only in place of this "
        "one, and manual optimization, which needs none, loses precision, DDP and callbacks",
        f"{_EPOCH}._results": "whether anything is logged at each step; `trainer.logged_metrics` computes all of it "
        "to say so",
        f"{_EPOCH}._batches_that_stepped": "the step that loggers get; `global_step` counts each optimizer",
        "lightning.pytorch.trainer.trainer:Trainer._logger_connector": "hears of each batch as in Lightning's step, "
        "or `self.log` would add to the batch before",
        "lightning.pytorch.core.module:LightningModule._current_fx_name": "the hook that `self.log` takes a value to "
        "be logged in; Lightning sets it around the hooks that it calls itself",
    },
    "finite": {
        "torch:_amp_foreach_non_finite_check_and_unscale_": "a step of the perceptron in 4.02 ms for 4.77 with "
        "`isfinite` of each gradient; of one layer set, 0.07 ms for 0.11 by `get_total_norm`, which calls large "
        "numbers infinite, and 1.45 by its largest",
    },
    "quick_hydra": {
        f"{_LOADER}:ConfigLoaderImpl._apply_overrides_to_config": "a mistyped key is refused in 0.42 s for 0.51: "
        "`compose`, which is public, does all of it again",
        "hydra._internal.hydra:Hydra.get_mode": "a mistyped key is refused in 0.42 s for 0.50, and each run starts as "
        "much sooner; nothing public says that it need not be composed for",
    },
    "composing": {
        f"{_LOADER}:ConfigLoaderImpl._apply_overrides_to_config": "a job of a sweep is composed in 13 ms for 119; "
        "`OmegaConf.update`, which is public, knows neither + nor ~, nor how Hydra refuses a key",
        f"{_LOADER}:get_overrides_dirname": "what `hydra.sweep.subdir` may ask for, in that time; it has no public "
        "name",
    },
}
