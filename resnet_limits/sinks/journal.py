"""What the sinks of a job were told so far, so that a resumed job can tell it again: one JSON line a call.

It lies beside the checkpoints and goes with them when the job is finished.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..files import plain, read_bytes

Point = tuple[int, dict[str, float]]
"""A step, and values by name."""


class Journal:
    """The points in `path`, to which others are added. Raises `OSError` where it cannot be written.

    A journal of another `version` of reslim is begun anew, as the checkpoints beside it are.
    """

    def __init__(self, path: Path, version: str) -> None:
        path.parent.mkdir(exist_ok=True)
        head = {"version": version}
        lines = _intact(path)
        self.points: list[Point] = []
        if next(lines, None) == head:
            with contextlib.suppress(TypeError, ValueError, AttributeError):  # a line that is not ours is damage, too
                for step, values in lines:
                    self.points.append((int(step), {name: float(value) for name, value in values.items()}))
        with open(
            path, "w", encoding="utf-8", opener=plain
        ) as file:  # without what a killed process left of its last line
            file.writelines(json.dumps(line) + "\n" for line in (head, *self.points))
        self._file = open(path, "a", encoding="utf-8", buffering=1, opener=plain)  # noqa: SIM115 (closed by close)

    def add(self, point: Point) -> None:
        self._file.write(json.dumps(point) + "\n")

    def close(self) -> None:
        self._file.close()


def _intact(path: Path) -> Iterator[Any]:
    """The lines up to the first that is damaged."""
    try:
        text = read_bytes(path).decode("utf-8", errors="replace")
    except FileNotFoundError:
        return
    for line in text.splitlines():
        try:
            yield json.loads(line)
        except ValueError:
            return
