"""Numbers and formulas as text, HTML and LaTeX: right where they are formulas, escaped whatever they are."""

from __future__ import annotations

import pytest

from resnet_limits.claims.words import expectation, interval, unit, words_of_pins
from resnet_limits.report import words


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("distance L^-1/2 of", "distance L<sup>−1/2</sup> of"),
        ("x_{k+1} = x_k", "x<sub>k+1</sub> = x<sub>k</sub>"),
        ("f(x, theta(t_k)) -> 0 <= t", "f(x, θ(t<sub>k</sub>)) → 0 ≤ t"),
        ("forward_error and theta_max of E_theta", "forward_error and theta_max of E_theta"),
        ("a factor e^1.2.", "a factor e<sup>1.2</sup>."),
        ("E|x_L|^2 = e^{sigma_w^2 T}", "E|x<sub>L</sub>|<sup>2</sup> = e<sup>σ<sub>w</sub><sup>2</sup> T</sup>"),
        ("(1 - c)^D of", "(1 - c)<sup>D</sup> of"),
        ("<script>L^{<b>}", "&lt;script&gt;L<sup>&lt;b&gt;</sup>"),
    ],
)
def test_formulas_as_html(text, html):
    assert str(words.formula_html(text)) == html


@pytest.mark.parametrize(
    ("text", "latex"),
    [
        ("distance L^-1/2 of", "distance $L^{-1/2}$ of"),
        ("|x|^2/D and sigma_w^2", r"|x|$^{2}$/D and $\sigma_{w}$$^{2}$"),
        ("x_{k+1} & theta", r"$x_{k+1}$ \& $\theta$"),
        ("100% of data_set #1 {a} $x", r"100\% of data\_set \#1 \{a\} \$x"),
        ("a\\b ~ c^", r"a\textbackslash{}b \textasciitilde{} c\textasciicircum{}"),
        ("Gérard\x00\n", "G{\\'e}rard  "),
    ],
)
def test_formulas_as_latex(text, latex):
    assert words.formula_latex(text) == latex


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
