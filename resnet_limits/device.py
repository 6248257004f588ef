"""The one place that turns the key `device` into a torch device."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import SettingError

if TYPE_CHECKING:
    import torch


def resolve(name: str) -> torch.device:
    """`auto` is CUDA where there is a device, else the CPU. Raises `SettingError` for a device that is not there."""
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name == "auto":
        return torch.device("cuda" if count else "cpu")
    if name.startswith("cuda"):
        if not count:
            raise SettingError(f"device={name}: torch {torch.__version__} sees no CUDA device; use device=cpu or auto")
        index = int(name[5:]) if ":" in name else 0
        if index >= count:
            raise SettingError(f"device={name}: there are {count} CUDA devices, cuda:0 to cuda:{count - 1}")
    return torch.device(name)


def gpus(name: str) -> int:
    """How many GPUs the jobs of a key `device` may be spread over, 0 for those on the CPU. Free of torch where the
    system shows none."""
    if name == "cpu" or (name == "auto" and not Path("/dev/nvidiactl").exists()):
        return 0
    import torch

    return 1 if ":" in name else torch.cuda.device_count()


def name_of_device(device: torch.device) -> str:
    """`cpu (x86_64)` or the name of the GPU."""
    import torch

    return torch.cuda.get_device_name(device) if device.type == "cuda" else f"cpu ({platform.machine()})"
