"""The launchers of Hydra that reslim knows, by name, and what is known of each."""

from __future__ import annotations

from dataclasses import dataclass

SIDE_BY_SIDE = "side by side"
"""How jobs are launched where nobody asks for a launcher of Hydra: by our own workers."""


@dataclass(frozen=True)
class Launcher:
    """A launcher; the defaults hold for those that are not named here.

    `open_keys`: what it does as it is told; None: all of its keys are open. The others are ours (folders, names), would
    start a job several times (tasks_per_node), in threads (backend, prefer, require), or are not heeded.
    `is_here`: its jobs run on this machine and end with the client; else SLURM has them.
    `by_submitit`: it writes submitit's files.
    `leaves_early`: it gives up at the first job that was killed.
    """

    open_keys: tuple[str, ...] | None = None
    is_here: bool = True
    by_submitit: bool = False
    leaves_early: bool = False


LAUNCHERS = {
    "basic": Launcher(()),
    "joblib": Launcher(
        ("n_jobs", "timeout", "pre_dispatch", "batch_size", "verbose", "temp_folder", "max_nbytes", "mmap_mode")
    ),
    "submitit_local": Launcher(
        ("timeout_min", "gpus_per_node", "stderr_to_stdout"), by_submitit=True, leaves_early=True
    ),
    "submitit_slurm": Launcher(
        (
            *("timeout_min", "cpus_per_task", "gpus_per_node", "mem_gb", "partition", "account", "qos", "comment"),
            *("constraint", "exclude", "gres", "cpus_per_gpu", "gpus_per_task", "mem_per_gpu", "mem_per_cpu"),
            *("signal_delay_s", "max_num_timeout", "array_parallelism", "setup", "stderr_to_stdout"),
        ),
        is_here=False,
        by_submitit=True,
    ),
}


def named(name: str) -> Launcher:
    """What is known of the launcher of this name."""
    return LAUNCHERS.get(name, Launcher())
