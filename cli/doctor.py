"""`reslim doctor`: what works on this machine, and what to do about what does not."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib import metadata, util
from pathlib import Path

from rich.text import Text

from resnet_limits.errors import SchedulerError
from resnet_limits.runs import scheduler
from resnet_limits.runs.folder import outputs_root
from resnet_limits.runs.provenance import version

from .columns import Column, Columns
from .display import Terminal, print_json

SLURM_ADVICE = "only needed for cluster=slurm, on a machine with sbatch and squeue"


@dataclass(frozen=True)
class Finding:
    """One thing examined: whether it works, what was seen, what to do where it does not."""

    what: str
    works: bool
    seen: str
    advice: str = ""


def doctor(*, json_out: bool) -> None:
    """Examine and report; nothing is changed."""
    findings = [finding for examine in EXAMINATIONS for finding in examine()]
    if json_out:
        print_json([asdict(f) for f in findings])
        return
    table = Columns(Column(), Column("what", wraps=True), Column("seen", wraps=True), Column("what to do", wraps=True))
    for f in findings:
        table.row(Text("yes", style="green") if f.works else Text("no", style="yellow"), f.what, f.seen, f.advice)
    Terminal().print(table)


def _versions() -> Iterator[Finding]:
    yield Finding("reslim", True, f"{version()}, Python {platform.python_version()}")
    for package in ("torchdiffeq", "hydra-core", "pandas", "scikit-learn"):
        try:
            yield Finding(package, True, metadata.version(package))
        except metadata.PackageNotFoundError:
            yield Finding(package, False, "not installed", f"pip install {package}")


def _torch() -> Iterator[Finding]:
    try:
        import torch
    except ImportError as error:
        yield Finding("torch", False, str(error), 'pip install "torch>=2.9,<2.14"')
        return
    yield Finding("torch", True, f"{torch.__version__}, {os.cpu_count()} CPUs")
    if torch.cuda.is_available():
        names = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
        yield Finding("CUDA", True, ", ".join(names))
    else:
        built = f"torch is built for CUDA {torch.version.cuda}" if torch.version.cuda else "torch is a CPU build"
        yield Finding("CUDA", False, f"no device; {built}", "device=cpu works; for a GPU install a CUDA build of torch")


def _normals() -> Iterator[Finding]:
    from resnet_limits.random import gaussian

    seen = "compiled" if gaussian.COMPILED else "by numpy: the same numbers, several times slower"
    advice = "" if gaussian.COMPILED else "install a C compiler, then reslim again"
    yield Finding("random numbers", gaussian.COMPILED, seen, advice)


def _engines() -> Iterator[Finding]:
    try:
        from resnet_limits.engines.compiled import PROCESSORS, Compiled
        from resnet_limits.engines.walks.replicas import in_c
    except ImportError as error:  # no torch
        yield Finding("engine compiled", False, str(error), "install torch first")
        return
    reason = Compiled.missing()
    without_walks = reason or (None if in_c is not None else "left out when reslim was installed")
    advice = "engine=auto takes the eager one; install GCC 12 or clang, then reslim again"
    for what, why in (("engine compiled", reason), ("compiled walks", without_walks)):
        yield Finding(what, not why, why or f"for {PROCESSORS[0]}", advice if why else "")


def _kernel_sums() -> Iterator[Finding]:
    try:
        from resnet_limits.limits.hamiltonian.pair_sums import PAIR_PROCESSORS
    except ImportError as error:  # no torch
        yield Finding("sums over pairs", False, str(error), "install torch first")
        return
    seen = f"compiled, for {PAIR_PROCESSORS[0]}" if PAIR_PROCESSORS else "by matrices: several times slower"
    advice = "" if PAIR_PROCESSORS else "install GCC 12 or clang, then reslim again"
    yield Finding("sums over pairs", bool(PAIR_PROCESSORS), seen, advice)


def _torchvision() -> Iterator[Finding]:
    from resnet_limits.errors import MissingData

    try:
        from resnet_limits.data import vision

        vision.datasets()
    except ImportError as error:  # no torch
        yield Finding("torchvision", False, str(error), "install torch first")
    except MissingData as error:
        yield Finding("torchvision", False, str(error).split(";")[0], 'pip install "torchvision>=0.24,<0.29"')
    else:
        without = ", its data sets alone: it was built for another torch" if vision.operators_are_missing() else ""
        yield Finding("torchvision", True, metadata.version("torchvision") + without)


def _data() -> Iterator[Finding]:
    from resnet_limits.data.published import Published
    from resnet_limits.data.root import data_root
    from resnet_limits.data.sources.source import Data

    root = data_root(None)
    published = {name: kind for name, kind in Data.options.sound() if issubclass(kind, Published)}
    there = [name for name, kind in published.items() if kind.availability(root).present]
    seen = f"{root}: {', '.join(there) or 'no downloaded data sets'}; digits are bundled"
    yield Finding("data", bool(there), seen, "" if there else "reslim data lists them, reslim data mnist fetches one")


def _launchers() -> Iterator[Finding]:
    yield Finding("launcher basic", True, "one job after another")
    for name, seen in (("joblib", "jobs side by side on this machine"), ("submitit", "submitit_local, submitit_slurm")):
        works = _is_importable(f"hydra_plugins.hydra_{name}_launcher")
        yield Finding(f"launcher {name}", works, seen, "" if works else 'pip install "reslim[launchers]"')
    try:
        scheduler.require_slurm()
    except SchedulerError as error:
        yield Finding("SLURM", False, str(error).removeprefix("cluster=slurm: ").split(";")[0], SLURM_ADVICE)
    else:
        yield Finding("SLURM", True, "answers; cluster=slurm sends jobs there")


def _is_importable(module: str) -> bool:
    try:
        return util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def sinks() -> Iterator[Finding]:
    """Each sink, and the command that installs its program where that is missing."""
    from resnet_limits.settings.registry import SINKS
    from resnet_limits.sinks import installed

    for sink in SINKS:
        version = installed.version_of_sink(sink)
        yield Finding(
            f"sink {sink}", bool(version), version or "not installed", "" if version else installed.advice(sink)
        )


def _outputs() -> Iterator[Finding]:
    root = outputs_root(None)
    existing = next(p for p in (root, *root.parents) if p.exists())
    writable = os.access(existing, os.W_OK) and Path(existing).is_dir()
    free = shutil.disk_usage(existing).free / 1e9
    advice = "" if writable else "set outputs=... or $RESLIM_OUTPUTS to a folder that you may write"
    yield Finding("outputs", writable, f"{root}, {free:.0f} GB free", advice)


EXAMINATIONS: tuple[Callable[[], Iterator[Finding]], ...] = (
    _versions,
    _torch,
    _normals,
    _engines,
    _kernel_sums,
    _torchvision,
    _data,
    _launchers,
    sinks,
    _outputs,
)
