"""A GPU for each job: jobs of one run that share a host take turns, never two on one GPU at a time.

    device=auto (where there are GPUs), device=cuda    a GPU that no other job of the run holds, waiting for one
    device=cuda:N, device=cpu                          as asked

Whoever holds the lock on `launcher/gpu-HOST-UUID.lock` has the GPU; the system lets go of the lock when the process
ends, however it ends. The UUID is that of the physical device: two processes may call different ones `cuda:0`.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import socket
import time
import traceback
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from .. import device
from ..files import plain

SECONDS_BETWEEN_LOOKS = 0.5
"""Seconds from one look at the locks to the next."""


@contextlib.contextmanager
def leased(
    name: str, locks: Path, *, job: str, waiting: Callable[[], None], log: Callable[[str], None]
) -> Iterator[str]:
    """The device of a job, `cpu` or `cuda:N`, for a key `device`; held until the block is left.

    `locks` is the folder of the locks. `waiting()` is called at each look while all GPUs are taken, and may raise to
    give up. Where the file system cannot lock, the job's name chooses the GPU, and the log says so. Raises
    `SettingError` for a device that is not there.
    """
    import torch

    where = device.resolve(name)
    if where.type != "cuda":
        yield str(where)
        return
    with contextlib.ExitStack() as held:
        index = where.index
        if index is None:
            index = _taken(held, locks, job, waiting, log)
        with torch.cuda.device(index):
            try:
                yield f"cuda:{index}"
            except BaseException as error:
                traceback.clear_frames(error.__traceback__)
                raise
            finally:
                torch.cuda.empty_cache()  # this process may live on, and the next job here be that of another


def _taken(
    held: contextlib.ExitStack, locks: Path, job: str, waiting: Callable[[], None], log: Callable[[str], None]
) -> int:
    """The index of a GPU that is this process's until `held` is closed."""
    paths = [locks / f"gpu-{as_name(socket.gethostname())}-{as_name(uuid)}.lock" for uuid in physical_devices()]
    while True:
        try:
            for index, path in enumerate(paths):
                if (descriptor := try_lock(path)) is not None:
                    held.callback(os.close, descriptor)
                    log(f"cuda:{index} is this job's own")
                    return index
        except OSError as error:
            index = zlib.crc32(job.encode()) % len(paths)
            log(f"no lock on a GPU ({error.strerror} in {locks}): cuda:{index}, which other jobs may use, too")
            return index
        waiting()
        time.sleep(SECONDS_BETWEEN_LOOKS)


def physical_devices() -> list[str]:
    """What tells the GPUs that this process sees from all others, by their index here."""
    import torch

    return [str(torch.cuda.get_device_properties(i).uuid) for i in range(torch.cuda.device_count())]


def try_lock(path: Path) -> int | None:
    """A descriptor that holds the lock on a file, None where another one does. Raises `OSError` where none can be."""
    path.parent.mkdir(exist_ok=True)
    descriptor = plain(path, os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def as_name(name: str) -> str:
    """As a part of a file's name."""
    return re.sub(r"[^\w.-]", "_", name)
