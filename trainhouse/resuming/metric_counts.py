"""What metric objects have counted when a checkpoint is written."""

import lightning as L

from trainhouse.resuming.gathering import of_any_rank
from trainhouse.resuming.logged_values import logged_metrics
from trainhouse.resuming.module_state import Saved, counting, counts_of, metrics_of


def counts_of_all(trainer: L.Trainer, phase: str, before_validation: list[str]) -> Saved:
    """Return what metrics of all ranks have counted, but for those that Lightning is about to reset; a collective."""
    names = counting(trainer.lightning_module)
    if trainer.world_size > 1:  # each of them waits for all ranks
        names = of_any_rank(names)
    if phase == "validating":  # which begins again
        before = of_any_rank(before_validation) if trainer.world_size > 1 else before_validation
        names = [name for name in names if name in before]
    metrics = [(name, metric) for name, metric in metrics_of(trainer.lightning_module) if name in names]
    if phase in ("validated", "epoch end"):
        logged = logged_metrics(trainer, of_validation=phase == "validated")
        metrics = [(name, metric) for name, metric in metrics if not any(metric is other for other in logged)]
    return {name: counts_of(metric, trainer.world_size) for name, metric in metrics}
