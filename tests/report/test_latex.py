"""`tables.tex` and `papers.bib`: balanced, with booktabs' rules and equal columns; compiled where there is LaTeX."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from resnet_limits import papers
from resnet_limits.papers import Paper, bibliography
from resnet_limits.report.latex import MOST_COLUMNS, tables_tex

PAPERS = [paper for paper in vars(papers).values() if isinstance(paper, Paper)]
HOSTILE = "50% of $x_{y & z} \\input{/etc/passwd} #1 ~^"


def summary(depths: int = 6) -> dict[str, Any]:
    def claim(name: str, setting: dict[str, Any], what: str, measured: Any, verdict: str) -> dict[str, Any]:
        expected = {"what": what, "value": 0.5, "tolerance": 0.1}
        names = {"id": name, "setting": setting, "statement": "one draw\nis at distance L^-1/2 & more"}
        pins = {"init.sigma_w": 1.0, "data.folder": HOSTILE}
        return {**names, "pins": pins, "expected": expected, "measured": measured, "verdict": verdict}

    measured = {"value": 0.5, "low": 0.4, "high": 0.6, "level": 0.95}
    settings: list[dict[str, Any]] = [{"activation": "tanh"}, {"data.folder": HOSTILE}]
    claims = [
        claim(name, setting, what, seen, verdict)
        for setting in settings
        for name, what, seen, verdict in (
            ("ode.a_b", "order", measured, "supported"),
            ("ode.value", "at_most", measured, "refuted"),
            ("ode.nothing", "order_at_least", None, "inconclusive"),
        )
    ]
    table = [
        {"claim": "ode.a_b", "depth": 2**i, "setting": setting, "value": 3e-5, "scaled": 0.1, "stderr": None}
        for setting in settings
        for i in range(2, 2 + depths)
    ]
    return {"claims": claims, "table": table}


def environments(text: str, name: str = "tabular|longtable") -> list[str]:
    return [m.group() for m in re.finditer(rf"\\begin\{{({name})\}}.*?\\end\{{\1\}}", text, flags=re.DOTALL)]


def test_braces_and_environments_are_balanced():
    text = tables_tex(summary(), {"ode.a_b": "thorpe2018deep"})
    bare = re.sub(r"\\[{}%&$#_]", "", text)
    assert bare.count("{") == bare.count("}")
    begun = re.findall(r"\\begin\{(\w+)\}", text)
    assert sorted(begun) == sorted(re.findall(r"\\end\{(\w+)\}", text))
    assert {name: begun.count(name) for name in set(begun)} == {"longtable": 2, "table": 2, "tabular": 2}
    assert bare.count("$") % 2 == 0


def test_every_table_has_the_rules_of_booktabs_and_rows_of_equal_length():
    tables = environments(tables_tex(summary(), {}))
    assert len(tables) == 4
    for table in tables:
        heads = 2 if table.startswith(r"\begin{longtable}") else 1  # of the first page, and of those after it
        assert [table.count(f"\\{rule}rule") for rule in ("top", "mid", "bottom")] == [heads, heads, 1]
        assert "\\hline" not in table
        layout = re.match(r"\\begin\{(?:tabular|longtable)\}\{(.*)\}$", table, re.M)
        assert layout is not None
        assert "|" not in layout[1]
        columns = re.sub(r">\{[^}]*\}p\{[^}]*\}", "p", layout[1])
        rows = [line for line in table.splitlines() if line.endswith(r"\\") and not line.startswith(r"\caption")]
        assert {len(re.findall(r"(?<!\\)&", row)) + 1 for row in rows} == {len(columns)}


def test_claims_stand_in_a_table_over_pages_with_their_statements():
    table = environments(tables_tex(summary(), {}))[0]
    assert table.startswith(r"\begin{longtable}")
    assert table.count("Claim & Statement & Pinned & Expected & Unit & Measured & Verdict") == 2
    row = next(line for line in table.splitlines() if line.startswith("ode.\\allowbreak{}a\\_\\allowbreak{}b"))
    assert "& one draw is at distance $L^{-1/2}$ \\& more & init.\\allowbreak{}sigma\\_\\allowbreak{}w=" in row


def test_of_many_depths_the_deepest_are_shown_and_the_file_says_so():
    text = tables_tex(summary(MOST_COLUMNS + 3), {})
    assert f"% the deepest {MOST_COLUMNS} of {MOST_COLUMNS + 3} depths" in text
    assert f"$L={2 ** (MOST_COLUMNS + 4)}$" in text
    assert "$L=4$" not in text


def test_bibtex_has_an_entry_a_paper_each_with_a_key_of_its_own():
    text = bibliography([*PAPERS, *PAPERS])
    entries = re.findall(r"^@(?:misc|book|article)\{([\w]+),\n((?:  \w+ += \{.*\},?\n)+)\}$", text, flags=re.MULTILINE)
    assert len(entries) == len(PAPERS) == len({key for key, _ in entries}) == text.count("@")
    assert text.isascii()
    for _, body in entries:
        fields = dict(re.findall(r"^  (\w+) += \{(.*)\},?$", body, flags=re.MULTILINE))
        assert {"author", "title", "year"} <= set(fields)
        assert all(value.count("{") == value.count("}") for value in fields.values())
        if "eprint" in fields:
            assert re.fullmatch(r"\d{4}\.\d{4,5}", fields["eprint"])
            assert fields["archivePrefix"] == "arXiv"


@pytest.mark.skipif(not (shutil.which("pdflatex") and shutil.which("bibtex")), reason="no LaTeX on this machine")
def test_latex_takes_both(tmp_path: Path):
    (tmp_path / "tables.tex").write_text(tables_tex(summary(), {"ode.a_b": papers.MARION_SCALING.key}))
    (tmp_path / "papers.bib").write_text(bibliography(PAPERS))
    (tmp_path / "paper.tex").write_text(
        "\\documentclass{article}\\usepackage[T1]{fontenc}\\usepackage{amsmath,array,booktabs,longtable}\\begin{document}\n"
        "\\input{tables}\\nocite{*}\\bibliographystyle{plain}\\bibliography{papers}\\end{document}\n"
    )
    for command in (["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "paper"], ["bibtex", "paper"]) * 2:
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace", timeout=120)
        assert done.returncode == 0, done.stdout[-2000:]
    assert (tmp_path / "paper.pdf").stat().st_size > 10_000
