"""Only speed: what is here does what Lightning, Hydra and torch do, sooner. The folder may be deleted."""

# By file: each private name, what it gives, and the public way that was tried.
PRIVATE_NAMES: dict[str, dict[str, str]] = {
    "lean_step": {
        "lightning.pytorch.loops.training_epoch_loop:_TrainingEpochLoop": "",
        "lightning.pytorch.loops.training_epoch_loop:_TrainingEpochLoop._results": "",
        "lightning.pytorch.loops.training_epoch_loop:_TrainingEpochLoop._batches_that_stepped": "",
        "lightning.pytorch.trainer.trainer:Trainer._logger_connector": "",
        "lightning.pytorch.core.module:LightningModule._current_fx_name": "",
    },
    "finite": {"torch:_amp_foreach_non_finite_check_and_unscale_": ""},
    "quick_hydra": {
        "hydra._internal.config_loader_impl:ConfigLoaderImpl.get_group_options": "",
        "hydra._internal.config_loader_impl:ConfigLoaderImpl._apply_overrides_to_config": "",
        "hydra._internal.hydra:Hydra.get_mode": "",
    },
    "composing": {
        "hydra._internal.config_loader_impl:ConfigLoaderImpl._apply_overrides_to_config": "",
        "hydra._internal.config_loader_impl:get_overrides_dirname": "",
    },
}
