"""A checkout of the project, run as it stands, whatever is installed: another revision, or one with an error in it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parents[1]
PACKAGES = {"reslim_cli": "cli", "reslim_configs": "configs", "resnet_limits": "resnet_limits"}
"""Names under which a checkout's folders are imported."""


@dataclass(frozen=True)
class Checkout:
    """The checkout in `folder`; what its commands write goes into `outputs`, a folder that is made."""

    folder: Path
    outputs: Path

    def __post_init__(self) -> None:
        self.outputs.mkdir(exist_ok=True)
        imports = self.outputs / ".imports"
        imports.mkdir(exist_ok=True)
        for name, folder in PACKAGES.items():
            if not (imports / name).is_symlink():
                (imports / name).symlink_to(self.folder / folder)

    @property
    def environment(self) -> dict[str, str]:
        """That its processes run in: its own packages first, one thread, nothing written beside the sources."""
        paths = f"{self.outputs / '.imports'}"
        variables = {"PYTHONPATH": paths, "RESLIM_OUTPUTS": str(self.outputs), "OMP_NUM_THREADS": "1"}
        return {**os.environ, **variables, "PYTHONDONTWRITEBYTECODE": "1"}

    def reslim(self, *words: str) -> subprocess.CompletedProcess[str]:
        """`reslim WORDS`."""
        program = "from reslim_cli.app import main; main()"
        return self._run([sys.executable, "-P", "-c", program, *words], self.outputs)

    def verified(self, words: Sequence[str]) -> dict[str, Any]:
        """What `reslim verify WORDS --json` prints. Raises `RuntimeError` where it says nothing."""
        done = self.reslim("verify", *words, "--json")
        if done.returncode not in (0, 1) or not done.stdout:  # 1: a claim came out other than it must
            raise RuntimeError(f"verify {' '.join(words)} ended with {done.returncode}\n{done.stderr}")
        return json.loads(done.stdout)

    def tested(self, test: str) -> subprocess.CompletedProcess[str]:
        """`pytest TEST`, a file or a test of the checkout."""
        return self._run([sys.executable, "-m", "pytest", "-x", "-q", "--tb=line", "-m", "not long", test], self.folder)

    def _run(self, command: Sequence[str], cwd: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, env=self.environment, cwd=cwd, capture_output=True, text=True, check=False)
