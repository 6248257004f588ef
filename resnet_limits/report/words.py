"""How formulas read on the page and in LaTeX.

Statements and equations of studies are plain text (`L^-1/2`, `x_{k+1}`, `theta`); here they become HTML or LaTeX.
"""

from __future__ import annotations

import re

from markupsafe import Markup, escape

from ..claims.words import minus
from ..papers import ACCENTS

# -- formulas -------------------------------------------------------------------------------------

GREEK = {"theta": "θ", "sigma": "σ", "phi": "φ", "psi": "ψ", "beta": "β", "alpha": "α", "lambda": "λ", "omega": "ω"}

_FORMULA = re.compile(
    r"(?P<power>(?<![\w\\])(?P<base>[A-Za-z]|\d+)\^(?:\{(?P<braced>[^{}]+)\}|(?P<exponent>-?\w+(?:[./]\w+)*)))"
    r"|(?P<sub>(?<![A-Za-z0-9])(?P<name>[A-Za-z]+)_(?:\{(?P<index>[^{}]+)\}|(?P<letter>[A-Za-z0-9]{1,2}\b)))"
    r"|(?P<raised>(?<=[\w|)])\^(?:\{(?P<above>[^{}]+)\}|(?P<number>-?(?:\d+(?:[./]\d+)*|\w+))))"
    r"|(?P<arrow>->)|(?P<least><=)|(?P<greek>\b(?:" + "|".join(GREEK) + r")\b)"
)


def formula_html(text: str) -> Markup:
    """Plain text as HTML, escaped: `L^-1/2` with a superscript, `x_{k+1}` with a subscript, `theta` as θ."""
    text = text.replace(" ± ", "\u00a0±\u00a0")  # on one line
    out, end = Markup(""), 0
    for match in _FORMULA.finditer(text):
        out += escape(text[end : match.start()])
        out += _html(match)
        end = match.end()
    return out + escape(text[end:])


def _html(match: re.Match[str]) -> Markup:
    if match["power"]:
        exponent = formula_html(minus(match["braced"] or match["exponent"]))
        return Markup("{}<sup>{}</sup>").format(match["base"], exponent)
    if match["sub"]:
        name = GREEK.get(match["name"], match["name"])
        return Markup("{}<sub>{}</sub>").format(name, minus(match["index"] or match["letter"]))
    if match["raised"]:
        return Markup("<sup>{}</sup>").format(minus(match["above"] or match["number"]))
    return escape("→" if match["arrow"] else "≤" if match["least"] else GREEK[match["greek"]])


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
    """The same as LaTeX: `$L^{-1/2}$`, `$x_{k+1}$`, `$\\theta$`."""
    out, end = "", 0
    for match in _FORMULA.finditer(text):
        out += latex(text[end : match.start()]) + _tex(match)
        end = match.end()
    return out + latex(text[end:])


def _tex(match: re.Match[str]) -> str:
    if match["power"]:
        return f"${match['base']}^{{{latex(match['braced'] or match['exponent'])}}}$"
    if match["sub"]:
        name = f"\\{match['name']}" if match["name"] in GREEK else match["name"]
        return f"${name}_{{{latex(match['index'] or match['letter'])}}}$"
    if match["raised"]:
        return f"$^{{{latex(match['above'] or match['number'])}}}$"
    return r"$\to$" if match["arrow"] else r"$\leq$" if match["least"] else f"$\\{match['greek']}$"


def number_latex(value: float | None, *, digits: int = 1) -> str:
    """`$1.2 \\cdot 10^{-3}$`; empty for no value."""
    if value is None:
        return ""
    mantissa, exponent = f"{value:.{digits}e}".split("e")
    return f"${mantissa} \\cdot 10^{{{int(exponent)}}}$"
