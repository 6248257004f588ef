"""A small sweep that trains and saves its state at every step, and what must come out of it after any fault."""

from __future__ import annotations

import json
from pathlib import Path

from resnet_limits.files import NAME_OF_TEMPORARY
from tests.cli.command import without_seconds

SMALL = (
    *("preset=smoke", "width=4", "device=cpu", "claims=[ode.trained]", "train.replicas=1"),
    *("data=gaussian", "data.train_size=200", "train.batch_size=20", "train.epochs=20", "train.checkpoint_seconds=0"),
)
TRAINS = (*SMALL, "depth=2,4,8")

SMOKE = ("preset=smoke", "device=cpu", "train.checkpoint_seconds=0")
OF_EACH_STUDY = {
    "ode": TRAINS,
    "sde": ("study=sde", *SMOKE[:2], "claims=[sde.strong,sde.weak.norm]", "depth=8,16,32"),
    "exponents": ("study=exponents", *SMOKE[:2], "claims=[exponents.ratio.forward]", "depth=8,16,32"),
    "gamma": ("study=gamma", *SMOKE[:2], "claims=[gamma.value,gamma.classes.value]", "depth=4,8,16"),
    "hamiltonian": ("study=hamiltonian", *SMOKE[:2], "claims=[hamiltonian.shooting.value]", "depth=4,8,16"),
    "kernel": ("study=kernel", *SMOKE[:2], "claims=[kernel.nngp.width,kernel.inference.time]", "depth=8,16,32"),
    "flow": ("study=flow", *SMOKE, "claims=[flow.folding.trained.folds]", "train.epochs=6", "depth=8,16,32"),
}
"""A sweep of some claims of each study at its smoke size; those that train save their state at every step."""


def states(run: Path) -> list[str]:
    """What the status files of a run say, as far as they are there."""
    states = []
    for path in run.glob("jobs/*/status.json"):
        try:
            states.append(json.loads(path.read_text())["state"])
        except FileNotFoundError:  # just being replaced
            continue
    return states


def summary_without_times(run: Path) -> dict:
    summary = json.loads((run / "summary.json").read_text())
    return {key: value for key, value in summary.items() if key not in ("seconds", "elapsed", "run", "collected")}


def arrays(run: Path) -> dict[str, bytes]:
    return {path.parent.name: path.read_bytes() for path in sorted(run.glob("jobs/*/arrays.safetensors"))}


def assert_same_results(run: Path, undisturbed: Path) -> None:
    """Records, summary and arrays are the same bit for bit."""
    assert without_seconds(run / "records.csv") == without_seconds(undisturbed / "records.csv")
    assert summary_without_times(run) == summary_without_times(undisturbed)
    assert arrays(run) == arrays(undisturbed)
    assert arrays(run)


def assert_nothing_left_over(run: Path) -> None:
    """No owner, no checkpoints, no file that did not get its name."""
    left = [path for path in run.parent.rglob("*") if NAME_OF_TEMPORARY.fullmatch(path.name)]
    left += [path for path in run.rglob("*") if path.name in ("owner.json", "checkpoint")]
    assert left == []


def processes(group: int) -> list[int]:
    """Processes of this group that still run, its first one first."""
    pids = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            pid, rest = int(stat.parent.name), stat.read_text(errors="replace").rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(rest[2]) == group and rest[0] not in "ZX":
            pids.append(pid)
    return sorted(pids, key=lambda pid: (pid != group, pid))


def launchers(run: Path) -> list[int]:
    """The process groups of the launchers that this run remembers, the latest last."""
    files = sorted((run / "launcher").glob("process-*.json"), key=lambda path: path.stat().st_mtime_ns)
    return [int(path.stem.removeprefix("process-")) for path in files]
