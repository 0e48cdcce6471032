"""What of its configuration a resumed run keeps, and what may then be another."""

from typing import Any

from trainhouse.configuration.settings import MAY_BE_MISSING, MAY_CHANGE, marked

# Nothing of these decides what a run has learned so far.
CHANGEABLE = marked(MAY_CHANGE)
_OFTEN_CHANGED = ("trainer.max_epochs", "trainer.devices", "callbacks.early_stopping.patience", "data.num_workers")
_MOST_SHOWN = 4
MISSING_IN_OLDER = marked(MAY_BE_MISSING)


def may_change(key: str, value: Any) -> bool:
    """Whether a resumed run may have this value of a key."""
    turned_off = key == "callbacks.early_stopping" and value is None
    return turned_off or any(key == allowed or key.startswith(f"{allowed}.") for allowed in CHANGEABLE)


def may_have_changed(key: str, value: Any) -> bool:
    """Whether a run may have another value of a key than its checkpoint: typed at a resume, or filled in then."""
    return key in MISSING_IN_OLDER or may_change(key, value)


def kept_line(key: str, folder: str) -> str:
    """Say that the run in `folder` keeps its value of a key, and what it may change: first of the same group."""
    group = f"{key.partition('.')[0]}."
    shown = [*dict.fromkeys([*(one for one in CHANGEABLE if one.startswith(group)), *_OFTEN_CHANGED])][:_MOST_SHOWN]
    return (
        f"{key}: a resumed run keeps its own (resume={folder}); what it may change is {', '.join(shown)} and "
        f"{len(CHANGEABLE) - len(shown)} keys more (explain=<key> says it of each). "
        f"For another {key} start a new run, with init_from= from these weights"
    )
