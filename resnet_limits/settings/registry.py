"""What has a name on the command line, by group: `name -> class`, imported when it is asked for.

    study=ode       a folder or file of `studies/`      init=smooth     a file of `paths/laws/`
    data=mnist      a file of `data/sources/`           cluster=slurm   a file of `settings/clusters/`

The names of a group are the files (or folders) of its package, found without importing one of them, and the entry
points of the group `reslim.GROUP` of whatever else is installed, `name = "module:Class"`. A file holds the class of
its name and of what its group holds: `data/sources/fashion_mnist.py` the class `FashionMnistData`, `paths/laws/tied.py`
the class `TiedLaw`.

What is installed beside reslim may be broken. That is said, with the name of its distribution, where it is asked for;
whoever does not ask for it does not import it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import importlib
import itertools
import pkgutil
import re
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, ClassVar

from ..errors import SettingError
from ..imports import is_by_working_folder

PACKAGE = Path(__file__).resolve().parents[1]
ENTRY_POINTS = "reslim"


@functools.cache
def installed(group: str) -> list[EntryPoint]:
    """The entry points of `reslim.GROUP`, by name, of what is installed: of what the processes of a run find, too."""
    found = entry_points(group=f"{ENTRY_POINTS}.{group}")
    lasting = (its for its in found if its.dist is None or not is_by_working_folder(str(its.dist.locate_file(""))))
    return sorted(lasting, key=lambda its: (its.name, distribution(its)))


class Registry(Mapping[str, Any]):
    """The names of one group, in the order of the alphabet; what a name stands for is imported when it is first read.

    `folder` is the package of those that are built in, relative to this one; `base` the file in it that says what they
    all are; `noun` is what the names of their classes end in (`Law`). `holds` is what each file has under one name, in
    place of a class of its own name. With `inside` each is a
    folder, and the class stands in the file of that name in it; a file is one too where it defines the name `alone`.
    `has_keys`: its names are those of settings.
    """

    known: ClassVar[dict[str, Registry]] = {}
    """By group; of options those of which a study was imported that has them."""

    def __init__(
        self,
        group: str,
        folder: str,
        *,
        base: str = "",
        noun: str = "",
        holds: str = "",
        inside: str = "",
        alone: str = "",
    ) -> None:
        if self.known.setdefault(group, self) is not self:
            raise ValueError(f"there is a registry of the group {group} already")
        self.group, self.folder, self.has_keys = group, folder, bool(inside)
        self._base, self._noun, self._holds, self._inside, self._alone = base, noun, holds, inside, alone
        self._found: dict[str, Any] = {}

    @functools.cached_property
    def built_in(self) -> dict[str, str]:
        """`module:attribute` by name, of those that are files or folders of the package."""
        found = pkgutil.iter_modules([str(self._path)])
        ours = [its for its in found if not its.name.startswith("_") and self._is_ours(its.name, its.ispkg)]
        return {its.name: self._place(its.name, self._inside if its.ispkg else "") for its in ours}

    @functools.cached_property
    def others(self) -> dict[str, list[EntryPoint]]:
        """The entry points by name; one where all is well."""
        found: dict[str, list[EntryPoint]] = {}
        for its in installed(self.group):
            found.setdefault(its.name, []).append(its)
        return found

    @property
    def _path(self) -> Path:
        return PACKAGE.joinpath(*self.folder.split("."))

    def _is_ours(self, name: str, is_folder: bool) -> bool:
        """Whether a file, or a folder, of the package is one of this group."""
        if is_folder == bool(self._inside):
            return name != self._base
        if is_folder or not self._alone:
            return False
        text = (self._path / f"{name}.py").read_text(encoding="utf-8")
        return re.search(rf"^{self._alone}\b", text, re.MULTILINE) is not None

    def _place(self, name: str, inside: str) -> str:
        module = ".".join(word for word in (PACKAGE.name, self.folder, name, inside) if word)
        return f"{module}:{self._holds or camel_case(name) + self._noun}"

    def __getitem__(self, name: str) -> Any:
        """What the name stands for. Raises `KeyError` where there is none, and `SettingError` where it was brought by
        a distribution that is broken, or whose name another one has."""
        if name not in self._found:
            others = self.others.get(name, [])
            if others:
                self._found[name] = self._brought(name, others)
            else:
                module, _, attribute = self.built_in[name].partition(":")
                self._found[name] = getattr(importlib.import_module(module), attribute)
        return self._found[name]

    def _brought(self, name: str, others: list[EntryPoint]) -> Any:
        """What the one entry point of this name stands for."""
        its = others[0]
        if len(others) > 1 or name in self.built_in:
            whose = " and of ".join(map(_who, others))
            also = "reslim has one of its own" if name in self.built_in else "one name has one meaning"
            raise SettingError(f"{self.group}={name} is a name of {whose}; {also}: rename theirs, or pip uninstall it")
        with self.blaming(name):
            found = its.load()
            why = self._is_none(found, name)
        if why:
            raise SettingError(f"{self.group}={name}: {its.value} of {_who(its)} {why}")
        return found

    @contextlib.contextmanager
    def blaming(self, name: str) -> Iterator[None]:
        """While something of this name is imported: whatever goes wrong is the fault of the distribution that brought
        it, and a `SettingError` that names it. An error in what is built in stays what it is."""
        try:
            yield
        except Exception as error:
            if name not in self.others:
                raise
            its = self.others[name][0]
            words = " ".join(f"{type(error).__name__}: {error}".split())
            message = f"{self.group}={name}: {its.value} of {_who(its)} cannot be imported: {words}"
            raise SettingError(message) from error

    def _is_none(self, found: Any, name: str) -> str:
        """Why this is nothing that a name of the group may stand for; empty where it is."""
        if self._holds:
            return ""
        if self._base and getattr(found, "options", None) is not self:
            base = f"{PACKAGE.name}.{self.folder}.{self._base}"
            return f"is none of the group {self.group}: derive it from the class in {base}"
        if self.has_keys and (why := self._no_settings(found)):
            return why
        own = getattr(found, "study" if self._inside else "name", None)
        return "" if own == name else f"calls itself {own!r}; the two are to be the same"

    def _no_settings(self, found: Any) -> str:
        """Why this is no class of settings; empty where it is one."""
        if not isinstance(found, type) or not dataclasses.is_dataclass(found):
            return "is no dataclass, which settings are"
        fields = dataclasses.fields(found)
        if open_ := [its.name for its in fields if its.default is its.default_factory is dataclasses.MISSING]:
            return f"has keys without a default: {', '.join(open_)}"
        if odd := [key for key, kind in kinds(found).items() if kind.options.group != key]:
            return f"has options under another name than their group's: {', '.join(odd)}"
        return ""

    def require(self, name: str) -> None:
        """Raise `SettingError` where the name was brought by another distribution and cannot be used; what is built in
        is not imported."""
        if name in self.others:
            self[name]

    def sound(self, told: Callable[[str], None] = lambda message: None) -> Iterator[tuple[str, Any]]:
        """Name by name what each stands for, first those that are built in, without those that are broken; `told` hears
        of these."""
        for name in [*self.built_in, *(name for name in self.others if name not in self.built_in)]:
            try:
                found = self[name]
            except SettingError as error:
                told(str(error))
                continue
            yield name, found

    def __contains__(self, name: object) -> bool:
        return name in self.built_in or name in self.others

    def __iter__(self) -> Iterator[str]:
        return iter(sorted({**self.built_in, **self.others}))

    def __len__(self) -> int:
        return len({**self.built_in, **self.others})


def _who(its: EntryPoint) -> str:
    return f"the distribution {distribution(its)}"


def distribution(its: EntryPoint) -> str:
    """`lab 1.0`: which distribution an entry point is of."""
    return f"{its.dist.name} {its.dist.version}" if its.dist is not None else "of unknown name"


def camel_case(name: str) -> str:
    """`fashion_mnist` -> `FashionMnist`."""
    return "".join(part.capitalize() for part in name.split("_"))


STUDIES = Registry("study", "studies", inside="settings", alone="STUDY")
SINKS = Registry("sinks", "sinks.programs", holds="open_in")
FIGURES = Registry("figure", "figures.named", base="figure", holds="FIGURE")


@dataclass
class Option:
    """What a key may be that has keys of its own, such as a law of the weights: one of its `options`, by name."""

    options: ClassVar[Registry]
    name: str

    def __init_subclass__(cls) -> None:
        cls.options.has_keys = True


@functools.cache
def kinds(settings: type) -> dict[str, type[Option]]:
    """The keys of a study that have options, with what an option of them is: `{"init": Init, ...}`."""
    hints = typing.get_type_hints(settings)
    return {name: kind for name, kind in hints.items() if isinstance(kind, type) and issubclass(kind, Option)}


@functools.cache
def options_of(key: str, *first: type) -> Mapping[str, Any]:
    """The options of this key (`init`, `block`, ...) in the first study that has it, these before the others; none
    where it is a key without options, or none at all."""
    for settings in itertools.chain(first, (its for _, its in STUDIES.sound())):
        if key in settings.__dataclass_fields__:
            kind = kinds(settings).get(key)
            return {} if kind is None else kind.options
    return {}


def groups() -> dict[str, Registry]:
    """The groups of options that any study has a key for."""
    return {name: kind.options for _, settings in STUDIES.sound() for name, kind in kinds(settings).items()}
