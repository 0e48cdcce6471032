"""Which figures are drawn: those that a task has, and of these what the key `figures` names."""

from collections.abc import Callable, Sequence
from typing import Any

from trainhouse.configuration.errors import UserError, did_you_mean
from trainhouse.configuration.settings import Eval, Train

LOSS_CURVE = "loss_curve"
# Each kind of this library: the file of its function, and the function's name there.
KINDS = {
    "confusion_matrix": ("confusion_matrix", "of_measured"),
    "class_scores": ("class_scores", "class_scores"),
    "roc_curve": ("ranking_curves", "roc_curve"),
    "precision_recall": ("ranking_curves", "precision_recall"),
    "calibration": ("calibration", "calibration"),
    "label_scores": ("label_scores", "label_scores"),
    "predicted_against_true": ("regression", "of_measured"),
    "residuals": ("regression", "residuals"),
    "worst_rows": ("worst_rows", "worst_rows"),
    "permutation_importance": ("permutation_importance", "permutation_importance"),
}
Asked = bool | list[str]
"""What the key `figures` may be: all, none, or these."""
OfTask = Sequence[str | Callable[[Any], Any]]


def asked_in(settings: Train | Eval) -> Asked:
    """Return the key `figures`; a configuration of an older version has none, which means all."""
    asked: Asked = settings.plain.get("figures", True)
    return asked


def figures_of(task: object) -> OfTask:
    """Return what a task says it has: names of `KINDS`, or functions. Raises `UserError` for another name."""
    found: OfTask = tuple(getattr(task, "figures", ()))
    for one in found:
        if not callable(one) and one not in KINDS:
            near = did_you_mean(str(one), KINDS)
            raise UserError(f"figures of {type(task).__name__}: the library has no '{one}'{near}")
    return found


def name_of(figure: str | Callable[[Any], Any]) -> str:
    """Return the name of a figure, and of its file."""
    return figure if isinstance(figure, str) else figure.__name__


def check_asked(asked: Asked, has: Sequence[str], of: str) -> None:
    """Raise `UserError` if the key `figures` names one that is not among those that the run `has`."""
    for name in asked if isinstance(asked, list) else []:
        if name not in has:
            known = f"; it has {', '.join(has)}" if has else ", which has none"
            raise UserError(f"figures: {name} is no figure of {of}{did_you_mean(name, has) or known}")


def is_asked(name: str, asked: Asked) -> bool:
    """Whether a figure is wanted."""
    return name in asked if isinstance(asked, list) else asked
