"""The campaign: every error of `faults/` planted in a copy of this checkout, one at a time.

    python -m tests.sabotage.campaign [ID or FILE of faults...]     # plant them and say what turned red
    python -m tests.sabotage.campaign --write                       # all of them, and write results/ and README.md
    python -m tests.sabotage.campaign --survey ID [CLAIMS...]       # how all claims of the study see one error

At the smoke size (`reslim verify --smoke`). A claim is red where `verify` is not ok with it. `--survey` runs the claims
that are named, else all of the studies that the error's claims belong to, and shows by how many tolerances each is off:
a rival is at least three away.
"""

from __future__ import annotations

import csv
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from resnet_limits.studies.chosen import meant
from tests.checkout import HERE, Checkout
from tests.sabotage.fault import Fault, copied, faults

RESULTS = Path(__file__).with_name("results")
TABLE = Path(__file__).with_name("README.md")


@dataclass(frozen=True)
class Result:
    """What a claim or a test said with the error planted. Of a test: `verdict` is `failed` or `passed`, no numbers."""

    fault: str
    seen_by: str
    red: bool
    verdict: str
    value: float | None = None
    expected: float | None = None
    tolerance: float | None = None

    @property
    def off(self) -> float | None:
        """By how many tolerances the value is off the expected one."""
        if self.value is None or self.expected is None or not self.tolerance:
            return None
        return abs(self.value - self.expected) / self.tolerance


def results(fault: Fault, checkout: Checkout, claims: Sequence[str]) -> list[Result]:
    """What each of these claims (beginnings of ids) and the tests of the fault say."""
    with fault.at(checkout.folder):
        results = [_of_claim(fault, judged) for judged in _verified(fault, checkout, claims)]
        for test in fault.tests:
            failed = checkout.tested(test).returncode == 1
            results.append(Result(fault.id, test, failed, "failed" if failed else "passed"))
    return results


def _verified(fault: Fault, checkout: Checkout, claims: Sequence[str]) -> Iterator[dict[str, Any]]:
    """The claims as `verify` has them, a study at a time."""
    for study in sorted({name.split(".")[0] for name in claims}):
        named = [name for name in claims if name.split(".")[0] == study]
        asked = [] if named == [study] else [f"claims=[{','.join(named)}]"]
        document = checkout.verified([study, "--smoke", *asked, *fault.request])
        for study_document in document["studies"]:
            yield from study_document["claims"]


def _of_claim(fault: Fault, claim: dict[str, Any]) -> Result:
    measured, expected = claim["measured"] or {}, claim["expected"] or {}
    numbers = measured.get("value"), expected.get("value"), expected.get("tolerance")
    return Result(fault.id, claim["id"], not claim["ok"], claim["verdict"] or "missing", *map(_rounded, numbers))


def _rounded(number: float | None) -> float | None:
    """To four digits: last bits differ from one processor to another."""
    return None if number is None else float(f"{number:.4g}")


def campaign(chosen: Sequence[Fault]) -> dict[str, list[Result]]:
    """The results of each fault by its id, as many at a time as there are cores; each is said when it is there."""
    with tempfile.TemporaryDirectory() as folder:
        free = [Path(folder) / str(i) for i in range(len(os.sched_getaffinity(0)))]
        for place in free:
            copied(place / "tree")

        def run(fault: Fault) -> list[Result]:
            place = free.pop()
            try:
                return results(fault, Checkout(place / "tree", place / "outputs"), fault.claims)
            finally:
                free.append(place)

        results_by_fault = {}
        with ThreadPoolExecutor(len(free)) as pool:
            for fault, results_of_fault in zip(chosen, pool.map(run, chosen), strict=True):
                results_by_fault[fault.id] = results_of_fault
                _say(fault, results_of_fault)
        return results_by_fault


def problems(fault: Fault, results: Sequence[Result]) -> list[str]:
    """What is wrong with the results of a fault: what stayed green, and what was never there."""
    wrong = [f"{fault.id}: {result.seen_by} stays green ({result.verdict})" for result in results if not result.red]
    for name in fault.claims:
        if not meant(name, [result.seen_by for result in results]):
            wrong.append(f"{fault.id}: no claim {name}")
    return wrong


def _say(fault: Fault, results: Sequence[Result]) -> None:
    red = sum(result.red for result in results)
    print(f"{fault.id}: {red} of {len(results)} red; {fault.means}")
    for result in results:
        off = "" if result.off is None else f"  {result.value:g}, {result.off:.2g} tolerances off {result.expected:g}"
        print(f"    {'red  ' if result.red else 'GREEN'} {result.seen_by}  {result.verdict}{off}", flush=True)


# -- what is committed ----------------------------------------------------------------------------


def write(results_by_fault: dict[str, list[Result]], every: Sequence[Fault]) -> None:
    """The results of these faults into `results/`, beside those of others that still exist; and the table."""
    kept = committed()
    for where in sorted({fault.where for fault in every}):
        faults_of_file = [fault for fault in every if fault.where == where]
        rows = [
            r
            for fault in faults_of_file
            for r in results_by_fault.get(fault.id, [row for row in kept if row.fault == fault.id])
        ]
        with (RESULTS / f"{where}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, [field.name for field in fields(Result)], lineterminator="\n")
            writer.writeheader()
            writer.writerows({k: "" if v is None else v for k, v in asdict(row).items()} for row in rows)
    TABLE.write_text(table(every, committed()), encoding="utf-8")


def committed() -> list[Result]:
    """The results that are committed."""
    results = []
    for path in sorted(RESULTS.glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                numbers = [float(row[name]) if row[name] else None for name in ("value", "expected", "tolerance")]
                results.append(Result(row["fault"], row["seen_by"], row["red"] == "True", row["verdict"], *numbers))
    return results


def table(every: Sequence[Fault], rows: Sequence[Result]) -> str:
    """The page: how many errors, what each means and what turned red."""
    lines = [
        "# Planted errors",
        "",
        f"{len(every)} errors of one line, planted one at a time; each turns the claims and tests named here red",
        "(`python -m tests.sabotage.campaign --write` writes this page; claims at the smoke size).",
    ]
    for where in sorted({fault.where for fault in every}):
        lines += ["", f"## {where}", "", "| error | what it means | red |", "|---|---|---|"]
        for fault in every:
            if fault.where == where:
                seen = ", ".join(f"`{row.seen_by}`" for row in rows if row.fault == fault.id and row.red)
                lines.append(f"| {fault.id} | {fault.means.replace('|', chr(92) + '|')} | {seen} |")
    return "\n".join(lines) + "\n"


def main(words: Sequence[str]) -> int:
    """Run what is asked for; 0 where every error turned red what it must."""
    every = faults()
    if words and words[0] == "--survey":
        (fault,) = (candidate for candidate in every if candidate.id == words[1])
        studies = sorted({name.split(".")[0] for name in fault.claims})
        with tempfile.TemporaryDirectory() as folder:
            tree = copied(Path(folder) / "tree")
            _say(fault, results(fault, Checkout(tree, Path(folder) / "outputs"), words[2:] or studies))
        return 0
    asked = [word for word in words if word != "--write"]
    if unknown := set(asked) - {fault.id for fault in every} - {fault.where for fault in every}:
        print(f"no such error or file of errors: {', '.join(sorted(unknown))}", file=sys.stderr)
        return 2
    chosen = [fault for fault in every if not asked or fault.id in asked or fault.where in asked]
    results_by_fault = campaign(chosen)
    if "--write" in words:
        write(results_by_fault, every)
    wrong = [problem for fault in chosen for problem in problems(fault, results_by_fault[fault.id])]
    print(f"{len(chosen)} errors in {HERE.name}, {len(wrong)} problems", *wrong, sep="\n")
    return int(bool(wrong) or not chosen)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
