"""The table of all claims: id, kind, what is expected and how closely, the rival, the source.

It changes on purpose alone.

    python -m tests.claims.table      # write `pinned/STUDY.csv` anew, after a change that was meant

Expected values, tolerances and units are those of the study's defaults.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path

from resnet_limits.claims.claim import Claim
from resnet_limits.settings.registry import STUDIES
from resnet_limits.studies import study as studies

PINNED = Path(__file__).with_name("pinned")
COLUMNS = ("id", "kind", "expected", "value", "tolerance", "along", "rival", "fault", "source")


def row(claim: Claim, settings: object) -> dict[str, str]:
    """A claim as a row of the table."""
    expected, rival = claim.expected.at(settings), claim.rival
    return {
        "id": claim.id,
        "kind": claim.kind,
        "expected": expected.what,
        "value": f"{expected.value:.6g}",
        "tolerance": f"{expected.tolerance:.6g}",
        "along": expected.along,
        "rival": "" if rival is None or rival.value is None else f"{rival.value:.4g}",
        "fault": "" if rival is None else rival.fault,
        "source": str(claim.source),
    }


def table(name: str) -> str:
    """The table of a study, as it is committed."""
    study, text = studies.get(name), io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(list(row(claim, study.settings(study=name)).values()) for claim in study.claims)
    return text.getvalue()


def main() -> None:
    """Write the tables."""
    for path in PINNED.glob("*.csv"):
        path.unlink()
    for name in STUDIES:
        (PINNED / f"{name}.csv").write_text(table(name), encoding="utf-8")


if __name__ == "__main__":
    main()
