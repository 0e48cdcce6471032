"""Which devices there can be on this machine, asked without torch, whose import takes seconds."""

import ctypes
import sys
from pathlib import Path
from typing import Any

from trainhouse.configuration.errors import UserError
from trainhouse.machine.cores import available_cores
from trainhouse.machine.ranks import ranks
from trainhouse.machine.sweep_worker import accelerators

_PROCESSES_OF_A_CORE = 8  # more of them wait for one another
# Files of the drivers of NVIDIA, of Windows' Linux, of AMD, Intel and others.
_DRIVERS = ("nvidia*", "nvhost*", "nvgpu*", "dxg", "kfd", "dri/renderD*", "accel*", "habanalabs*", "neuron*")


def has_no_gpu(devices: Path = Path("/dev"), library: str = "libcuda.so.1") -> bool:
    """Whether there is surely none: no driver has a file among the `devices`, and CUDA's own library isn't there.

    False where in doubt: torch knows then.
    """
    if sys.platform != "linux" or any(True for pattern in _DRIVERS for _ in devices.glob(pattern)):
        return False
    try:
        ctypes.CDLL(library)
    except OSError:
        return True
    return False


def no_gpu(asked: str) -> str:
    """Say that the accelerator `asked` for in ``trainer`` isn't there."""
    return (
        f"trainer.accelerator: {asked}, and there is none; trainer=cpu trains on the CPU, "
        "trainer=ddp_cpu in several processes"
    )


def check_devices(devices: Any, accelerator: Any) -> None:
    """Raise `UserError` for ``trainer.devices`` that are none, or more processes than the cores can serve."""
    if devices in (0, "0", []):
        raise UserError(f"trainer.devices: expected a number from 1 up, -1 for all, or a list, got {devices!r}")
    count = len(devices) if isinstance(devices, list) else devices
    are_cores = accelerator == "cpu" or (accelerator == "auto" and not accelerators())
    most = _PROCESSES_OF_A_CORE * available_cores()
    if not ranks().launcher and are_cores and str(count).isdecimal() and int(count) > most:
        raise UserError(
            f"trainer.devices: {count} processes would share {available_cores()} cores; give at most {most}"
        )
