"""The yardstick of training: python -m trainhouse.benchmarks.started.bare_training <run folder> <epochs> [best]

A plain loop around the network, the rows and the hyperparameters of a run: tensors in memory, one permutation
an epoch, cross-entropy, fused Adam, as many threads. It logs nothing, counts nothing, saves nothing.
Prints its steps per second, the first epoch left out.

The `best` loop is for these rows and this machine only: the rows are standardised before it begins, it is run with one
thread and with all, and the median epoch of the faster one counts.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import mean, median

import torch
from omegaconf import OmegaConf
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from trainhouse.arrays.datamodule import DataModule
from trainhouse.configuration.settings import Train
from trainhouse.machine.cores import available_cores
from trainhouse.training.build_data import build_data
from trainhouse.training.build_module import build_network, build_preprocessing
from trainhouse.training.threads import set_threads


def main(run: Path, epochs: int, is_best: bool) -> None:
    """Train `epochs` epochs on what the configuration of `run` describes."""
    settings = Train(OmegaConf.to_container(OmegaConf.load(run / "config.yaml")))
    device = torch.accelerator.current_accelerator(check_available=True) or torch.device("cpu")
    data = build_data(settings.data, settings.seed)
    assert isinstance(data, DataModule)
    fitted = build_preprocessing(data, settings.data)
    facts = {**data.spec.to_dict(), "input_shape": fitted.output_shape}
    shift, scale = fitted.shift.to(device), fitted.scale.to(device)
    rows, numbers = data.parts["train"]
    x, y = torch.from_numpy(rows.x[numbers]), torch.from_numpy(rows.y[numbers])
    if x.dtype != torch.uint8:
        x = x.float()
    if is_best:
        x = (x - fitted.shift) / fitted.scale
    prepare: Callable[[Tensor], Tensor] = (lambda x: x) if is_best else (lambda x: (x.float() - shift) / scale)
    batch_size = settings.data.batch_size
    speeds = []
    for threads in (1, available_cores()) if is_best else (settings.threads,):
        set_threads(threads)
        torch.manual_seed(0)
        network = build_network(settings.model, facts).to(device).train()
        optimizer = torch.optim.Adam(network.parameters(), lr=settings.optimizer.lr, fused=True)
        seconds = [_epoch(network, optimizer, prepare, x, y, batch_size, device) for _ in range(epochs)]
        speeds.append(-(-len(y) // batch_size) / (median if is_best else mean)(seconds[1:]))
    print(json.dumps({"steps_per_second": max(speeds)}))


def _epoch(
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    prepare: Callable[[Tensor], Tensor],
    x: Tensor,
    y: Tensor,
    batch_size: int,
    device: torch.device,
) -> float:
    """Train one epoch; return its seconds."""
    started = time.perf_counter()
    order = torch.randperm(len(y))
    for start in range(0, len(y), batch_size):
        batch = order[start : start + batch_size]
        logits = network(prepare(x[batch].to(device)))
        loss = cross_entropy(logits, y[batch].to(device))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
    if device.type != "cpu":
        torch.accelerator.synchronize()
    return time.perf_counter() - started


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), is_best="best" in sys.argv[3:])
