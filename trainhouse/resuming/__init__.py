"""A run that was stopped ends with the same bits as one that never was."""

_LOOPS = "lightning.pytorch.loops"
_LOGGED = "lightning.pytorch.trainer.connectors.logger_connector"

PRIVATE_NAMES: dict[str, str] = {
    f"{_LOOPS}.fit_loop:_FitLoop._restarting": "",
    f"{_LOOPS}.fit_loop:_FitLoop._data_fetcher": "",
    f"{_LOOPS}.fit_loop:_FitLoop._combined_loader": "",
    "lightning.pytorch.utilities.combined_loader:CombinedLoader._mode": "",
    f"{_LOOPS}.training_epoch_loop:_TrainingEpochLoop._should_check_val_fx": "",
    f"{_LOOPS}.training_epoch_loop:_TrainingEpochLoop._batches_that_stepped": "",
    f"{_LOOPS}.training_epoch_loop:_TrainingEpochLoop._results": "",
    f"{_LOOPS}.evaluation_loop:_EvaluationLoop._results": "",
    f"{_LOOPS}.evaluation_loop:_EvaluationLoop._combined_loader": "",
    f"{_LOOPS}.evaluation_loop:_EvaluationLoop._module_mode": "",
    f"{_LOOPS}.evaluation_loop:_EvaluationLoop._seen_batches_per_dataloader": "",
    "lightning.pytorch.trainer.trainer:Trainer._results": "",
    "lightning.pytorch.trainer.trainer:Trainer._logger_connector": "",
    f"{_LOGGED}.logger_connector:_LoggerConnector._first_loop_iter": "",
    f"{_LOGGED}.result:_Metadata": "",
    f"{_LOGGED}.result:_ResultMetric": "",
    f"{_LOGGED}.result:_Sync": "",
    f"{_LOGGED}.result:_ResultCollection._forked_name": "",
    f"{_LOGGED}.result:_ResultMetric._computed": "",
    f"{_LOGGED}.result:_ResultMetric._update_count": "",
    "torchmetrics:Metric._update_count": "",
    "torch.nn:Module._non_persistent_buffers_set": "",
    "torch.utils.data:DataLoader._iterator": "",
    "torch.optim.lr_scheduler:OneCycleLR._schedule_phases": "",
}
