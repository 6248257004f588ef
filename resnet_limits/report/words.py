"""How formulas read on the page and in LaTeX.

Statements and equations of studies are plain text (`L^-1/2`, `x_{k+1}`, `theta`); their formulas (`claims/formulas.py`)
become MathML, which browsers set without a script or a font from outside, or LaTeX.
"""

from __future__ import annotations

import functools
import re

from markupsafe import Markup, escape

from ..claims.formulas import parts
from ..papers import ACCENTS

# -- formulas -------------------------------------------------------------------------------------


def formula_html(text: str) -> Markup:
    """Plain text as HTML: words escaped, formulas as MathML."""
    return Markup("").join(_mathml(part.tex) if part.is_formula else _escaped(part.text) for part in parts(text))


def _escaped(text: str) -> Markup:
    for written, shown in ((" ± ", "\u00a0±\u00a0"), ("->", "→"), (">=", "≥"), ("<=", "≤")):
        text = text.replace(written, shown)
    return escape(text)


@functools.cache
def _mathml(tex: str) -> Markup:
    """An element `math`; what is in it is written by the library alone, from names and signs that are known."""
    from latex2mathml.converter import convert

    element = convert(tex)
    for written, wanted in TIGHT.items():
        element = re.sub(written, wanted, element)
    return Markup(element)


TIGHT = {
    r' xmlns="[^"]*" display="inline"': "",
    "<mo>&#x0002F;</mo>": '<mo lspace="0" rspace="0">/</mo>',
    '<mo stretchy="false">&#x0007C;</mo>': '<mo stretchy="false" lspace="0" rspace="0">|</mo>',
    "<msup>(<mi>[^<]*</mi>)<mi>&#x02032;</mi></msup>": r"<mrow>\1<mi>&#x02B9;</mi></mrow>",
    "<msup>(<mi>[^<]*</mi>)<mi>&#x02033;</mi></msup>": r"<mrow>\1<mi>&#x02BA;</mi></mrow>",
}
"""What the library writes, and what stands in its place: strokes close to what is beside them, and primes that fonts
raise by themselves; as superscripts those of many fonts become specks."""

_SPECIAL = {
    **{c: f"\\{c}" for c in "&%$#_{}"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "±": r"$\pm$",
    "≥": r"$\geq$",
    "≤": r"$\leq$",
    "→": r"$\to$",
    "−": r"$-$",
    '"': r"\textquotedbl{}",
}


def latex(text: str) -> str:
    """Plain text for LaTeX: special characters escaped, control characters left out, letters with accents spelt."""
    import unicodedata

    out: list[str] = []
    for c in text:
        if unicodedata.category(c) == "Cc":
            out.append(" ")
        elif c in _SPECIAL:
            out.append(_SPECIAL[c])
        elif ord(c) < 128:
            out.append(c)
        else:
            letter, *marks = unicodedata.normalize("NFD", c)
            known = len(marks) == 1 and marks[0] in ACCENTS and letter.isascii()
            out.append(f"{{\\{ACCENTS[marks[0]]}{letter}}}" if known else c)
    return "".join(out)


def formula_latex(text: str) -> str:
    """The same as LaTeX: words escaped, formulas between dollars; operators need amsmath."""
    return "".join(f"${part.tex}$" if part.is_formula else latex(part.text) for part in parts(text))


def number_latex(value: float | None, *, digits: int = 1) -> str:
    """`$1.2 \\cdot 10^{-3}$`; empty for no value."""
    if value is None:
        return ""
    mantissa, exponent = f"{value:.{digits}e}".split("e")
    return f"${mantissa} \\cdot 10^{{{int(exponent)}}}$"
