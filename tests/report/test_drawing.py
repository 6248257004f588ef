"""Drawings of the page: what matplotlib writes comes through, and nothing else, whoever wrote the file."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from resnet_limits.figures.write import write_figures
from resnet_limits.report.drawing import drawing
from tests.figures.test_figures import judged

NAMESPACES = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'


@pytest.fixture
def figure(tmp_path: Path) -> Path:
    write_figures(tmp_path, [judged(noise=0.02)])
    return tmp_path / "ode.test.svg"


def test_a_drawing_keeps_its_lines_and_words_and_finds_its_own_names(figure: Path):
    shown = str(drawing(figure, "f3-", 'a "label"'))
    assert shown.startswith("<svg")
    assert 'aria-label="a &quot;label&quot;"' in shown
    assert "fitted order" in shown
    assert shown.count("<path") == figure.read_text().count("<path")
    names = set(re.findall(r'\bid="([^"]*)"', shown))
    asked = {*re.findall(r'href="#([^"]*)"', shown), *re.findall(r"url\(#([^)]*)\)", shown)}
    assert asked
    assert asked <= names
    assert all(name.startswith("f3-") for name in names)


@pytest.mark.parametrize(
    ("planted", "gone"),
    [
        ("<script>alert(1)</script>", "alert"),
        ('<rect onload="alert(1)"/>', "alert"),
        ('<use xlink:href="http://evil.example/x#y"/>', "evil"),
        ('<image xlink:href="data:image/png;base64,AAAA"/>', "image"),
        ('<rect style="fill: url(http://evil.example/x)"/>', "evil"),
        ("<style>@import 'http://evil.example'</style>", "evil"),
        ("<foreignObject><p>words</p></foreignObject>", "words"),
        ('<a xlink:href="javascript:alert(1)"><text>press</text></a>', "javascript"),
        ("<metadata>somebody</metadata>", "somebody"),
    ],
)
def test_what_could_run_or_load_something_is_left_out(planted: str, gone: str, tmp_path: Path):
    path = tmp_path / "figure.svg"
    path.write_text(f'<svg {NAMESPACES} viewBox="0 0 1 1"><g>{planted}<path d="M0 0"/></g></svg>')
    shown = str(drawing(path, "f", "figure"))
    assert gone not in shown
    assert '<path d="M0 0"' in shown


@pytest.mark.parametrize(
    "content",
    ["<svg>", "no markup", '<!DOCTYPE svg [<!ENTITY a "aaaa">]><svg>&a;</svg>'],
    ids=["not closed", "no markup", "an entity"],
)
def test_a_file_that_is_no_drawing_is_said(content: str, tmp_path: Path):
    (tmp_path / "figure.svg").write_text(content)
    assert str(drawing(tmp_path / "figure.svg", "f", "x")) == '<p class="note">figure.svg cannot be shown.</p>'
    assert "cannot be shown" in drawing(tmp_path / "missing.svg", "f", "x")
