"""The pages of this repository, and what stands in them: links, paths, command lines, lines of Python."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from tests.checkout import HERE

ROOMS = ("cli", "configs", "resnet_limits", "outputs", "tests")
PAGES = sorted([*HERE.glob("*.md"), *(path for room in ROOMS for path in (HERE / room).rglob("*.md"))])


def text(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def links(page: Path) -> Iterator[tuple[str, str]]:
    """`(path, anchor)` of each link and picture that points into this repository; either may be empty."""
    for target in re.findall(r"\]\(([^)\s]+)\)", text(page)):
        if not target.startswith(("http://", "https://")):
            path, _, anchor = target.partition("#")
            yield path, anchor


def anchors(page: Path) -> set[str]:
    """Of the headings, as GitHub makes them: small letters, blanks to hyphens, no other signs."""
    headings = re.findall(r"^#+ (.*)$", text(page), flags=re.MULTILINE)
    plain = (re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower() for heading in headings)
    return {re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in plain}


def places(page: Path) -> tuple[Path, ...]:
    """From where a page names files."""
    return (HERE, HERE / "resnet_limits", HERE / "tests", page.parent)


def paths(page: Path) -> Iterator[str]:
    """Files that are named in code, `tests/problems.py`, by the first folder that exists; `STUDY` is a placeholder."""
    for code in re.findall(r"`([^`\n]+)`", text(page)):
        for word in code.split():
            first, slash, _ = word.partition("/")
            known = slash and any((place / first).is_dir() for place in places(page))
            if known and re.fullmatch(r"[\w./-]+", word) and not re.search("[A-Z]{3}", word.replace("README", "")):
                yield word


def code_lines(page: Path) -> Iterator[str]:
    """Indented lines, and code within sentences, one line each."""
    whole = text(page)
    yield from re.findall(r"^ {4}(\S.*)$", whole, flags=re.MULTILINE)
    yield from (" ".join(code.split()) for code in re.findall(r"`([^`]+)`", whole))


def command_lines(page: Path, program: str) -> Iterator[str]:
    """Command lines of a program, as they are typed; comments are left out, `a && b` is two."""
    for line in code_lines(page):
        for part in line.split(" && "):
            if part.startswith(f"{program} "):
                yield re.split(r"\s+#|; |, ", part)[0]


def commands(page: Path, program: str) -> list[list[str]]:
    """The same as words, without the program."""
    return [shlex.split(line)[1:] for line in command_lines(page, program)]


def python(page: Path) -> list[str]:
    """The indented blocks that import something."""
    blocks = re.findall(r"(?:^(?: {4}.*)?\n)+", text(page), flags=re.MULTILINE)
    plain = ["\n".join(line[4:] for line in block.splitlines()).strip("\n") for block in blocks]
    return [block + "\n" for block in plain if re.match(r"(?:import|from) ", block)]
