"""Out of memory: one error, whoever ran out, that says what was asked for, what there was, and which keys help.

    MemoryError (numpy's says how much), std::bad_alloc, ENOMEM,
    torch's CPU allocator, sizes beyond 2^63                              ->  OutOfMemory, of the host
    torch.OutOfMemoryError, CUDA and its libraries                        ->  OutOfMemory, of the GPU

What is free is counted after the measurement has let go of its own. What there is on the host is the least of its
memory, that of the control group (containers, SLURM) and the limit on addresses (`ulimit -v`). Free of torch.
"""

from __future__ import annotations

import contextlib
import errno
import gc
import math
import os
import re
import resource
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import device
from .errors import OutOfMemory
from .settings.base import Settings

ALLOCATION_ASKED = re.compile(r"allocate (\d+(?:\.\d+)?) (bytes|[KMGTPE]iB)")
UNITS = {"bytes": 1, **{f"{letter}iB": 1024**power for power, letter in enumerate("KMGTPE", start=1)}}
MESSAGES_OF_THE_HOST = (
    "can't allocate memory",
    "not enough memory",
    "bad_alloc",
    "size calculation overflowed",
    "multiplication overflow",
)
MESSAGES_OF_THE_GPU = ("CUDA out of memory", "CUDA error: out of memory", "_STATUS_ALLOC_FAILED")


@dataclass(frozen=True)
class Room:
    """Bytes that are free and that there are, and where."""

    free: float
    total: float
    where: str


@contextlib.contextmanager
def explained(settings: Settings, keys: Sequence[str], doing: str) -> Iterator[None]:
    """Raise `OutOfMemory` in place of whatever says that memory ran out; `keys` are those that it grows with."""
    try:
        yield
    except Exception as error:
        where = ran_out_of(error)
        if where is None:
            raise
        # What the measurement held must go: a caller may keep this error, and another job may follow in this process.
        # What is free then is what the measurement may have in all.
        traceback.clear_frames(error.__traceback__)
        gc.collect()
        room = gpu_room(settings.device) if where == "gpu" else host_room()
        raise OutOfMemory(message(settings, keys, doing, _asked(error), room)) from None


def ran_out_of(error: BaseException) -> str | None:
    """`host` or `gpu` where the error says that its memory ran out, else None."""
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
        return "host"
    if isinstance(error, RuntimeError):
        if type(error).__name__ == "OutOfMemoryError" or any(words in str(error) for words in MESSAGES_OF_THE_GPU):
            return "gpu"
        if any(words in str(error) for words in MESSAGES_OF_THE_HOST):
            return "host"
    return None


def message(settings: Settings, keys: Sequence[str], doing: str, asked: float | None, room: Room | None) -> str:
    """One line: where, how much, and the keys that help, first the one furthest above its default."""
    numbers = []
    if asked is not None:
        numbers.append(f"{gigabytes(asked)} more asked for")
    if room is not None:
        numbers.append(f"{gigabytes(room.free)} free without it, of {gigabytes(room.total)} ({room.where})")
    sizes = f"depth={settings.depth}, width={settings.width}, replicas={settings.replicas}"
    text = f"out of memory in '{doing}' at {sizes}: {', '.join(numbers) or 'how much is not known'}"
    return text + helping(settings, keys)


def helping(settings: Settings, keys: Sequence[str]) -> str:
    """`; less is needed with a smaller width (now 512) or depth (now 8)`; empty without keys."""
    now = {key: "all" if (value := _value(settings, key)) is None else value for key in by_excess(settings, keys)}
    helps = [f"{key} (now {value})" for key, value in now.items()]
    return f"; less is needed with a smaller {_listed(helps)}" if helps else ""


def by_excess(settings: Settings, keys: Sequence[str]) -> list[str]:
    """The keys, those first whose value lies furthest above the default: they are what was asked for beyond it."""
    default = type(settings)(study=settings.study)

    def excess(key: str) -> float:
        value, usual = _value(settings, key), _value(default, key)
        return math.inf if value is None else value / max(usual or 1, 1)  # null: all that there are

    return sorted(keys, key=lambda key: -excess(key))


def host_room() -> Room | None:
    """What a process may still take on this host; None where the system does not say."""
    return min(rooms(), key=lambda room: room.free, default=None)


def host_limit() -> Room | None:
    """The tightest limit on what a process may have at all, however much of it is in use now."""
    return min(rooms(), key=lambda room: room.total, default=None)


def shared_room() -> Room | None:
    """What the processes of a run may still take together; a limit on addresses is each one's own."""
    return min(filter(None, (_memory(), control_group())), key=lambda room: room.free, default=None)


def rooms() -> list[Room]:
    """Every limit that this process is under."""
    return [room for room in (_memory(), control_group(), _addresses()) if room is not None]


def gpu_room(name: str) -> Room | None:
    """The same of the GPU of this key `device`; None where it does not answer."""
    import torch

    with contextlib.suppress(Exception):
        where = device.resolve(name)
        torch.cuda.empty_cache()
        free, total = torch.cuda.mem_get_info(where)
        return Room(free, total, f"{device.name_of_device(where)}, {where}")
    return None


def control_group(proc: Path = Path("/proc/self/cgroup"), mounted: Path = Path("/sys/fs/cgroup")) -> Room | None:
    """The tightest limit on memory of the control groups of this process, version 1 or 2; None where there is none.

    Pages of files that are not in use count as free, as they do when the kernel needs room.
    """
    rooms = []
    for line in _lines(proc):
        _, controllers, path = line.split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        root = mounted / "memory" if controllers else mounted
        limit, used = (
            ("memory.limit_in_bytes", "memory.usage_in_bytes") if controllers else ("memory.max", "memory.current")
        )
        group = root / path.lstrip("/")
        # A container may not see its own path, but its group at the root.
        for folder in (group, *(p for p in group.parents if p == root or root in p.parents)):
            with contextlib.suppress(OSError, ValueError):  # no limit is the word "max"
                total, taken = int((folder / limit).read_text()), int((folder / used).read_text())
                rooms.append(Room(max(total - taken + _idle(folder), 0), total, "limit of the control group"))
    return min(rooms, key=lambda room: room.free, default=None)


def _idle(group: Path) -> int:
    fields = dict(line.split() for line in _lines(group / "memory.stat"))
    return int(fields.get("total_inactive_file", fields.get("inactive_file", 0)))


def _memory() -> Room | None:
    fields = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in _lines(Path("/proc/meminfo"))}
    if "MemAvailable" in fields:
        return Room(fields["MemAvailable"], fields["MemTotal"], "memory of this host")
    with contextlib.suppress(OSError, ValueError):
        page = os.sysconf("SC_PAGE_SIZE")
        pages = [page * os.sysconf(name) for name in ("SC_AVPHYS_PAGES", "SC_PHYS_PAGES")]
        return Room(pages[0], pages[1], "memory of this host")
    return None


def _addresses() -> Room | None:
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit == resource.RLIM_INFINITY:
        return None
    used = int((_lines(Path("/proc/self/statm")) or ["0"])[0].split()[0]) * os.sysconf("SC_PAGE_SIZE")
    return Room(max(limit - used, 0), limit, "limit on addresses, ulimit -v")


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return []


def _asked(error: BaseException) -> float | None:
    asked = ALLOCATION_ASKED.search(str(error))
    return float(asked[1]) * UNITS[asked[2]] if asked else None


def gigabytes(count: float) -> str:
    size = count / 1e9
    return f"{size:,.0f} GB" if size >= 100 else f"{size:.2g} GB" if size < 1 else f"{size:.1f} GB"


def _value(settings: Settings, key: str) -> float | None:
    value: Any = settings
    for name in key.split("."):
        value = getattr(value, name)
    return value


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"
