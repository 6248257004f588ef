"""The screen after a run, from its summary alone."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from cli.display import WITH_PINS, show_summary

CLAIM = {
    **{"id": "sde.strong.sde", "setting": {}, "group": "strong", "verdict": "supported", "why": "inside"},
    **{"expected": {"what": "value", "value": 1.0, "tolerance": 0.05, "scale": "relative"}, "measured": None},
}


@pytest.mark.parametrize("pins", [{"activation": "swish", "init.sigma_w": 1.0}, None])
def test_a_wide_terminal_shows_units_and_what_a_claim_pins(pins):
    """A summary of an earlier version has no pins."""
    claim = CLAIM if pins is None else {**CLAIM, "pins": pins}
    wide, narrow = (_shown(claim, width) for width in (WITH_PINS, WITH_PINS - 1))
    assert "1 ± 0.05" in wide
    assert "relative" in wide
    assert ("activation=swish, init.sigma_w=1" in wide) == bool(pins)
    assert "1 ± 0.05" in narrow
    assert "relative" not in narrow
    assert "activation" not in narrow


def _shown(claim: dict, width: int) -> str:
    console = Console(file=io.StringIO(), width=width)
    show_summary({"claims": [claim], "table": [], "groups": []}, console)
    return console.file.getvalue()  # type: ignore[attr-defined]
