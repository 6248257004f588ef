"""Whether each claim came out as its preset expects, and whether the verdict deserves trust: `reslim verify`.

    ok      the verdict is the one that the claim states for the preset, from an interval of positive width

A theorem that is refuted is never ok. Neither is a claim that could pass for the wrong reason: nothing was measured
(a reference too poor, a part that measures nothing, jobs that failed), an interval has no width, a tolerance is so wide
that a rival order would pass too, no claim was there at all, or one that the study measures is no claim of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..claims.claim import NEVER_REFUTED, Claim, Expected, Judgement, Verdict

if TYPE_CHECKING:
    from .study import Study

WIDEST_TOLERANCE_OF_AN_ORDER = 1 / 3
"""Orders of rival limits differ by 1/2 or more, and have to stay outside by a margin."""
WIDEST_TOLERANCE_OVER_VALUE_OF_CLAIMS = 0.5
"""As a fraction of the value: a wider one says little more than its sign."""
WORDS_OF_KINDS_OF_CLAIMS = {"theorem": "a theorem", "derived": "what was derived", "identity": "an identity"}
"""The kinds of claims that are never ok when they are refuted, as a sentence begins."""


@dataclass(frozen=True)
class Check:
    """A claim at one setting: what came out, what had to, whether that is ok, and why."""

    claim: str
    setting: Mapping[str, Any]
    judgement: Judgement | None
    must_be: Verdict | None
    ok: bool
    why: str


def checks(
    study: Study,
    preset: str,
    asked: Sequence[tuple[Mapping[str, Any], Sequence[Claim]]],
    judged: Sequence[Judgement],
) -> Iterator[Check]:
    """Every claim that should have been judged, at each setting; then what is wrong with the study's list of claims.

    `asked` are the settings of the planned jobs with the claims chosen at each, `judged` what the finished jobs gave.
    """
    judgements = {(j.claim.id, _fixed(j.setting)): j for j in judged}
    if not any(claims for _, claims in asked):
        yield Check(study.name, {}, None, None, False, "the study has no claims: nothing was verified")
    for setting, claims in asked:
        for claim in claims:
            yield _check(claim, preset, setting, judgements.get((claim.id, _fixed(setting))))
    yield from _missing(study)


def _check(claim: Claim, preset: str, setting: Mapping[str, Any], judgement: Judgement | None) -> Check:
    must_be = claim.verdicts.get(preset)
    problem = _problem(claim, preset, must_be, judgement)
    why = problem or (judgement.why if judgement else "")
    return Check(claim.id, setting, judgement, must_be, problem is None, why)


def _problem(claim: Claim, preset: str, must_be: Verdict | None, judgement: Judgement | None) -> str | None:
    """What is not ok, in words; None where all is."""
    if judgement is None:
        return "missing: it was not judged, because no job of this setting finished"
    if must_be is None:
        return f"it does not state the verdict that it must have at preset {preset}"
    if (wide := too_wide(judgement.expected)) is not None:
        return wide
    measured, verdict = judgement.measured, judgement.verdict
    if measured is None:
        return f"nothing was measured: {judgement.why}"
    if not measured.high > measured.low:
        return f"an interval of no width proves nothing: {judgement.why}"
    if verdict == "refuted" and claim.kind in NEVER_REFUTED:
        return f"{WORDS_OF_KINDS_OF_CLAIMS[claim.kind]} was refuted: {judgement.why}"
    if verdict != must_be:
        return f"{verdict}, and must be {must_be}: {judgement.why}"
    return None


def too_wide(expected: Expected) -> str | None:
    """Why a tolerance is too wide to tell anything, or None where it is not. `expected` has a number as its value."""
    tolerance, value = expected.tolerance, abs(expected.value_at(None))
    if not tolerance > 0:
        return f"its tolerance is {tolerance:g}, which no measurement can meet"
    if expected.is_order:
        if tolerance > WIDEST_TOLERANCE_OF_AN_ORDER:
            return (
                f"its tolerance, {tolerance:g}, is too wide to tell the order from that of a rival limit; "
                f"at most {WIDEST_TOLERANCE_OF_AN_ORDER:.2g}"
            )
    elif value > 0 and tolerance > WIDEST_TOLERANCE_OVER_VALUE_OF_CLAIMS * value:
        return f"its tolerance, {tolerance:g}, is too wide for a value of {value:g}; at most half of it"
    return None


def _missing(study: Study) -> Iterator[Check]:
    """What a group compares and does not claim."""
    for group in study.groups:
        ids = [claim.id for claim in group.claims]
        for name in group.compared:
            if name not in ids:
                why = f"missing: group {group.name} compares it, and it is no claim of the group"
                yield Check(name, {}, None, None, False, why)


def _fixed(setting: Mapping[str, Any]) -> str:
    return repr(sorted(setting.items()))
