"""Which keys of a run say nothing of what it learns: where it goes, what it says and shows, what serves it."""

KEYS = (
    *(
        "defaults",
        "hydra",
        "launcher",
        "sweep",
        "outputs",
        "name",
        "resume",
        "init_prefix",
        "threads",
        "rank_timeout",
        "preflight",
    ),
    *("logger", "log_gradients", "metrics", "figures", "tags", "notes"),
    *("callbacks.progress_bar", "data.num_workers", "data.worker_timeout"),
    *("trainer.enable_progress_bar", "trainer.log_every_n_steps", "trainer.profiler"),
)


def is_learned_from(key: str) -> bool:
    """Whether another value of a dotted key, or another option of a group, can make another model."""
    return not any(key == one or key.startswith((f"{one}.", f"{one}@")) for one in KEYS)
