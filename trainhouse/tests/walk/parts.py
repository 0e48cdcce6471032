"""What Lightning exports, and what a user types for each of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from typing import get_args

from lightning.fabric.connector import _PRECISION_INPUT_STR, _PRECISION_INPUT_STR_ALIAS
from lightning.pytorch import callbacks, loggers, profilers, strategies
from lightning.pytorch.strategies import StrategyRegistry

OWN = "src.models.lightning_parts"
COUNT = "trainhouse.training.throughput.row_count"
TPU = "torch_xla"


@dataclass(frozen=True)
class Part:
    """One thing that can be chosen."""

    kind: str
    name: str
    typed: tuple[str, ...]
    """The overrides, as on the command line."""
    note: str = ""
    needs: str = ""
    """The package or the hardware without which there is one line only."""
    pair: str = "multilabel"
    """The pair of one's own that it is tried on."""

    @property
    def is_at_hand(self) -> bool:
        """Whether this machine has what it needs."""
        return not self.needs or find_spec(self.needs) is not None


def exported() -> dict[str, list[str]]:
    """All names that a new version of Lightning may add to."""
    precisions = (*get_args(_PRECISION_INPUT_STR), *get_args(_PRECISION_INPUT_STR_ALIAS))
    return {
        "callback": list(callbacks.__all__),
        "logger": list(loggers.__all__),
        "profiler": list(profilers.__all__),
        "strategy": ["auto", *StrategyRegistry.available_strategies(), *strategies.__all__],
        "precision": [str(one) for one in precisions],
    }


# The arguments of those that need some, and what stands for a class that does nothing by itself.
_CALLBACKS: dict[str, str] = {
    "Callback": f"{OWN}.Counts",
    "Checkpoint": f"{OWN}.SavesTwice",
    "BaseFinetuning": f"{OWN}.FirstLayerLater",
    "BasePredictionWriter": f"{OWN}.PredictionFile,write_interval:batch",
    "ProgressBar": f"{OWN}.OwnBar",
    "BackboneFinetuning": "unfreeze_backbone_at_epoch:1",
    "EMAWeightAveraging": "decay:0.9",
    "WeightAveraging": "use_buffers:true",
    "EarlyStopping": "monitor:train/loss,mode:min,patience:1",
    "GradientAccumulationScheduler": "scheduling:{0:1,1:2}",
    "LambdaCallback": f"on_train_epoch_end:{{_target_:{OWN}.look,_partial_:true}}",
    "LearningRateFinder": "num_training_steps:40,min_lr:1.0e-3,max_lr:1.0",
    "BatchSizeFinder": "max_trials:1,init_val:8",
    "LearningRateMonitor": "logging_interval:step",
    "ModelCheckpoint": "monitor:val/loss,save_top_k:2",
    "ModelPruning": "pruning_fn:l1_unstructured,amount:0.2",
    "SpikeDetection": "rtol:100.0",
    "StochasticWeightAveraging": "swa_lrs:0.01,swa_epoch_start:1",
    "ThroughputMonitor": f"batch_size_fn:{{_target_:{COUNT},_partial_:true}},window_size:2",
    "Timer": 'duration:"00:12:00:00"',
}
_LOGGED = {"DeviceStatsMonitor", "LearningRateMonitor", "ThroughputMonitor"}
_PACKAGES = {
    "DeviceStatsMonitor": "psutil",
    "CometLogger": "comet_ml",
    "MLFlowLogger": "mlflow",
    "WandbLogger": "wandb",
    "XLAProfiler": TPU,
}


def _node(package: str, name: str, more: str) -> str:
    """An object of the command line: of a class of Lightning's, or of the example in its place."""
    target, _, rest = more.partition(",") if more.startswith(OWN) else (f"lightning.pytorch.{package}.{name}", "", more)
    return f"{{{','.join(['_target_:' + target, *([rest] if rest else [])])}}}"


def _callbacks() -> Iterator[Part]:
    for name in callbacks.__all__:
        typed = [f"+callbacks.x={_node('callbacks', name, _CALLBACKS.get(name, ''))}"]
        typed += ["logger=csv"] if name in _LOGGED else []
        note = "a subclass" if _CALLBACKS.get(name, "").startswith(OWN) else ""
        pair = "fine_tuning" if name == "BackboneFinetuning" else "multilabel"
        yield Part("callback", name, tuple(typed), note, _PACKAGES.get(name, ""), pair)


def _loggers() -> Iterator[Part]:
    for name in [*loggers.__all__, "NeptuneLogger"]:
        package = "loggers.neptune" if name == "NeptuneLogger" else "loggers"
        more = f"{OWN}.Prints" if name == "Logger" else ""
        note = "a subclass" if more else ""
        yield Part("logger", name, (f"+logger.x={_node(package, name, more)}",), note, _PACKAGES.get(name, ""))


def _profilers() -> Iterator[Part]:
    for name in ("simple", "advanced", "pytorch"):
        yield Part("profiler", name, (f"trainer.profiler={name}",))
    for name in profilers.__all__:
        more = f"{OWN}.Counter" if name == "Profiler" else ""
        note = "a subclass" if more else ""
        typed = (f"trainer.profiler={_node('profilers', name, more)}",)
        yield Part("profiler", name, typed, note, _PACKAGES.get(name, ""))


def _strategies() -> Iterator[Part]:
    for name in ["auto", *StrategyRegistry.available_strategies()]:
        needs = TPU if "xla" in name else ""
        yield Part("strategy", name, (f"trainer.strategy={name}",), "", TPU if "tpu" in name else needs)
    for name in strategies.__all__:
        more = f"{OWN}.OwnDevice" if name in ("Strategy", "ParallelStrategy") else ""
        more = "device:cpu" if name == "SingleDeviceStrategy" else more
        note = "a subclass" if more.startswith(OWN) else ""
        yield Part("strategy", name, (f"trainer.strategy={_node('strategies', name, more)}",), note)


def _precisions() -> Iterator[Part]:
    for name in exported()["precision"]:
        needs = "transformer_engine" if "transformer" in name else ""
        yield Part("precision", name, (f"trainer.precision={name}",), "", needs)


PARTS = [*_callbacks(), *_loggers(), *_profilers(), *_strategies(), *_precisions()]
