"""The yardstick of training: python -m trainhouse.benchmarks.started.bare_training <run folder> <epochs>

A plain loop around the network, the rows and the hyperparameters of a run: tensors in memory, one permutation
an epoch, cross-entropy, fused Adam, as many threads. It logs nothing, counts nothing, saves nothing.
Prints its steps per second, the first epoch left out.
"""

import json
import sys
import time
from pathlib import Path

import torch
from omegaconf import OmegaConf
from torch.nn.functional import cross_entropy

from trainhouse.configuration.settings import Train
from trainhouse.training.build_data import build_data
from trainhouse.training.build_module import build_network, build_preprocessing
from trainhouse.training.threads import set_threads


def main(run: Path, epochs: int) -> None:
    """Train `epochs` epochs on what the configuration of `run` describes."""
    settings = Train(OmegaConf.to_container(OmegaConf.load(run / "config.yaml")))
    set_threads(settings.threads)
    torch.manual_seed(0)
    device = torch.accelerator.current_accelerator(check_available=True) or torch.device("cpu")
    data = build_data(settings.data, settings.seed)
    fitted = build_preprocessing(data, settings.data)
    facts = {**data.spec.to_dict(), "input_shape": fitted.output_shape}
    network = build_network(settings.model, facts).to(device).train()
    mean, std = fitted.shift.to(device), fitted.scale.to(device)
    rows, numbers = data.parts["train"]
    x, y = torch.from_numpy(rows.x[numbers]), torch.from_numpy(rows.y[numbers])
    if x.dtype != torch.uint8:
        x = x.float()
    optimizer = torch.optim.Adam(network.parameters(), lr=settings.optimizer.lr, fused=True)
    batch_size = settings.data.batch_size
    steps = 0
    for epoch in range(epochs):
        if epoch == 1:
            _wait(device)
            steps, started = 0, time.perf_counter()
        order = torch.randperm(len(y))
        for start in range(0, len(y), batch_size):
            batch = order[start : start + batch_size]
            rows_of_batch = x[batch].to(device)
            logits = network((rows_of_batch.float() - mean) / std)
            loss = cross_entropy(logits, y[batch].to(device))
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            steps += 1
    _wait(device)
    print(json.dumps({"steps_per_second": steps / (time.perf_counter() - started)}))


def _wait(device: torch.device) -> None:
    if device.type != "cpu":
        torch.accelerator.synchronize()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
