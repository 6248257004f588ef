"""The smoke jobs of two checkouts, run on this machine and held against each other bit for bit.

    python -m tests.golden.compare OTHER [STUDY...]      # this checkout against the one in the folder OTHER

A change that only moves code leaves every record and every array as they were. The numbers themselves are no
constants (processors differ in the last bits), so two checkouts are compared on one machine; neither has to be
installed. Exit code 1 where anything differs, and every difference is named.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from safetensors.numpy import load_file

from tests.checkout import HERE, Checkout

TAKES_TIME = ["seconds"]
"""Columns that differ from run to run."""
IDENTIFIES = ["job"]
"""Columns that hold a job's name, which a change of the settings may change."""


def run_smoke(checkout: Path, outputs: Path, studies: Sequence[str]) -> None:
    """Run the smoke jobs of the checkout into run folders under `outputs`; what claims came to is not the question."""
    Checkout(checkout, outputs).verified([*studies, "--smoke"])


def jobs(outputs: Path) -> dict[tuple[str, str], Path]:
    """The job folders by study and name."""
    return {(path.parents[2].name, path.name): path for path in outputs.glob("*/*/jobs/*")}


def pairs(ours: Path, theirs: Path) -> Iterator[tuple[str, Path | None, Path | None]]:
    """The jobs of both checkouts side by side, None where one lacks it: by name, else by the depth alone."""
    left, right = jobs(ours), jobs(theirs)
    if set(left) != set(right):
        left, right = by_depth(left), by_depth(right)
    for key in sorted({*left, *right}):
        yield " ".join(key), left.get(key), right.get(key)


def by_depth(folders: dict[tuple[str, str], Path]) -> dict[tuple[str, str], Path]:
    """Under study and depth. Raises `SystemExit` where a study has several jobs of one depth."""
    named: dict[tuple[str, str], Path] = {}
    for (study, name), path in folders.items():
        key = (study, name.split("-")[0])
        if key in named:
            raise SystemExit(f"{study}: the names of jobs differ, and several have depth {key[1]}")
        named[key] = path
    return named


def differences(ours: Path, theirs: Path) -> list[str]:
    """What differs between two job folders, in words; bits are compared, so nan equals nan and 0 is not -0."""
    differences = []
    a, b = (pd.read_parquet(job / "records.parquet").drop(columns=TAKES_TIME + IDENTIFIES) for job in (ours, theirs))
    if list(a.columns) != list(b.columns) or len(a) != len(b):
        differences.append(f"records: {a.shape} with {list(a.columns)}, against {b.shape} with {list(b.columns)}")
    else:
        differences += [
            f"records: {rows}"
            for rows in (_unequal(name, a[name].to_numpy(), b[name].to_numpy()) for name in a.columns)
            if rows
        ]
    left, right = (load_file(job / "arrays.safetensors") for job in (ours, theirs))
    differences += [f"array {name}: in one alone" for name in sorted(set(left) ^ set(right))]
    for name in sorted(set(left) & set(right)):
        if left[name].dtype != right[name].dtype or left[name].tobytes() != right[name].tobytes():
            differences.append(f"array {name}: {_distance(left[name], right[name])}")
    return differences


def _unequal(name: str, a: np.ndarray, b: np.ndarray) -> str:
    """How many entries of a column differ, and by how much; empty where none does."""
    if a.dtype.kind == "f" and b.dtype.kind == "f":
        count = int((a.astype(np.float64).view(np.int64) != b.astype(np.float64).view(np.int64)).sum())
        return f"{name}: {count} of {len(a)} differ, {_distance(a, b)}" if count else ""
    same = (a == b) | (pd.isna(a) & pd.isna(b))
    return "" if bool(np.all(same)) else f"{name}: {int((~same).sum())} of {len(a)} differ"


def _distance(a: np.ndarray, b: np.ndarray) -> str:
    if a.shape != b.shape or a.dtype.kind not in "fiu" or not a.size:
        return f"{a.dtype}{a.shape} against {b.dtype}{b.shape}"
    x, y = a.astype(np.float64), b.astype(np.float64)
    if not (np.isfinite(x) & np.isfinite(y)).all():
        return f"{int(np.isfinite(x).sum())} finite numbers against {int(np.isfinite(y).sum())}, of {a.size}"
    return f"by at most {np.abs(x - y).max():.1e} where the largest is {np.abs(x).max():.1e}"


def main(arguments: Sequence[str]) -> int:
    """Compare this checkout with another; 0 where every record and array is the same."""
    if not arguments:
        print(__doc__, file=sys.stderr)
        return 2
    other, studies = Path(arguments[0]).resolve(), arguments[1:]
    bad = count = 0
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = Path(folder) / "ours", Path(folder) / "theirs"
        run_smoke(HERE, ours, studies)
        run_smoke(other, theirs, studies)
        for name, a, b in pairs(ours, theirs):
            count += 1
            words = ["in one checkout alone"] if a is None or b is None else differences(a, b)
            bad += bool(words)
            print(f"{name}: {'the same bit for bit' if not words else ''}", *words, sep="\n    " if words else "")
    print(f"{count - bad} of {count} jobs are the same bit for bit")
    return int(bool(bad) or not count)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
