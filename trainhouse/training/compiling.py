"""`torch.compile` for the network: its weights, their names and its checkpoints stay as they are."""

import os
import shutil
from typing import Any

import torch

from trainhouse.configuration.errors import UserError

_COMPILERS = ("g++", "clang++", "c++", "cl")


def check_compiler(device: torch.device) -> None:
    """Raise `UserError` if nothing can be compiled for `device`: before anything is trained."""
    named = os.environ.get("CXX")
    if device.type == "cpu" and not any(map(shutil.which, [named] if named else _COMPILERS)):
        wanted = f"CXX names {named}, which is not there" if named else f"none of {', '.join(_COMPILERS)} is there"
        raise UserError(f"compile: the CPU needs a C++ compiler, and {wanted}; install one, or set compile=false")


def compile_network(module: Any) -> None:
    """Have the module around a network call that compiled. The compiling itself is at the first batch of each size."""
    module.network.compile()
