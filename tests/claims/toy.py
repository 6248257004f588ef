"""A claim on errors by depth, records for it, and its verdict."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import pandas as pd

from resnet_limits.claims.claim import Claim, Expected, Judgement
from resnet_limits.claims.judge import judge
from resnet_limits.papers import THORPE

DEPTHS = (8, 16, 32, 64, 128, 256)
SETTINGS = SimpleNamespace(horizon=1.0)


def claim(what: Any, value: Any, tolerance: float = 0.1, **more: Any) -> Claim:
    return Claim("toy.claim", THORPE, "the error falls", "theorem", "error", Expected(what, value, tolerance), **more)


def table(
    values: dict[int, float] | list[float],
    *,
    stderr: Any = math.nan,
    reference_error: Any = math.nan,
    seed: int = 0,
    observable: str = "error",
    **coordinates: Any,
) -> pd.DataFrame:
    """Records of one observable, one value a depth."""
    if not isinstance(values, dict):
        values = dict(zip(DEPTHS, values, strict=False))
    return pd.DataFrame(
        {
            "depth": list(values),
            "seed": seed,
            "observable": observable,
            "value": list(values.values()),
            "stderr": stderr,
            "reference_error": reference_error,
            "layer": None,
            "step": None,
            **coordinates,
        }
    )


def errors(p: float = 1.0, c: float = 1.0, d: float = 1.0, depths: tuple[int, ...] = DEPTHS) -> dict[int, float]:
    return {L: L**-p * (1 + c / L + d / L**2) for L in depths}


def judged(a_claim: Claim, records: pd.DataFrame) -> Judgement:
    judgement = judge(a_claim, SETTINGS, records, {})
    assert judgement.why
    assert "\n" not in judgement.why
    return judgement
