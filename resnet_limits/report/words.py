"""How formulas read on the page and in LaTeX.

Statements and equations of studies are plain text (`L^-1/2`, `x_{k+1}`, `theta`); their formulas (`claims/formulas.py`)
become MathML, which browsers set without a script or a font from outside, or LaTeX.
"""

from __future__ import annotations

import functools

from markupsafe import Markup, escape

from ..claims.formulas import parts
from ..papers import ACCENTS

# -- formulas -------------------------------------------------------------------------------------


def formula_html(text: str) -> Markup:
    """Plain text as HTML: words escaped, formulas as MathML."""
    text = text.replace(" ± ", "\u00a0±\u00a0")  # on one line
    return Markup("").join(_mathml(part.tex) if part.is_formula else escape(part.text) for part in parts(text))


@functools.cache
def _mathml(tex: str) -> Markup:
    """An element `math`; what is in it is written by the library alone, from names and signs that are known."""
    from latex2mathml.converter import convert

    return Markup(convert(tex).replace(' xmlns="http://www.w3.org/1998/Math/MathML" display="inline"', ""))


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
