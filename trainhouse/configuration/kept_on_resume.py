"""What of its configuration a run keeps when it goes on, and what may then be another."""

from typing import Any

# What a run may take over from the command line when it goes on: nothing that decides what it has learned so far.
MAY_CHANGE = (
    "trainer.max_epochs",
    "trainer.max_time",
    "trainer.accelerator",
    "trainer.log_every_n_steps",
    "trainer.profiler",
    "trainer.enable_progress_bar",
    "data.num_workers",
    "data.worker_timeout",
    "data.in_memory",
    "data.device_resident",
    "callbacks.early_stopping.patience",
    "callbacks.early_stopping.min_delta",
    "callbacks.epoch_checkpoint",
    "callbacks.last_checkpoint",
    "callbacks.progress_bar",
    "preflight",
    "threads",
)


def may_change(key: str, value: Any) -> bool:
    """Whether a run that goes on may have this value of a key."""
    turned_off = key == "callbacks.early_stopping" and value is None
    return turned_off or any(key == allowed or key.startswith(f"{allowed}.") for allowed in MAY_CHANGE)


def kept_line(key: str, folder: str) -> str:
    """Say that the run in `folder` keeps its value of a key."""
    return (
        f"{key}: a run that goes on keeps its own (resume={folder}); what it may change is {', '.join(MAY_CHANGE)}. "
        f"For another {key} start a new run, with init_from= from these weights"
    )
