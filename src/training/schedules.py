"""Learning-rate schedules that need to know how many steps there will be."""

import math
from typing import Annotated

from annotated_types import Gt, Interval
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, OneCycleLR

Share = Annotated[float, Interval(ge=0, le=1)]


def cosine(optimizer: Optimizer, total_steps: int, warmup: Share = 0.0, final: Share = 0.0) -> LambdaLR:
    """Rise linearly for the share `warmup` of all steps, then fall along half a cosine to `final` times the rate.

    Loshchilov & Hutter, "SGDR", 2017, without restarts.
    """
    warmup_steps = round(warmup * total_steps)

    def factor(step: int) -> float:
        if step < warmup_steps:
            return (step + 1) / (warmup_steps + 1)
        done = min(1.0, (step - warmup_steps) / max(1, total_steps - warmup_steps))
        return final + (1 - final) * (1 + math.cos(math.pi * done)) / 2

    return LambdaLR(optimizer, factor)


def one_cycle(
    optimizer: Optimizer, total_steps: int, warmup: Share = 0.3, start: Annotated[Share, Gt(0)] = 0.04
) -> OneCycleLR:
    """Rise from `start` times the optimizer's rate to all of it, for the share `warmup` of all steps; then fall to 0.

    Smith & Topin, "Super-Convergence", 2018. The momentum moves the other way.
    """
    rates = [group["lr"] for group in optimizer.param_groups]
    return OneCycleLR(optimizer, max_lr=rates, total_steps=total_steps, pct_start=float(warmup), div_factor=1 / start)
