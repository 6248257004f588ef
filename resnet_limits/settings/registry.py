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
from typing import Any, ClassVar, Self

from .. import own
from ..errors import SettingError, one_of
from ..imports import is_by_working_folder
from ..own import OwnFile
from .brought import enter_parts
from .case import camel_case, snake_case
from .keys import WithKeys, fixed

PACKAGE_FOLDER = Path(__file__).resolve().parents[1]
ENTRY_POINTS = "reslim"


@functools.cache
def installed(group: str) -> list[EntryPoint]:
    """The entry points of `reslim.GROUP`, by name, of what is installed: of what the processes of a run find, too."""
    every = entry_points(group=f"{ENTRY_POINTS}.{group}")
    lasting = (
        entry for entry in every if entry.dist is None or not is_by_working_folder(str(entry.dist.locate_file("")))
    )
    return sorted(lasting, key=lambda entry: (entry.name, distribution(entry)))


class Registry(Mapping[str, Any]):
    """The names of one group, in the order of the alphabet; what a name stands for is imported when it is first read.

    `folder` is the package of those that are built in, relative to this one; `base` the file in it that says what they
    all are; `noun` is what the names of their classes end in (`Law`). `holds` is what each file has under one name, in
    place of a class of its own name. With `inside` each is a folder, and the class stands in the file of that name in
    it; a file is one too where it defines the name `alone`. `has_keys`: its names are those of settings. With `also`
    what a name stands for may declare further names that it goes by, `also = ("silu",)`.
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
        entry_points: str = "",
        also: bool = False,
    ) -> None:
        if self.known.setdefault(group, self) is not self:
            raise ValueError(f"there is a registry of the group {group} already")
        self.group, self.folder, self.has_keys = group, folder, bool(inside)
        self.entry_points = entry_points or group
        self._base, self._noun, self._holds, self._inside, self._alone = base, noun, holds, inside, alone
        self._also = also
        self._things: dict[str, Any] = {}
        self._files: dict[str, OwnFile] = {}

    @functools.cached_property
    def built_in(self) -> dict[str, str]:
        """`module:attribute` by name, of those that are files or folders of the package."""
        modules = pkgutil.iter_modules([str(self._path)])
        ours = [
            module for module in modules if not module.name.startswith("_") and self._is_ours(module.name, module.ispkg)
        ]
        return {module.name: self._place(module.name, self._inside if module.ispkg else "") for module in ours}

    @functools.cached_property
    def others(self) -> dict[str, list[EntryPoint]]:
        """The entry points by name; one where all is well."""
        by_name: dict[str, list[EntryPoint]] = {}
        for entry in installed(self.entry_points):
            by_name.setdefault(entry.name, []).append(entry)
        return by_name

    @property
    def of_files(self) -> Mapping[str, OwnFile]:
        """The names that files of a user's own brought, with these files."""
        bring()
        return self._files

    def bring(self, name: str, thing: Any, file: OwnFile) -> None:
        """Let a name stand for what a file of a user's own defines. Raises `SettingError` for what is none of the
        group, or where the name is another's."""
        thing, taken = with_fields(thing), f"{file.name}: {self.group}={name} is"
        if name in self._files:
            raise SettingError(f"{taken} in {self._files[name].name} too; rename one of them")
        if name in self.built_in:
            raise SettingError(f"{taken} one that reslim has; give yours another name")
        if name in self.others:
            raise SettingError(f"{taken} one of {_who(self.others[name][0])}; give yours another name")
        if why := self._is_none(thing, name):
            raise SettingError(f"{taken.removesuffix(' is')} {why}")
        self._things[name], self._files[name] = thing, file

    def drop(self, module: str) -> None:
        """Forget the names that a file of a user's own brought as this module."""
        for name in [name for name, file in self._files.items() if file.module == module]:
            del self._files[name], self._things[name]

    @property
    def _path(self) -> Path:
        return PACKAGE_FOLDER.joinpath(*self.folder.split("."))

    def _is_ours(self, name: str, is_folder: bool) -> bool:
        """Whether a file, or a folder, of the package is one of this group."""
        if is_folder == bool(self._inside):
            return name != self._base
        if is_folder or not self._alone:
            return False
        text = (self._path / f"{name}.py").read_text(encoding="utf-8")
        return re.search(rf"^{self._alone}\b", text, re.MULTILINE) is not None

    def _place(self, name: str, inside: str) -> str:
        module = ".".join(word for word in (PACKAGE_FOLDER.name, self.folder, name, inside) if word)
        return f"{module}:{self._holds or camel_case(name) + self._noun}"

    def __getitem__(self, name: str) -> Any:
        """What the name stands for. Raises `KeyError` where there is none, and `SettingError` where it was brought by
        a distribution that is broken, or whose name another one has."""
        bring()
        if name not in self._things:
            others = self.others.get(name, [])
            if others:
                self._things[name] = self._brought(name, others)
            else:
                module, _, attribute = self.built_in[name].partition(":")
                self._things[name] = getattr(importlib.import_module(module), attribute)
        return self._things[name]

    def _brought(self, name: str, others: list[EntryPoint]) -> Any:
        """What the one entry point of this name stands for."""
        entry = others[0]
        if len(others) > 1 or name in self.built_in:
            whose = " and of ".join(map(_who, others))
            also = "reslim has one of its own" if name in self.built_in else "one name has one meaning"
            raise SettingError(f"{self.group}={name} is a name of {whose}; {also}: rename theirs, or pip uninstall it")
        with self.blaming(name):
            option = with_fields(entry.load())
            why = self._is_none(option, name)
        if why:
            raise SettingError(f"{self.group}={name}: {entry.value} of {_who(entry)} {why}")
        return option

    @contextlib.contextmanager
    def blaming(self, name: str) -> Iterator[None]:
        """While something of this name is imported: whatever goes wrong is the fault of the distribution that brought
        it, and a `SettingError` that names it. An error in what is built in stays what it is."""
        try:
            yield
        except Exception as error:
            if name not in self.others:
                raise
            entry = self.others[name][0]
            words = " ".join(f"{type(error).__name__}: {error}".split())
            message = f"{self.group}={name}: {entry.value} of {_who(entry)} cannot be imported: {words}"
            raise SettingError(message) from error

    def _is_none(self, option: Any, name: str) -> str:
        """Why this is nothing that a name of the group may stand for; empty where it is."""
        if self._holds:
            return ""
        if self._base and getattr(option, "options", None) is not self:
            base = f"{PACKAGE_FOLDER.name}.{self.folder}.{self._base}"
            return f"is none of the group {self.group}: derive it from the class in {base}"
        if self.has_keys and (why := self._no_settings(option)):
            return why
        declared = getattr(option, "study" if self._inside else "name", None)
        return "" if declared == name else f"calls itself {declared!r}; the two are to be the same"

    def of_value(self, file: OwnFile, attribute: str, thing: Any) -> tuple[Registry, str, Any] | None:
        """What a file of a user's own defines as a value: a study, by its own name, or a figure, by the variable's.
        None for what is another's, or no value that a name may stand for."""
        if self._inside:
            if thing.settings.__module__ != file.module:
                return None
            if attribute != self._alone:
                raise SettingError(f"{file.name}: call the study {thing.name} {self._alone}, not {attribute}")
            return self, thing.name, thing.settings
        is_its_own = self._holds and getattr(thing.draw, "__module__", None) == file.module
        return (self, attribute.lower(), thing) if is_its_own else None

    @property
    def what(self) -> str:
        """`a block`, `an activation`."""
        return f"{'an' if self.group[0] in 'aeiou' else 'a'} {self.group}"

    def _no_settings(self, settings: Any) -> str:
        """Why this is no class of settings; empty where it is one."""
        if not isinstance(settings, type) or "__dataclass_fields__" not in vars(settings):
            return "is no dataclass, which settings are: put @dataclass above the class"
        fields = dataclasses.fields(settings)
        if open_ := [field.name for field in fields if field.default is field.default_factory is dataclasses.MISSING]:
            return f"has keys without a default: {', '.join(open_)}"
        if bare := [field.name for field in fields if "meaning" not in field.metadata and field.name != "name"]:
            return f'has keys without a meaning: {", ".join(bare)}; write {bare[0]}: float = key(1.0, "what it is")'
        if odd := [key for key, kind in kinds(settings).items() if kind.options.group != key]:
            return f"has options under another name than their group's: {', '.join(odd)}"
        return ""

    def meant(self, name: str) -> str:
        """The name of what goes by this one as well, `swish` for `silu`; any other is itself."""
        if not self._also or name in self:
            return name
        return next((listed for listed, thing in self.sound() if name in thing.also), name)

    def unknown(self, name: str) -> str:
        """What is said of a name that is none of the group: `'my_law'. Valid: iid, tied; one of your own ...`."""
        may_be_own = bool(self._base or self._inside) and not own.files()
        return one_of(name, self) + ("; one of your own comes with --with FILE" if may_be_own else "")

    def require(self, name: str) -> None:
        """Raise `SettingError` where the name was brought by another distribution and cannot be used; what is built in
        is not imported."""
        if name in self.others:
            self[name]

    @property
    def names(self) -> dict[str, Any]:
        """Every name, first those that are built in."""
        return dict.fromkeys([*self.built_in, *self.others, *self.of_files])

    def sound(self, report: Callable[[str], None] = lambda message: None) -> Iterator[tuple[str, Any]]:
        """Name by name what each stands for, first those that are built in, without those that are broken; `report`
        hears of these."""
        for name in self.names:
            try:
                option = self[name]
            except SettingError as error:
                report(str(error))
                continue
            yield name, option

    def __contains__(self, name: object) -> bool:
        return name in self.names

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self.names))

    def __len__(self) -> int:
        return len(self.names)


def _who(entry: EntryPoint) -> str:
    return f"the distribution {distribution(entry)}"


def distribution(entry: EntryPoint) -> str:
    """`lab 1.0`: which distribution an entry point is of."""
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist is not None else "of unknown name"


def bring() -> None:
    """The parts of all files of a user's own that are named are in their registries. Raises `SettingError` naming the
    file."""
    enter_parts(Registry.known.values())


STUDIES = Registry("study", "studies", inside="settings", alone="STUDY", entry_points="studies")
SINKS = Registry("sinks", "sinks.programs", holds="open_in")
ENGINES = Registry("engine", "engines", base="engine")
FIGURES = Registry("figure", "figures.named", base="figure", holds="FIGURE")


@typing.dataclass_transform()
@dataclass
class Option(WithKeys):
    """What a key may be that has keys of its own, such as a law of the weights: one of its `options`, by name."""

    options: ClassVar[Registry]
    name: str
    """Declared as `fixed(name, meaning)`, or else made of the name of the class and the first line of its docstring; a
    class that others derive from declares it without a value."""

    @classmethod
    def is_path(cls, word: str) -> bool:
        """Whether a word in place of a name is the path of what an option can take from there."""
        return False

    @classmethod
    def at(cls, path: str) -> dict[str, str]:
        """The keys, with their groups, that say: what lies at this path. Raises `RequestError` where nothing suited
        does."""
        raise NotImplementedError

    def __init_subclass__(cls) -> None:
        cls.options.has_keys = True
        if "name" not in cls.__annotations__:
            cls.__annotations__["name"] = "str"
            meaning = (cls.__doc__ or cls.__name__).strip().splitlines()[0].rstrip(".")
            cls.name = fixed(snake_case(cls.__name__), meaning)

    def __new__(cls, *values: Any, **keys: Any) -> Self:
        """A class that was written without @dataclass is made one when it is first called."""
        return super().__new__(with_fields(cls), *values, **keys)


def with_fields(part: Any) -> Any:
    """The same part; a class of an `Option` that was written without @dataclass is made one."""
    is_bare = isinstance(part, type) and issubclass(part, Option) and "__dataclass_fields__" not in vars(part)
    return dataclass(part) if is_bare else part


@functools.cache
def kinds(settings: type) -> dict[str, type[Option]]:
    """The keys of a study that have options, with what an option of them is: `{"init": Init, ...}`."""
    hints = typing.get_type_hints(settings)
    return {name: kind for name, kind in hints.items() if isinstance(kind, type) and issubclass(kind, Option)}


@functools.cache
def options_of(key: str, *first: type) -> Mapping[str, Any]:
    """The options of this key (`init`, `block`, ...) in the first study that has it, these before the others; none
    where it is a key without options, or none at all."""
    for settings in itertools.chain(first, (settings for _, settings in STUDIES.sound())):
        if key in settings.__dataclass_fields__:
            kind = kinds(settings).get(key)
            return {} if kind is None else kind.options
    return {}


def groups() -> dict[str, Registry]:
    """The groups of options that any study has a key for."""
    return {name: kind.options for _, settings in STUDIES.sound() for name, kind in kinds(settings).items()}
