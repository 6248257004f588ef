"""What a claim is: a statement of a paper, with what it predicts for an observable.

    claim = source + statement + observable + expected (what, value, tolerance) + rival + the verdict it must have

A claim is data. It stands beside the measurement that it judges (`studies/STUDY/GROUP/claims.py`), its tolerance
is written before it is run, and `claims/judge.py` turns it and the records into a verdict.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Self

from ..in_words import InWords
from ..papers import Paper
from .coordinate import DEPTH_COORDINATE
from .words import expectation, interval, setting_words

Kind = Literal["theorem", "derived", "observation", "control", "identity"]
"""`theorem`: what the cited source proves. `derived`: what this project derived, its page says how. `observation`: what
is measured and nobody proved. `control`: a failure that must be seen. `identity`: true by construction, a check of the
code and no test of a theorem."""
NEVER_REFUTED: tuple[Kind, ...] = ("theorem", "derived", "identity")
What = Literal["order", "order_at_least", "value", "at_most", "at_least"]
ORDER_RULES: tuple[What, ...] = ("order", "order_at_least")
Verdict = Literal["supported", "refuted", "inconclusive"]
AS_STATED: Mapping[str, Verdict] = {"full": "supported", "smoke": "supported"}
VERDICTS_WITH_LARGE: dict[str, Verdict] = {**AS_STATED, "large": "supported"}
"""Of studies that have a preset `large`."""
SMOKE_IS_TOO_SMALL: Mapping[str, Verdict] = {"full": "supported", "smoke": "inconclusive"}
"""For claims whose intervals are too wide at the smoke size."""
RELATIVE = "relative"
"""Of `Expected.scale`: a ratio to a reference value, or a difference divided by one."""

WORDS_OF_A_SETTING_OUTSIDE = "the setting lies outside the claim: "
"""How the reason begins why a claim is not judged at a setting."""


@dataclass(frozen=True)
class Expected:
    """What is predicted. An order is `p` in `error ~ x^-p`; a bound counts the tolerance in its favour.

    `value` may be a function of the settings (an exact law that follows them), and so may `unit`, what the tolerance
    is given in units of (the standard deviation of that law).

    Of an order: `along` is the column of the records that x is, the depth, the width, a number of data; `"1/spacing"`
    is one over the column `spacing`, whose order is then `p` in `error ~ spacing^p`. Along another column than the
    depth, the records of the deepest depth are fitted, or those of the depth that the claim's `where` names.
    `correction`: what is left of the errors is smaller by powers of `x^-correction`. `bend`: how large it is at most at
    the smallest x, relative to the errors, where that is known: points with noise then take no larger x (order.py); it
    may be a function of the settings too, and from 1 on says nothing. `scale`: in words, what value and tolerance are
    given in, where it is not the observable's own unit.
    """

    what: What
    value: float | Callable[[Any], float]
    tolerance: float
    unit: float | Callable[[Any], float] = 1.0
    along: str = DEPTH_COORDINATE
    correction: float = 1.0
    bend: float | Callable[[Any], float] | None = None
    scale: str = ""

    def __post_init__(self) -> None:
        if self.along != DEPTH_COORDINATE and not self.is_order:
            raise ValueError(f"expected: along={self.along} is of an order, and this is of '{self.what}'")

    @property
    def is_order(self) -> bool:
        return self.what in ORDER_RULES

    def at(self, settings: Any) -> Expected:
        """The same with its value and tolerance computed for these settings."""
        unit = float(self.unit(settings) if callable(self.unit) else self.unit)
        value, bend = self.value_at(settings), self.bend_at(settings)
        return replace(self, value=value, tolerance=self.tolerance * unit, unit=1.0, bend=bend)

    def value_at(self, settings: Any) -> float:
        return float(self.value(settings) if callable(self.value) else self.value)

    def bend_at(self, settings: Any) -> float | None:
        """The bend, None where it is not known."""
        bend = self.bend(settings) if callable(self.bend) else self.bend
        return bend if bend is not None and bend < 1 else None


@dataclass(frozen=True)
class Rival:
    """The value that a plausible error gives in place of the expected one, at least three tolerances away from it.

    It was measured: `fault` is the error, by its id in `tests/sabotage/faults`, under which the claim
    gave `value` at the smoke size; `means` says what is computed then. An identity has no rival value, only a fault.
    """

    means: str
    fault: str
    value: float | None = None


def _always(settings: Any) -> str | None:
    return None


@dataclass(frozen=True)
class Claim:
    """A statement of a paper and the observable that tests it.

    `statement` is one sentence: what is measured, and what is expected of it, in the field's words, at most 110
    characters from a capital letter to no full stop. What is pinned and how closely it must hold stand in `pins` and
    `expected`, and beside it wherever it is shown (`claims/words.py`).
    `where` selects the records among those of the observable by their coordinates (`{"scheme": "heun"}`), or by the
    depth.
    `pins` are the keys that this claim sets for itself, whatever the setting; they stand in the records.
    `outside` says in words why a setting lies outside the theorem, or None where it applies.
    `unmet(records)` says in words why the records of a setting cannot test the claim (a training that did not train).
    `note(records)` is said beside the verdict, whatever that is, or None (that there are several minimisers).
    `random`: the observable is random, and no verdict is given on values without a standard error.
    `needs` says in words what must be run for the observable to exist, e.g. pairs of depths L and 2L.
    `verdicts` is the verdict that the claim must have at each preset.
    `rival` is the value that a planted error gives, which the tolerance excludes.
    """

    id: str
    source: Paper
    statement: str
    kind: Kind
    observable: str
    expected: Expected
    where: Mapping[str, Any] = field(default_factory=dict)
    pins: Mapping[str, Any] = field(default_factory=dict)
    outside: Callable[[Any], str | None] = _always
    unmet: Callable[[Any], str | None] = _always
    note: Callable[[Any], str | None] = _always
    random: bool = False
    needs: str = ""
    verdicts: Mapping[str, Verdict] = field(default_factory=lambda: AS_STATED)
    rival: Rival | None = None

    @property
    def coordinates(self) -> dict[str, Any]:
        """What `where` asks of a record itself: all but the depth, which is that of its job."""
        return {name: value for name, value in self.where.items() if name != DEPTH_COORDINATE}


@dataclass(frozen=True)
class Measured:
    """A measured value with its interval at the given level."""

    value: float
    low: float
    high: float
    level: float = 0.95


@dataclass(frozen=True, repr=False)
class Judgement(InWords):
    """A claim judged at one setting: what was measured (None where nothing could be), the verdict and why.

    `note` is what the claim says beside it, also part of `why`; empty where nothing.
    """

    claim: Claim
    expected: Expected
    setting: Mapping[str, Any]
    measured: Measured | None
    verdict: Verdict
    why: str
    note: str = ""

    def noting(self, remark: str) -> Self:
        """The same with a remark beside the verdict; itself where that is empty."""
        if not remark:
            return self
        return replace(self, why=f"{self.why}; {remark}", note=f"{self.note}; {remark}" if self.note else remark)

    def headline(self) -> str:
        """`ode.forward.euler: supported`, with the setting where there is one."""
        setting = setting_words(self.setting)
        return f"{self.claim.id}{f' at {setting}' if setting else ''}: {self.verdict}"

    def facts(self) -> dict[str, str]:
        """Measured and expected values, why, statement and source."""
        expected = {**vars(self.expected), "value": self.expected_value}
        return {
            "measured": interval(vars(self.measured)) if self.measured else "nothing",
            "expected": expectation(expected),
            "why": self.why,
            "statement": self.claim.statement,
        }

    @property
    def expected_value(self) -> float:
        """The expected value, computed for the settings of the judgement; nan where it is not defined."""
        return self.expected.value_at(None)
