"""A figure's SVG file as an element of the page.

A figure that was there already may have been written by anybody: only what matplotlib draws with goes into the page, by
the names of its elements and attributes; nothing that could run, or load something from outside.
"""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

from markupsafe import Markup

from ..files import read_text

ELEMENTS = (
    "svg",
    "g",
    "defs",
    "clipPath",
    "path",
    "use",
    "rect",
    "text",
    "tspan",
    "circle",
    "ellipse",
    "line",
    "polygon",
)
GEOMETRY = (
    "d",
    "x",
    "y",
    "x1",
    "x2",
    "y1",
    "y2",
    "cx",
    "cy",
    "r",
    "rx",
    "ry",
    "width",
    "height",
    "points",
    "transform",
)
ATTRIBUTES = (*GEOMETRY, "id", "href", "clip-path", "style", "viewBox")
PATTERN_OF_LINKS = re.compile(r"url\((?!#)|@import|expression|\\", re.IGNORECASE)


def drawing(svg: Path, prefix: str, label: str) -> Markup:
    """The drawing, or a line that says that it cannot be shown. Names inside get a prefix, because those of one file
    would otherwise meet those of the next."""
    try:
        text = read_text(svg)
        if "<!ENTITY" in text:
            raise ValueError("an entity")
        root = ElementTree.fromstring(text)
    except (OSError, ValueError, ElementTree.ParseError):
        return Markup('<p class="note">{} cannot be shown.</p>').format(svg.name)
    box = root.get("viewBox")
    _keep_known(root, prefix)
    root.attrib = {**({"viewBox": box} if box else {}), "role": "img", "aria-label": label}
    return Markup(re.sub(r"\n\s*", "\n", ElementTree.tostring(root, encoding="unicode").strip()))


def _keep_known(element: ElementTree.Element, prefix: str) -> None:
    """Leave out what is not known, and give names inside their prefix."""
    element.tag = _local(element.tag)
    element.attrib = {
        name: _named(name, value, prefix)
        for name, value in ((_local(name), value) for name, value in element.attrib.items())
        if name in ATTRIBUTES and not PATTERN_OF_LINKS.search(value) and (name != "href" or value.startswith("#"))
    }
    for child in list(element):
        if isinstance(child.tag, str) and _local(child.tag) in ELEMENTS:
            _keep_known(child, prefix)
        else:
            element.remove(child)


def _named(name: str, value: str, prefix: str) -> str:
    if name == "id":
        return prefix + value
    return value.replace("#", f"#{prefix}") if name == "href" else value.replace("url(#", f"url(#{prefix}")


def _local(name: str) -> str:
    return name.rpartition("}")[2]
