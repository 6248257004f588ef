"""The smoke jobs of every study by name, with their whole configuration: `jobs.json`, which changes on purpose alone.

    python -m tests.golden.jobs      # write the file anew, after a change of names or settings that was meant

The name of a job is a hash of its content. A name that changes without intent makes every finished run incomplete.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Any

from resnet_limits.settings.registry import STUDIES

FILE = Path(__file__).with_name("jobs.json")


def smoke_jobs() -> dict[str, dict[str, Any]]:
    """`{study: {job name: configuration}}`, as `train study=NAME preset=smoke --cfg job` shows it."""
    plan = import_module("reslim_cli.hydra_bridge").plan
    return {
        study: {job.name: asdict(job.settings) for job in plan([f"study={study}", "preset=smoke"]).jobs}
        for study in STUDIES
    }


def main() -> None:
    """Write the file."""
    FILE.write_text(json.dumps(smoke_jobs(), indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
