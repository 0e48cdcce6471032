"""A run that was stopped ends with the same bits as one that never was.

Where a library lacks one of `PRIVATE_NAMES`, or is of a version that was not tried, none of them is used: everything
works, a resume is Lightning's own, a line says so, and metrics.json has ``exact: false``.
"""

_EPOCH = "lightning.pytorch.loops.training_epoch_loop:_TrainingEpochLoop"
_EVALUATION = "lightning.pytorch.loops.evaluation_loop:_EvaluationLoop"
_FIT = "lightning.pytorch.loops.fit_loop:_FitLoop"
_LOGGED = "lightning.pytorch.trainer.connectors.logger_connector"
_TRAINER = "lightning.pytorch.trainer.trainer:Trainer"

# What each name gives a resume, and why no public one does.
PRIVATE_NAMES = {
    f"{_FIT}._restarting": "a plateau schedule steps, and `max_steps` begins an epoch, after a resume; the setter of "
    "`restarting` puts the flag back up in a run that ends by its steps",
    f"{_FIT}._data_fetcher": "the argument of `_should_check_val_fx`; nobody else has it",
    f"{_FIT}._combined_loader": "holds `_mode`; `trainer.train_dataloader` is the user's structure, without one",
    "lightning.pytorch.utilities.combined_loader:CombinedLoader._mode": "whether a shorter loader starts again within "
    "an epoch: what it draws then; the mode is an argument of the constructor only",
    f"{_EPOCH}._should_check_val_fx": "whether a checkpoint was written before a validation that is due; written out "
    "it would be thirty lines of Lightning's, for six options of the trainer",
    f"{_EPOCH}._batches_that_stepped": "the step that loggers get; `global_step` counts each optimizer, and lacks the "
    "one that Lightning takes away at an epoch's end",
    f"{_EPOCH}._results": "the sums behind `self.log(on_epoch=True)`; `callback_metrics` has means, without their "
    "weights",
    f"{_EVALUATION}._results": "which metric objects validation has logged: Lightning resets them, so they are not "
    "saved",
    f"{_EVALUATION}._combined_loader": "each validation loader with its number of batches, by which ranks know the "
    "last moment at which all can stop; `trainer.val_dataloaders` has no mode",
    f"{_EVALUATION}._has_run": "that an epoch has no validation to wait for, the rest of which other ranks leave out",
    f"{_EVALUATION}._module_mode": "which submodules the user had put in eval mode; every public hook of a validation "
    "comes after `eval()`, and to look before each step costs a walk over all modules",
    f"{_EVALUATION}._seen_batches_per_dataloader": "the step of what is logged in validation steps; no public counter "
    "lasts beyond one validation",
    f"{_TRAINER}._results": "what the evaluation that ends now has logged, of all its loaders; `callback_metrics` "
    "holds values of training too, and those of the last loader alone are asked for by public names",
    f"{_TRAINER}._logger_connector": "the row that loggers get after the hook in which a checkpoint is written; "
    "`logged_metrics` adds up all rows so far",
    f"{_LOGGED}.logger_connector:_LoggerConnector._first_loop_iter": "keeps the first batch after a resume from "
    "resetting the sums that were put back; no hook comes between",
    f"{_LOGGED}.result:_Metadata": "the sums can be put back before the module logs again; to log them as values "
    "would weigh them as one batch",
    f"{_LOGGED}.result:_ResultMetric": "as `_Metadata`",
    f"{_LOGGED}.result:_Sync": "as `_Metadata`, on several ranks",
    f"{_LOGGED}.result:_ResultCollection._forked_name": "the name of a value as users see it; as `Trainer._results`",
    "lightning.pytorch.callbacks:WeightAveraging._average_model": "the average of weights of 64 bits, which is copied "
    "from the module before Lightning has converted it",
    "lightning.pytorch.strategies:ModelParallelStrategy._data_parallel_size": "how many ranks share the weights; the "
    "constructor is asked for it before their number is known",
    "lightning.pytorch.strategies:DDPStrategy._timeout": "how long ranks wait for one another; a strategy that is "
    "chosen by its name can't be given it",
    "torch.nn.parallel:DistributedDataParallel._check_reducer_finalized": "whether a run's last step has missed "
    "weights; in public DDP says it when the next step begins",
    "torchmetrics:Metric._computed": "the value on this rank; `compute` exchanges it among ranks once more",
    "torchmetrics:Metric._update_count": "weighs what a metric, or a sum, counted before the resume; `update_count` "
    "can't be set, and `merge_state` refuses those with `full_state_update`",
    "torch.nn:Module._non_persistent_buffers_set": "buffers that no state dict holds; to ask `state_dict` what it "
    "leaves out runs the user's hooks, and gathers sharded weights",
    "torch.utils.data:DataLoader._iterator": "where Lightning looks for persistent workers, to end them; a loader "
    "can't be made again from its public arguments, which a subclass may not take",
    "torch.optim.lr_scheduler:OneCycleLR._schedule_phases": "a schedule is laid out for the length that the run has "
    "now; it is a key of its `state_dict`, which would put the old layout back",
}
