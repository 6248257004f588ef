"""The screen after a run, from its summary alone."""

from __future__ import annotations

import io

import pytest

from cli.display import ONE_LINE, Terminal, show_summary

CLAIM = {
    **{"id": "sde.strong.sde", "setting": {}, "group": "strong", "verdict": "supported", "why": "inside"},
    **{"statement": "Networks converge strongly to the SDE at order 1/2", "measured": None},
    **{"expected": {"what": "value", "value": 1.0, "tolerance": 0.05, "scale": "relative"}},
}


@pytest.mark.parametrize("width", [ONE_LINE, ONE_LINE - 1])
def test_a_claim_stands_on_one_line_where_the_terminal_is_wide(width):
    (line,) = [line for line in shown(width).splitlines() if CLAIM["id"] in line]
    assert (CLAIM["statement"] in line) == (width >= ONE_LINE)
    assert all(words in shown(width) for words in (CLAIM["statement"], "1 ± 0.05", "relative"))


def shown(width: int) -> str:
    console = Terminal(file=io.StringIO(), width=width)
    show_summary({"claims": [CLAIM], "table": [], "groups": []}, console)
    return console.file.getvalue()  # type: ignore[attr-defined]
