"""TensorBoard: event files under `tensorboard/` of the job; `tensorboard --logdir RUN/jobs` shows all jobs of a run."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from ...settings.base import Settings
from ...settings.keys import flat

SECONDS_TO_FLUSH = 5
"""Seconds after which what was told is on the disk."""


class TensorBoard:
    """Scalars in float32, by step, and the settings as a text. Raises `OSError` where the folder cannot be written."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        from torch.utils.tensorboard.writer import SummaryWriter

        shutil.rmtree(folder, ignore_errors=True)
        self._writer = SummaryWriter(str(folder), flush_secs=SECONDS_TO_FLUSH)
        lines = [f"    {key}={value}" for key, value in flat(settings).items()]
        self._writer.add_text("settings", "\n".join(lines))  # Markdown: four blanks are verbatim

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)

    def close(self) -> None:
        self._writer.close()


def open_in(folder: Path, settings: Settings) -> TensorBoard:
    return TensorBoard(folder / "tensorboard", settings)
