"""`tests/benchmarks/README.md`: what each benchmark printed, when and on what.

    python -m tests.benchmarks.page [NAME...]     # run these (`paths`, `flow`, ...; all), keep what they print
    python -m tests.benchmarks.page --write       # write the page alone, from what is kept

What a benchmark printed stands in `printed/NAME.txt`, below a line that says when and where. `earlier.md` has tables of
versions before that, by hand.
"""

from __future__ import annotations

import ast
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import torch

from tests.checkout import HERE

FOLDER = Path(__file__).parent
PRINTED = FOLDER / "printed"
EARLIER = FOLDER / "earlier.md"
PAGE = FOLDER / "README.md"
NAMES = sorted(path.stem.removeprefix("bench_") for path in FOLDER.glob("bench_*.py"))


def machine() -> str:
    """Processor, cores and load of this machine, and the version of torch."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    model = next((line.split(": ", 1)[1] for line in lines if line.startswith("model name")), platform.machine())
    return f"{model}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, torch {torch.__version__}"


def run(name: str) -> None:
    """Run one benchmark and keep what it prints."""
    where = f"{time.strftime('%Y-%m-%d')}, {machine()}"
    command = [sys.executable, "-m", f"tests.benchmarks.bench_{name}"]
    printed = subprocess.run(command, cwd=HERE, stdout=subprocess.PIPE, text=True, check=True).stdout
    PRINTED.mkdir(exist_ok=True)
    (PRINTED / f"{name}.txt").write_text(f"{where}\n{printed}", encoding="utf-8")


def page() -> str:
    """The page, from what is kept."""
    return "\n".join([*_head(), *(line for name in NAMES for line in _section(name))]) + "\n\n" + _earlier()


def _head() -> Iterator[str]:
    yield "# How fast"
    yield ""
    yield "Ratios of one run against what one writes first, on one thread; both sides give the same numbers, or the"
    yield "same law, which is checked. Nothing here is asserted by tests. `python -m tests.benchmarks.page NAME` prints"
    yield "a section anew, `python -m tests.benchmarks.costs` what groups of claims cost."


def _section(name: str) -> Iterator[str]:
    source = (FOLDER / f"bench_{name}.py").read_text(encoding="utf-8")
    words = (ast.get_docstring(ast.parse(source)) or "").split("\n\n")[0].replace("\n", " ")
    title = words.split(": `python")[0].rstrip(".")
    yield from ("", f"## {name}: {title}", "", f"`python -m tests.benchmarks.bench_{name}`", "")
    kept = PRINTED / f"{name}.txt"
    if not kept.exists():
        yield "Not printed since the tables below."
        return
    where, *lines = kept.read_text(encoding="utf-8").splitlines()
    yield from (f"{where}:", "", *(f"    {line}".rstrip() for line in lines))


def _earlier() -> str:
    return EARLIER.read_text(encoding="utf-8")


def main() -> None:
    for name in [] if sys.argv[1:] == ["--write"] else sys.argv[1:] or NAMES:
        run(name)
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
