"""Numbers and formulas as text, HTML and LaTeX: right where they are formulas, escaped whatever they are."""

from __future__ import annotations

import re
from html import unescape

import pytest
from latex2mathml.converter import convert
from matplotlib.mathtext import MathTextParser

from resnet_limits.claims.formulas import parts
from resnet_limits.claims.words import expectation, interval, unit, words_of_pins
from resnet_limits.report import words
from resnet_limits.settings.registry import STUDIES
from resnet_limits.studies import study as studies


def shown(html: str) -> str:
    """The text of a page's part, its formulas between strokes."""
    return re.sub(r"<[^>]*>", "", html.replace("<math>", "⟦").replace("</math>", "⟧")).replace("\u00a0", " ")


def readable(html: str) -> str:
    """Entities of markup stay: they are what keeps words from being markup."""
    kept = html.replace("&lt;", "\0").replace("&gt;", "\1")
    return unescape(kept).replace("\0", "&lt;").replace("\1", "&gt;")


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("distance L^-1/2 of", "distance ⟦L−1/2⟧ of"),
        ("x_{k+1} = x_k, and no more", "⟦xk+1=xk⟧, and no more"),
        ("forward_error and data_set of E_n", "forward_error and data_set of ⟦En⟧"),
        ("a factor e^1.2.", "a factor ⟦e1.2⟧."),
        ("L -> infinity   ->   dx/dt = f(x)", "⟦L→∞⟧   →   ⟦dx/dt=f(x)⟧"),
        ("activation=relu at 1 ± 0.1", "activation=relu at 1 ± 0.1"),
        ("<script>L^{<b>}", "&lt;script&gt;L^{&lt;b&gt;}"),
    ],
)
def test_formulas_as_html(text, html):
    assert readable(shown(str(words.formula_html(text)))) == readable(html)


def test_scripts_and_roots_are_elements_of_mathml():
    assert re.search("<msub><mi>x</mi>(<mrow>)?<mi>k</mi>", words.formula_html("at x_k alone"))
    assert "<msqrt>" in words.formula_html("the factor sqrt(h)")
    assert words.formula_html("no formula here") == "no formula here"


@pytest.mark.parametrize(
    ("text", "latex"),
    [
        ("distance L^-1/2 of", "distance $L^{-1/2}$ of"),
        ("|x|^2/D and sigma_w^2", r"$|x|^{2}/D$ and $\sigma _{w}^{2}$"),
        ("E<x, y>/D is 0", r"$E\langle x, y\rangle /D$ is 0"),
        ("x_{k+1} & theta", r"$x_{k+1}$ \& $\theta$"),
        ("100% of data_set #1 {ab} $x", r"100\% of data\_set \#1 \{ab\} \$x"),
        ("a\\b ~ c^", r"a\textbackslash{}b \textasciitilde{} c\textasciicircum{}"),
        ("Gérard\x00\n", "G{\\'e}rard  "),
    ],
)
def test_formulas_as_latex(text, latex):
    assert words.formula_latex(text) == latex


def sentences() -> list[str]:
    every = [studies.get(name) for name in STUDIES]
    claims = [claim.statement for study in every for claim in study.claims]
    return [
        *claims,
        *(words for study in every for words in (study.equation, study.question, *study.observables.values())),
    ]


def test_every_sentence_of_the_studies_is_its_parts_and_every_formula_can_be_set():
    formulas = {part.tex for text in sentences() for part in parts(text) if part.is_formula}
    assert all("".join(part.text for part in parts(text)) == text for text in sentences())
    assert len(formulas) > 100
    for tex in formulas:
        assert tex.count("{") == tex.count("}")
        assert str(convert(tex)).startswith("<math")
    parser = MathTextParser("path")
    for tex in sorted(formulas, key=len)[-20:]:
        parser.parse(f"${tex}$")


@pytest.mark.parametrize(
    ("text", "formulas"),
    [
        (
            "Tangents u neither vanish: E|(dx_T/dx_0) u|^2 = e^{sigma_w^2 T} |u|^2",
            ["u", "E|(dx_T/dx_0) u|^2 = e^{sigma_w^2 T} |u|^2"],
        ),
        ("With a small decay (a/n) sum |K_k|^2, weights stay", ["(a/n) sum |K_k|^2"]),
        ("the defect of K'(0) = t1 K(0), b'(0) = t2 b(0) falls at order 1", ["K'(0) = t1 K(0)", "b'(0) = t2 b(0)"]),
        ("A network of depth 16 is a map in L2", []),
        ("networks of depth L and 2L approach each other at order 1/2", ["L", "2L"]),
    ],
)
def test_where_a_formula_begins_and_ends(text, formulas):
    assert [part.text for part in parts(text) if part.is_formula] == formulas


def test_an_interval_has_the_digits_that_its_width_deserves():
    assert interval({"value": 1.00049, "low": 0.992, "high": 1.0102}) == "1.000 [0.992, 1.010]"
    assert interval({"value": 0.5312, "low": 0.407, "high": 0.661}) == "0.53 [0.41, 0.66]"
    assert interval({"value": 1.0, "low": 1.0, "high": 1.0}) == "1"


def test_what_is_expected_in_words():
    expected = {"what": "order_at_least", "value": 2.0, "tolerance": 0.1}
    assert expectation(expected) == "order ≥ 2 - 0.1"
    assert expectation({**expected, "what": "at_most", "value": None}) == "≤ ? + 0.1"
    assert expectation({"what": "value", "value": 1, "tolerance": 0.05, "scale": "relative"}) == "1 ± 0.05"


def test_what_it_is_given_in():
    assert unit({"what": "value", "value": 1, "tolerance": 0.05, "scale": "relative"}) == "relative"
    assert unit({"what": "order", "value": 1, "tolerance": 0.05}) == ""


def test_what_is_pinned_in_words():
    assert words_of_pins({}) == ""
    assert (
        words_of_pins({"activation": "relu", "width": 8, "init.sigma_w": 1.0})
        == "activation=relu, width=8, init.sigma_w=1"
    )
    assert words_of_pins({"sigma_A": 2**0.5}) == "sigma_A=1.41421"
