"""How numbers, expectations and formulas read: on the terminal, on the page and in LaTeX.

Statements and equations of studies are plain text (`L^-1/2`, `x_{k+1}`, `theta`); here they become HTML or LaTeX.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from markupsafe import Markup, escape

from ..claims.coordinate import DEPTH, Coordinate
from ..printable import printable


def expectation(expected: Mapping[str, Any]) -> str:
    """`order 1 ± 0.1`, `order ≥ 2 - 0.1`, `order in D 0.5 ± 0.15` where it is not one in depth."""
    along = Coordinate(expected.get("along", DEPTH))
    order = "order" if along.is_depth else f"order in {along.symbol}"
    value = "?" if expected["value"] is None else f"{expected['value']:.4g}"
    tolerance = f"{expected['tolerance']:.3g}"
    match expected["what"]:
        case "order":
            return f"{order} {value} ± {tolerance}"
        case "order_at_least":
            return f"{order} ≥ {value} - {tolerance}"
        case "at_least":
            return f"≥ {value} - {tolerance}"
        case "at_most":
            return f"≤ {value} + {tolerance}"
    return f"{value} ± {tolerance}"


def interval(measured: Mapping[str, Any]) -> str:
    """`1.001 [0.992, 1.010]`: as many digits as the width of the interval deserves, at most three."""
    value, low, high = measured["value"], measured["low"], measured["high"]
    if low is None or high is None or not high > low:
        return f"{value:.4g}"
    width, size = high - low, max(abs(low), abs(high), abs(value))
    if size < 1e-3:
        return f"{value:.1g} [{low:.1g}, {high:.1g}]"
    if size >= 1e4:
        return f"{value:.3g} [{low:.3g}, {high:.3g}]"
    digits = min(3, max(0, 1 - math.floor(math.log10(width))))
    value, low, high = (round(number, digits) + 0.0 for number in (value, low, high))  # + 0.0: no minus before a zero
    return f"{value:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


def short(value: float | None) -> str:
    """`1.2e-03`; empty for no value."""
    return "" if value is None else f"{value:.1e}"


def flat(value: float | None) -> str:
    """More digits where a reader looks for a constant."""
    return "" if value is None else f"{value:.4f}" if 0.01 <= abs(value) < 10 else f"{value:.1e}"


def setting_words(setting: Mapping[str, Any]) -> str:
    """`activation=relu, width=32`; empty for the only setting."""
    return printable(", ".join(f"{key}={value}" for key, value in setting.items()))


# -- formulas -------------------------------------------------------------------------------------

GREEK = {"theta": "θ", "sigma": "σ", "phi": "φ", "psi": "ψ", "beta": "β", "alpha": "α", "lambda": "λ", "omega": "ω"}

_FORMULA = re.compile(
    r"(?P<power>(?<![\w\\])(?P<base>[A-Za-z]|\d+)\^(?:\{(?P<braced>[^{}]+)\}|(?P<exponent>-?\w+(?:[./]\w+)*)))"
    r"|(?P<sub>(?<![A-Za-z0-9])(?P<name>[A-Za-z]+)_(?:\{(?P<index>[^{}]+)\}|(?P<letter>[A-Za-z0-9]{1,2}\b)))"
    r"|(?P<arrow>->)|(?P<least><=)|(?P<greek>\b(?:" + "|".join(GREEK) + r")\b)"
)


def formula_html(text: str) -> Markup:
    """Plain text as HTML, escaped: `L^-1/2` with a superscript, `x_{k+1}` with a subscript, `theta` as θ."""
    text = text.replace(" ± ", "\u00a0±\u00a0")  # on one line
    out, end = Markup(""), 0
    for found in _FORMULA.finditer(text):
        out += escape(text[end : found.start()])
        out += _html(found)
        end = found.end()
    return out + escape(text[end:])


def _html(found: re.Match[str]) -> Markup:
    if found["power"]:
        return Markup("{}<sup>{}</sup>").format(found["base"], _minus(found["braced"] or found["exponent"]))
    if found["sub"]:
        name = GREEK.get(found["name"], found["name"])
        return Markup("{}<sub>{}</sub>").format(name, _minus(found["index"] or found["letter"]))
    return escape("→" if found["arrow"] else "≤" if found["least"] else GREEK[found["greek"]])


def _minus(text: str) -> str:
    return text.replace("-", "−")


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
_ACCENTS = {"\u0300": "`", "\u0301": "'", "\u0302": "^", "\u0303": "~", "\u0308": '"', "\u0327": "c "}


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
            known = len(marks) == 1 and marks[0] in _ACCENTS and letter.isascii()
            out.append(f"{{\\{_ACCENTS[marks[0]]}{letter}}}" if known else c)
    return "".join(out)


def formula_latex(text: str) -> str:
    """The same as LaTeX: `$L^{-1/2}$`, `$x_{k+1}$`, `$\\theta$`."""
    out, end = "", 0
    for found in _FORMULA.finditer(text):
        out += latex(text[end : found.start()]) + _tex(found)
        end = found.end()
    return out + latex(text[end:])


def _tex(found: re.Match[str]) -> str:
    if found["power"]:
        return f"${found['base']}^{{{latex(found['braced'] or found['exponent'])}}}$"
    if found["sub"]:
        name = f"\\{found['name']}" if found["name"] in GREEK else found["name"]
        return f"${name}_{{{latex(found['index'] or found['letter'])}}}$"
    return r"$\to$" if found["arrow"] else r"$\leq$" if found["least"] else f"$\\{found['greek']}$"


def number_latex(value: float | None, *, digits: int = 1) -> str:
    """`$1.2 \\cdot 10^{-3}$`; empty for no value."""
    if value is None:
        return ""
    mantissa, exponent = f"{value:.{digits}e}".split("e")
    return f"${mantissa} \\cdot 10^{{{int(exponent)}}}$"
