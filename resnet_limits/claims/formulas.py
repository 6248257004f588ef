r"""Formulas in sentences: in `E|x_L|^2/D converges at order 1` the formula `E|x_L|^2/D`, and how TeX writes it.

Statements, equations and descriptions of observables are plain text, so that a terminal shows them as they are. Where
more is possible, on a page, in LaTeX, in a figure, what is mathematics in them is found here and written as TeX.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

GREEK = ("alpha", "beta", "gamma", "delta", "theta", "lambda", "nu", "pi", "rho", "sigma", "tau", "phi", "psi", "chi")
LETTERS = (*GREEK, "omega", "Gamma", "Delta", "Phi", "Omega")
"""Names that are written as letters."""
FUNCTIONS = ("log", "det", "exp", "min", "max", "sin", "cos", "tanh")
"""Names that TeX knows, and that may begin a formula."""
UPRIGHT = ("Lip", "Var", "diag", "dloss", "grad", "id", "in", "loss", "mean", "relu", "sigmoid", "swish", "tr")
"""Further names that stand upright."""
SIGNS = {"->": r"\to ", "<=": r"\leq ", ">=": r"\geq ", ">>": r"\gg ", "<<": r"\ll ", "~": r"\sim ", "*": r"\cdot "}
SIGNS |= {"≤": r"\leq ", "≥": r"\geq ", "→": r"\to ", "±": r"\pm ", "−": "-", "∞": r"\infty "}
COMMANDS_OF_NAMES = {
    **{name: f"\\{name} " for name in (*LETTERS, *FUNCTIONS, "sum", "int")},
    **{name: f"\\operatorname{{{name}}}" for name in UPRIGHT},
    "infinity": r"\infty ",
}

_NAME = "|".join(sorted((*LETTERS, *FUNCTIONS, *UPRIGHT, "sqrt"), key=len, reverse=True))
_LETTER = re.compile(rf"(?:\d*(?:[B-HJ-Zb-z]|{'|'.join(LETTERS)})|[a-z]\d|d[xtWbJPqHu]|D[vu])'*")
"""A variable that stands alone; `a`, `A` and `I` are words."""
_SIGN = re.compile(
    rf"[\^_=<>|]|[A-Za-z\d)]/\(?[A-Za-z]|[A-Za-z]/\d|^[-(]+[a-z0-9.]+\)*$|(?<![A-Za-z])(?:[A-Za-z]|{_NAME})'*\(|^\(|[)}}]$"
)
"""What tells a formula from words, where all of its names are known."""
_NEUTRAL = re.compile(rf"-?\(?\d+(?:[./]\d+)*\)?|[-+=*~<>≤≥±−→]|->|<=|>=|>>|<<|[AEI]|id|sum|int|{'|'.join(FUNCTIONS)}")
"""Numbers, operators and names that belong to a formula beside them."""
_OPERATOR = re.compile(r"[-+=*~<>≤≥±−→]|->|<=|>=|>>|<<")
_NUMBER = re.compile(r"-?\(?\d+(?:[./]\d+)*\)?")
_WRITTEN = re.compile(r"(?!\{)[\w^{}()<>|=+\-*/'.,~≤≥±→−∞]+(?<![\^_])", re.ASCII)
"""What a formula is written with."""
_ENDS = " ,.;:"


@dataclass(frozen=True)
class PartOfSentence:
    """A part of a sentence: words, or a formula as it was written."""

    text: str
    is_formula: bool

    @property
    def tex(self) -> str:
        """The formula as TeX, without dollars."""
        return tex(self.text)


def parts(sentence: str) -> list[PartOfSentence]:
    """Words and formulas in turn, which joined are the sentence."""
    joined: list[PartOfSentence] = []
    for text, is_formula in _runs(re.findall(r"\s*\S+|\s+$", sentence)):
        if joined and not (is_formula or joined[-1].is_formula):
            joined[-1] = PartOfSentence(joined[-1].text + text, False)
        else:
            joined.append(PartOfSentence(text, is_formula))
    return joined


def _runs(tokens: list[str]) -> Iterator[tuple[str, bool]]:
    start = 0
    while start < len(tokens):
        end = _end(tokens, start)
        first, last = _trimmed(tokens, start, end)
        text = "".join(tokens[first:last])
        if first == last or text.count("{") != text.count("}"):
            yield "".join(tokens[start : max(end, start + 1)]), False
        else:
            body = text.strip(_ENDS)
            at = text.index(body)
            yield from ((words, False) for words in ("".join(tokens[start:first]) + text[:at],) if words)
            yield body, True
            yield from ((words, False) for words in (text[at + len(body) :] + "".join(tokens[last:end]),) if words)
        start = max(end, start + 1)


def _end(tokens: list[str], start: int) -> int:
    """Behind the last of the tokens that may be one formula with this one; a comma ends it outside of brackets."""
    end, is_open = start, 0
    while end < len(tokens) and (is_mathematics(tokens[end]) or _NEUTRAL.fullmatch(tokens[end].strip(_ENDS))):
        if end > start and tokens[end].startswith("  ") and not is_open:
            break
        is_open += _opened(tokens[end])
        end += 1
        if not is_open and tokens[end - 1][-1] in _ENDS:
            break
    return end


def _opened(token: str) -> int:
    """How many brackets a token leaves open; `<` is one before a letter, `>` behind one."""
    opening = len(re.findall(r"[({]|<(?=[\w|])", token))
    return opening - len(re.findall(r"[)}]|(?<=[\w')])>(?!=)", token))


def _trimmed(tokens: list[str], start: int, end: int) -> tuple[int, int]:
    """The same without operators at its ends and numbers that no operator ties; empty without mathematics."""
    if not any(map(is_mathematics, tokens[start:end])):
        return start, start
    while start < end and _OPERATOR.fullmatch(tokens[start].strip(_ENDS)) and tokens[start].strip() != "-":
        start += 1
    while end > start and not is_mathematics(tokens[end - 1]) and not _is_tied(tokens, start, end - 1):
        end -= 1
    return start, end


def _is_tied(tokens: list[str], start: int, i: int) -> bool:
    """Whether a number, or a letter that is a word elsewhere, stands behind what ties it to the formula."""
    token = tokens[i].strip(_ENDS)
    behind = i > start and (bool(_OPERATOR.fullmatch(tokens[i - 1].strip())) or token in ("A", "I"))
    return behind and not _OPERATOR.fullmatch(token)


def is_mathematics(token: str) -> bool:
    """Whether a word of a sentence is a formula, or part of one, by itself."""
    token = token.strip(_ENDS)
    if _LETTER.fullmatch(token) or token == "infinity":
        return True
    if not _WRITTEN.fullmatch(token):
        return False
    known = all(
        len(name) == 1 or name in COMMANDS_OF_NAMES or _is_short(name) for name in re.findall(r"[A-Za-z]+", token)
    )
    return known and re.search(r"[A-Za-z]", token) is not None and _SIGN.search(token) is not None


def _is_short(name: str) -> bool:
    return len(name) == 2 or name == "sqrt"


# -- TeX ------------------------------------------------------------------------------------------

_SCRIPT = re.compile(r"[\^_]")
_TOKEN = re.compile(
    r"(?P<sign>->|<=|>=|>>|<<|[~*≤≥→±−∞])|(?P<root>sqrt\()|(?P<indexed>(?<![A-Za-z])[a-z]\d+(?![\w(]))|(?P<name>[A-Za-z]+)"
    r"|(?P<script>[\^_])|(?P<open><(?=[^\s=]))|(?P<close>(?<=[^\s])>)|(?P<space>\s+)|(?P<other>.)",
    re.DOTALL,
)
_INDEX = re.compile(r"[A-Za-z0-9]+")
_EXPONENT = re.compile(r"\((?P<inside>-?\d+/\d+)\)|-?\d+(?:[./]\d+)*|-?[A-Za-z]+")
_SPECIAL = "&%$#\\"


def tex(formula: str) -> str:
    """`E|x_L|^2/D` as `E|x_{L}|^{2}/D`, `int |K'|^2 dt` as `\\int |K'|^{2}\\,dt`."""
    out, at = "", 0
    while at < len(formula):
        match = _TOKEN.match(formula, at)
        assert match is not None  # `other` is any character
        kind, token, at = match.lastgroup, match.group(), match.end()
        if kind == "script":
            inside, at = _script(formula, at, _INDEX if token == "_" else _EXPONENT)
            out += f"{token}{{{inside}}}"
        elif kind == "root":
            end = _closing(formula, at, "()")
            out, at = out + f"\\sqrt{{{tex(formula[at:end])}}}", end + 1
        else:
            out += _written(kind, token, formula, at)
    return out.strip()


def _written(kind: str | None, token: str, formula: str, at: int) -> str:
    """A token that is written for itself; of a space, whether it stands between two factors."""
    match kind:
        case "sign":
            return SIGNS[token]
        case "indexed":
            return f"{token[0]}_{{{token[1:]}}}"
        case "name":
            return COMMANDS_OF_NAMES.get(token, token if len(token) <= 2 else f"\\mathrm{{{token}}}")
        case "open":
            return r"\langle "
        case "close":
            return r"\rangle "
        case "space":
            before, after = formula[: at - len(token)][-1:], formula[at : at + 1]
            is_factor = bool(re.match(r"[\w)}|>'].?", before) and re.match(r"[\w({|<]", after))
            return (
                r"\,"
                if is_factor
                and not re.search("[-=>]>$|>=$", formula[: at - len(token)])
                and not re.match("<[<= ]", formula[at:])
                else " "
            )
    return {"{": r"\{", "}": r"\}"}.get(token, f"\\{token}" if token in _SPECIAL else token)


def _script(formula: str, at: int, pattern: re.Pattern[str]) -> tuple[str, int]:
    """What stands above or below, as TeX, and where it ends."""
    if formula[at : at + 1] == "{":
        end = _closing(formula, at + 1, "{}")
        return tex(formula[at + 1 : end]), end + 1
    match = pattern.match(formula, at)
    if match is None:
        return "", at
    inside = match.groupdict().get("inside") or match.group()
    return (tex(inside) if not inside.isalpha() or inside in COMMANDS_OF_NAMES else inside), match.end()


def _closing(formula: str, at: int, pair: str) -> int:
    """Where the bracket that was opened before `at` is closed; the end where it is not."""
    depth = 1
    for i in range(at, len(formula)):
        depth += (formula[i] == pair[0]) - (formula[i] == pair[1])
        if not depth:
            return i
    return len(formula)
