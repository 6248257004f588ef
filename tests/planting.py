"""Faults and small sizes planted through public faces: a test names a thing where it is defined, not who imports it.

Methods of a public class need none of this: `monkeypatch.setattr(Class, "method", faulty)` reaches whoever uses the
class; those of laws and schemes, which compiled code does not call, are planted by `plant_method`. What holds an object
outside of a module's names (a table, a default argument, a partial) is not reached.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import resnet_limits
from resnet_limits.engines.engine import Engine
from resnet_limits.settings.registry import Registry

PACKAGE = resnet_limits.__name__
OURS = (PACKAGE, "reslim_cli")


def plant(patch: pytest.MonkeyPatch, original: Any, replacement: Any, *, within: str = PACKAGE) -> None:
    """Modules of ours that hold `original`, a public function or class, hold `replacement` until `patch` is undone.

    `within` narrows that to one room, `"resnet_limits.studies"`, where the fault is to be in what is judged and not in
    what it is judged by.
    """
    name = getattr(original, "__name__", "")
    if name.startswith("_"):
        raise LookupError(f"{name} is private: plant the fault in what is public and calls it")
    places = [(module, at) for module in _held(within) for at, value in vars(module).items() if value is original]
    if not places:
        raise LookupError(f"no module of {within} holds {original!r}: is it planted already, or looked up elsewhere?")
    for module, at in places:
        patch.setattr(module, at, replacement)


def plant_method(patch: pytest.MonkeyPatch, cls: type, name: str, replacement: Any) -> None:
    """A method of a law or a scheme of `sampling/`, in networks that are walked where it is called."""
    patch.setattr(cls, name, replacement)
    walk_in_python(patch)


def walk_in_python(patch: pytest.MonkeyPatch) -> None:
    """Networks are those of the eager engine until `patch` is undone: what is planted in `sampling/` reaches no C."""
    enlist(patch, Engine.options, "auto", Engine.options["eager"])


def resize(patch: pytest.MonkeyPatch, module: ModuleType, **sizes: Any) -> None:
    """The constants `NAME=value` of `module`, which defines them, and of whoever imports them from there.

    Sizes that no setting reaches: a cache, the fine grid of a reference, a tolerance, made small or extreme for a test.
    """
    for name, value in sizes.items():
        if name.startswith("_") or not _assigns(module, name):
            raise LookupError(f"{module.__name__} defines no public {name}: name the module that does")
        original = getattr(module, name)
        for other in _held(PACKAGE):
            if vars(other).get(name) is original and (other is module or not _assigns(other, name)):
                patch.setattr(other, name, value)


def enlist(patch: pytest.MonkeyPatch, registry: Registry, name: str, thing: Any) -> None:
    """`registry[name]` is `thing` until `patch` is undone; a registry keeps what it has once found, and not this."""
    read = Registry.__getitem__

    def asked(self: Registry, key: str) -> Any:
        return thing if self is registry and key == name else read(self, key)

    patch.setattr(Registry, "__getitem__", asked)


def _held(within: str) -> Iterator[ModuleType]:
    """All modules of ours within a package. They are imported first: what came later would keep the fault for good."""
    import_all()
    inside = (within,) if within != PACKAGE else OURS
    for name, module in list(sys.modules.items()):
        if (
            isinstance(module, ModuleType) and name.startswith(tuple(f"{folder}." for folder in inside))
        ) or name in inside:
            yield module


@cache
def import_all() -> None:
    """Imports every module of the package, but for those that need a program that is not installed."""
    for module_info in pkgutil.walk_packages(resnet_limits.__path__, f"{PACKAGE}."):
        try:
            importlib.import_module(module_info.name)
        except ModuleNotFoundError as error:
            if (error.name or PACKAGE).startswith(PACKAGE):
                raise


def _assigns(module: ModuleType, name: str) -> bool:
    """Whether the module's text assigns the name, rather than importing it; a compiled module holds what it defines."""
    file = Path(str(module.__file__))
    return file.suffix != ".py" or re.search(rf"^[\w, ]*\b{name}\b[^=\n]*=", file.read_text(), re.MULTILINE) is not None
