"""A name as its file has it, `fashion_mnist`, and as its class has it, `FashionMnist`."""

from __future__ import annotations

import re


def camel_case(name: str) -> str:
    """`fashion_mnist` -> `FashionMnist`."""
    return "".join(part.capitalize() for part in name.split("_"))


def snake_case(name: str) -> str:
    """`FashionMnist` -> `fashion_mnist`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()
