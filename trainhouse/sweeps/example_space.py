"""A space with a condition, to copy: -m sweep=optuna hydra.sweeper.space=trainhouse.sweeps.example_space.layers"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from optuna import Trial


def layers(trial: "Trial") -> list[str]:
    """Return overrides for one to three hidden layers, each with a size of its own."""
    depth = trial.suggest_int("layers", 1, 3)
    sizes = [trial.suggest_int(f"size_{layer}", 16, 256, log=True) for layer in range(depth)]
    return [f"model.hidden_sizes={sizes}".replace(" ", "")]
