"""Seeds: no claim is refuted at any, nearly all support it, and standard errors are the scatter between them.

    python -m tests.seeds.campaign [STUDY...] [--smoke] [--seeds N]         # N seeds (10), and what they say
    python -m tests.seeds.campaign [STUDY...] [--smoke] --from OUTPUTS...   # what the runs in these folders say
    ... --write                                                             # and write results/ and README.md

Each seed is a run of its own, judged alone. `results/verdicts-SIZE.csv` says of each claim at which seeds it was
supported, inconclusive, refuted; `results/scatter-SIZE.csv` has, for each observable with a standard error, the scatter
of its values between seeds over the error that was stated.

Of several runs of a study at one seed the latest counts, claim by claim: after a change the claims that it concerns are
run again, and the tables are put together from all folders.
"""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import chi2

from resnet_limits.claims.claim import Claim
from resnet_limits.files import read_json
from resnet_limits.settings.registry import STUDIES
from resnet_limits.studies import study as studies
from tests.checkout import HERE, Checkout

Table = Any
"""A pandas DataFrame or Series: what its stubs say of a column is no help."""
RESULTS = Path(__file__).with_name("results")
PAGE = Path(__file__).with_name("README.md")
SIZES = ("full", "smoke")
VERDICTS = ("supported", "inconclusive", "refuted")
ENOUGH = 0.95
"""Share of the seeds at which a claim comes out as it must."""
NO_COORDINATE = [
    "study",
    "job",
    "seed",
    "replicas",
    "value",
    "stderr",
    "reference",
    "reference_error",
    "setting",
    "seconds",
    "why",
]
"""Columns of a record in which seeds differ, or that say nothing of which record it is."""


@dataclass(frozen=True)
class Run:
    """A finished run of one study at one seed: the verdicts of its claims, its records, the revision that made it."""

    study: str
    seed: int
    size: str
    started: float
    revision: str
    verdicts: dict[str, str]
    records: Table


def run(studies: Sequence[str], seeds: Iterable[int], size: str, outputs: Path) -> list[Run]:
    """The studies at each seed, one seed after the other."""
    checkout = Checkout(HERE, outputs)
    for seed in seeds:
        document = checkout.verified([*studies, f"preset={size}", f"seed={seed}"])
        print(f"seed {seed}: {document['seconds']:.0f} s", file=sys.stderr, flush=True)
    return read(outputs)


def read(outputs: Path) -> list[Run]:
    """The finished runs in a folder of outputs, the earliest first."""
    runs_read = [_read(path.parent) for path in outputs.glob("*/*/summary.json")]
    return sorted(runs_read, key=lambda run: run.started)


def _read(folder: Path) -> Run:
    plan, summary, made = (read_json(folder / f"{name}.json") for name in ("plan", "summary", "provenance"))
    words = [word for sweep in plan["sweeps"] for word in sweep["overrides"]]
    git = made["invocations"][0]["git"] or {}
    (seed,) = made["seeds"]
    return Run(
        study=plan["study"],
        seed=seed,
        size="smoke" if "preset=smoke" in words else "full",
        started=plan["started"],
        revision=git.get("revision", "unknown")[:7] + ("+" if git.get("dirty") else ""),
        verdicts={claim["id"]: claim["verdict"] for claim in summary["claims"]},
        records=pd.read_csv(folder / "records.csv", low_memory=False),
    )


# -- verdicts -------------------------------------------------------------------------------------


def claims(names: Iterable[str] = STUDIES) -> dict[str, Claim]:
    """By id the claims of the sweeps of these studies."""
    groups = [group for name in names for group in studies.get(name).groups if not group.by_name]
    return {claim.id: claim for group in groups for claim in group.claims}


def verdicts(runs: Sequence[Run]) -> Table:
    """Of each claim the seeds at which it came out how, and the revisions that said so. Of runs of one size."""
    latest: dict[str, dict[int, tuple[str, str]]] = {}
    for run in runs:
        for claim, verdict in run.verdicts.items():
            latest.setdefault(claim, {})[run.seed] = verdict, run.revision
    table = []
    for claim, by_seed in latest.items():
        seeds = {name: [seed for seed in sorted(by_seed) if by_seed[seed][0] == name] for name in VERDICTS}
        revisions = " ".join(dict.fromkeys(revision for _, revision in by_seed.values()))
        joined = {name: " ".join(map(str, at_seeds)) for name, at_seeds in seeds.items()}
        table.append({"study": claim.split(".")[0], "claim": claim, **joined, "revisions": revisions})
    return pd.DataFrame(table, columns=["study", "claim", *VERDICTS, "revisions"])


def counts(table: Table) -> Table:
    """By claim at how many seeds it came out how: columns of `VERDICTS`."""
    return table.set_index("claim")[list(VERDICTS)].map(lambda seeds: len(str(seeds).split()))


def refuted(table: Table, size: str) -> list[str]:
    """The claims that were refuted at some seed and must not be."""
    known, counted_verdicts = claims(), counts(table)
    return [
        claim
        for claim in counted_verdicts.index[counted_verdicts["refuted"] > 0]
        if known[claim].verdicts[size] != "refuted"
    ]


def as_they_must(table: Table, size: str) -> Table:
    """By claim the share of the seeds at which it came out as it must. Where the size is too small to judge, and the
    claim must be inconclusive, a seed that supports it is as good."""
    known, counted_verdicts = claims(), counts(table)
    right = [
        counted_verdicts.loc[claim, list({known[claim].verdicts[size], "supported"})].sum()
        for claim in counted_verdicts.index
    ]
    return pd.Series(right, counted_verdicts.index) / counted_verdicts.sum(axis=1)


def short(table: Table, size: str) -> list[str]:
    """The claims that come out as they must at too few of the seeds."""
    share = as_they_must(table, size)
    return list(share.index[share < ENOUGH])


# -- standard errors ------------------------------------------------------------------------------


COLUMNS = ["study", "observable", "records", "seeds", "replicas", "error", "ratio"]
"""Of the table of standard errors, `scatter`."""
FEWEST = 3
"""Seeds between which a scatter is seen."""
ONE_IN = 1000
"""How rarely the scatter of a right standard error lies outside of `bounds`, on either side."""


def scatter(runs: Sequence[Run]) -> Table:
    """Of each observable with a standard error that error and the scatter between seeds over it: columns `COLUMNS`.

    Over the records that every seed has: `replicas`, their median; `error`, the median of the root mean square error;
    `ratio`, the root of the median of variance between seeds over mean square error, by that median for normal values.
    One record with heavy tails moves none of them.
    """
    table = []
    for study in dict.fromkeys(run.study for run in runs):
        records = _latest([run for run in runs if run.study == study])
        for observable, records_of_observable in records.groupby("observable", sort=True):
            spreads = _spreads(records_of_observable.dropna(axis="columns", how="all"))
            if not spreads:
                continue
            seeds = records_of_observable["seed"].nunique()
            replicas, errors, ratios = (np.median(column) for column in zip(*spreads, strict=True))
            numbers = {"error": math.sqrt(errors), "ratio": math.sqrt(ratios / typical(seeds))}
            row = {"records": len(spreads), "seeds": seeds, "replicas": int(replicas)}
            table.append(
                {"study": study, "observable": observable, **row, **{k: _rounded(v) for k, v in numbers.items()}}
            )
    return pd.DataFrame(table, columns=COLUMNS)


def _rounded(number: float) -> float:
    return float(f"{number:.3g}")


def typical(seeds: int) -> float:
    """The median of the variance of so many normal values of variance 1."""
    return float(chi2.median(seeds - 1) / (seeds - 1))


def bounds(seeds: int) -> tuple[float, float]:
    """Within which the ratio of `scatter` lies for a right standard error, were all records of an observable one."""
    tails = 1 / ONE_IN, 1 - 1 / ONE_IN
    low, high = (math.sqrt(chi2.ppf(tail, seeds - 1) / (seeds - 1) / typical(seeds)) for tail in tails)
    return low, high


def miscalibrated(table: Table) -> list[str]:
    """The observables whose scatter between seeds is not their standard error; of conditional ones, is less. Fewer than
    `FEWEST` seeds say nothing."""
    off = []
    for row in table[table["seeds"] >= FEWEST].itertuples():
        low, high = bounds(row.seeds)
        if row.ratio < low or (row.ratio > high and row.observable not in conditional(row.study)):
            off.append(
                f"{row.study}: {row.observable} scatters by {row.ratio:g} of its error, not {low:.2g} to {high:.2g}"
            )
    return off


def conditional(study: str) -> set[str]:
    """The observables of a study whose errors hold for the problem of one seed."""
    return {name for group in studies.get(study).groups if not group.by_name for name in group.conditional}


def changed(table: Table, before: Table) -> list[str]:
    """The observables whose stated error is `FACTOR` of that in another table of the size, or more, either way."""
    known = before.set_index(["study", "observable"])["error"]
    off = []
    for row in table.itertuples():
        was = known.get((row.study, row.observable), math.nan)
        if not was / FACTOR < row.error < was * FACTOR:
            off.append(f"{row.study}: the error of {row.observable} is {row.error:g}, and was {was:g}")
    return off


FACTOR = 2.0
"""A root of n in the wrong place is more where there are four replicas; stated errors differ by less between seeds."""


def _latest(runs: Sequence[Run]) -> Table:
    """The records of a study with a standard error: of each seed those of an observable from the latest run that has
    it."""
    frames: dict[tuple[int, str], pd.DataFrame] = {}
    for run in runs:
        rows = run.records
        rows = rows[rows["stderr"].notna() & np.isfinite(rows["value"].astype(float))]
        for observable, one in rows.groupby("observable"):
            frames[run.seed, str(observable)] = one.assign(seed=run.seed)
    return pd.concat(frames.values(), ignore_index=True) if frames else pd.DataFrame(columns=["observable"])


def _spreads(records: Table) -> list[tuple[float, float, float]]:
    """For each record of an observable that every seed has: replicas, mean square error, variance between seeds over
    that. An error of zero beside values that scatter is infinitely too small."""
    names = [name for name in records.columns if name not in NO_COORDINATE]
    seeds, spreads = records["seed"].nunique(), []
    for _, records_alike in records.groupby(names, dropna=False):
        if (
            seeds < 2
            or not len(records_alike) == seeds == records_alike["seed"].nunique()
            or _none_or_all(records_alike)
        ):
            continue
        variance, error = float(records_alike["value"].var(ddof=1)), float((records_alike["stderr"] ** 2).mean())
        if variance > 0 or error > 0:
            spreads.append(
                (float(records_alike["replicas"].median()), error, variance / error if error > 0 else math.inf)
            )
    return spreads


def _none_or_all(records: Table) -> bool:
    """Whether it is a share that is 0, or 1, up to its error, the same at every seed: it has no scatter to see."""
    value, error = records["value"], records["stderr"]
    return bool(value.nunique() == 1 and (np.minimum(value.abs(), (1 - value).abs()) < 1.1 * error).all())


# -- the tables -----------------------------------------------------------------------------------


def path(name: str, size: str) -> Path:
    """Where a table is kept; `name` is `verdicts` or `scatter`."""
    return RESULTS / f"{name}-{size}.csv"


def committed(name: str, size: str) -> Table:
    """A table that is committed."""
    return pd.read_csv(path(name, size), keep_default_na=False)


def main(words: Sequence[str]) -> int:
    """Run, or read, what is asked for; 0 where nothing is refuted that must not be."""
    asked = _asked(words)
    names, size = asked.studies or list(STUDIES), "smoke" if asked.smoke else "full"
    with tempfile.TemporaryDirectory() as folder:
        if asked.outputs:
            runs = sorted((run for place in asked.outputs for run in read(place)), key=lambda run: run.started)
        else:
            runs = run(names, range(asked.seeds), size, Path(folder))
    runs = [run for run in runs if run.study in names and run.size == size]
    said, spread = verdicts(runs), scatter(runs)
    print(said[said["claim"].isin([*refuted(said, size), *short(said, size)])].to_string(index=False))
    print(spread.sort_values("ratio").to_string(index=False))
    if asked.write:
        _write("verdicts", size, said, names)
        _write("scatter", size, spread, names)
        PAGE.write_text(page(), encoding="utf-8")
    return int(bool(refuted(said, size)))


def _asked(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.seeds.campaign")
    parser.add_argument("studies", nargs="*", metavar="STUDY")
    parser.add_argument("--smoke", action="store_true")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--from", dest="outputs", type=Path, nargs="+")
    parser.add_argument("--write", action="store_true")
    return parser.parse_args(words)


def _write(name: str, size: str, table: Table, names: Sequence[str]) -> None:
    """Write the rows of these studies; those of others stay."""
    if path(name, size).exists():
        kept = committed(name, size)
        table = pd.concat([kept[~kept["study"].isin(names)], table])
    order = table["study"].map(list(STUDIES).index)
    table.assign(order=order).sort_values("order", kind="stable").drop(columns="order").to_csv(
        path(name, size), index=False
    )


def page() -> str:
    """The page: by size and study how many claims came out as they must, at how many seeds, and what did not."""
    lines = [
        "# Seeds",
        "",
        "Every study at several seeds (ten are asked for; the column says how many there are), each a run of its own",
        f"and judged alone. No claim may be refuted at any; each must come out as it says at {ENOUGH:.0%} of ten.",
        "`results/verdicts-SIZE.csv` says at which seeds a claim came out how, and which revisions measured it;",
        "`results/scatter-SIZE.csv` has the standard error of every observable and the scatter of its values over it.",
        "",
        "`python -m tests.seeds.campaign --write` (hours) runs it and writes tables and page; `--from OUTPUTS` puts",
        "them together from finished runs, the latest of a claim and seed. After a change of a tolerance alone",
        "`reslim report RUN` judges a run again; after one of a measurement its claims are run again. At the smoke",
        "size a few intervals are too wide for a verdict at every seed.",
    ]
    for size in (size_measured for size_measured in SIZES if path("scatter", size_measured).exists()):
        table, spread = committed("verdicts", size), committed("scatter", size)
        lines += [
            "",
            f"## {size}",
            "",
            "| study | claims | seeds | right at every seed | at too few | refuted | scatter/error, median |",
            "|---|---|---|---|---|---|---|",
        ]
        for name in dict.fromkeys(table["study"]):
            of_study = table[table["study"] == name]
            seeds, every = counts(of_study).sum(axis=1), int((as_they_must(of_study, size) == 1).sum())
            span = f"{seeds.min()}" if seeds.min() == seeds.max() else f"{seeds.min()} to {seeds.max()}"
            ratio = spread[spread["study"] == name]["ratio"].median()
            few, no = (", ".join(f"`{c}`" for c in f(of_study, size)) for f in (short, refuted))
            lines.append(f"| {name} | {len(of_study)} | {span} | {every} | {few} | {no} | {ratio:.2f} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
