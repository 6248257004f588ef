"""Claims come out alike on all engines.

python -m tests.networks.test_verdicts_by_engine [STUDY...] [OVERRIDES]    # prints how, side by side
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence

import pytest

from resnet_limits.engines.compiled import PROCESSORS
from resnet_limits.settings.registry import STUDIES

Claims = dict[str, dict]
"""By id and setting, as `verify` says it in JSON."""


def verified(study: str, engine: str, overrides: Sequence[str] = ("preset=smoke",)) -> Claims:
    with tempfile.TemporaryDirectory() as outputs:
        program = "from reslim_cli.app import main; main()"
        command = ["verify", study, "--json", f"engine={engine}", f"outputs={outputs}", "jobs=1", *overrides]
        ran = subprocess.run([sys.executable, "-c", program, *command], stdout=subprocess.PIPE, text=True)
    (its_study,) = json.loads(ran.stdout)["studies"]
    assert not its_study["failed_jobs"]
    return {f"{claim['id']} {claim.get('setting') or ''}".strip(): claim for claim in its_study["claims"]}


def said(claim: dict) -> str:
    interval = claim.get("measured") or {}
    numbers = " ".join(f"{interval[key]:.6g}" for key in ("low", "value", "high") if interval.get(key) is not None)
    return f"{claim['verdict']:<13}{numbers}"


def side_by_side(study: str, overrides: Sequence[str]) -> Iterator[str]:
    by_engine = {engine: verified(study, engine, overrides) for engine in ("eager", "auto")}
    eager, auto = by_engine.values()
    others = [name for name in eager.keys() | auto.keys() if eager.get(name) != auto.get(name)]
    differ = [name for name in others if not (name in eager and name in auto) or verdict(eager, auto, name)]
    yield f"{study}: {len(eager)} claims, {len(differ)} with another verdict, {len(others)} with another number"
    for name in sorted(others):
        mark = "!" if name in differ else " "
        yield f"{mark} {name:<48}{said(eager[name]):<56}{said(auto[name])}"


def verdict(eager: Claims, auto: Claims, name: str) -> bool:
    """Whether the verdicts differ."""
    return eager[name]["verdict"] != auto[name]["verdict"]


@pytest.mark.long
@pytest.mark.skipif(not PROCESSORS, reason="installed without a C compiler")
@pytest.mark.parametrize("study", STUDIES)
def test_verdicts_of_a_study_do_not_depend_on_the_engine(study):
    eager, auto = (verified(study, engine) for engine in ("eager", "auto"))
    assert {name: claim["verdict"] for name, claim in eager.items()} == {
        name: claim["verdict"] for name, claim in auto.items()
    }


if __name__ == "__main__":
    named = [word for word in sys.argv[1:] if "=" not in word]
    for each in named or STUDIES:
        print(*side_by_side(each, [word for word in sys.argv[1:] if "=" in word]), sep="\n", flush=True)
