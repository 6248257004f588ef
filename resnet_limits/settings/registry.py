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
import math
import pkgutil
import re
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, ClassVar, Self

from .. import own
from ..errors import SettingError, one_of
from ..imports import is_by_working_folder
from .keys import WithKeys, fixed, flat

PACKAGE = Path(__file__).resolve().parents[1]
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
        self._found: dict[str, Any] = {}
        self._own: dict[str, own.OwnFile] = {}

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
    def own(self) -> Mapping[str, own.OwnFile]:
        """The names that files of a user's own brought, with these files."""
        bring()
        return self._own

    def bring(self, name: str, thing: Any, file: own.OwnFile) -> None:
        """Let a name stand for what a file of a user's own defines. Raises `SettingError` for what is none of the
        group, or where the name is another's."""
        taken = f"{file.name}: {self.group}={name} is"
        if name in self._own:
            raise SettingError(f"{taken} in {self._own[name].name} too; rename one of them")
        if name in self.built_in:
            raise SettingError(f"{taken} one that reslim has; give yours another name")
        if name in self.others:
            raise SettingError(f"{taken} one of {_who(self.others[name][0])}; give yours another name")
        if why := self._is_none(thing, name):
            raise SettingError(f"{taken.removesuffix(' is')} {why}")
        self._found[name], self._own[name] = thing, file

    def drop(self, module: str) -> None:
        """Forget the names that a file of a user's own brought as this module."""
        for name in [name for name, file in self._own.items() if file.module == module]:
            del self._own[name], self._found[name]

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
        bring()
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
            base = f"{PACKAGE.name}.{self.folder}.{self._base}"
            return f"is none of the group {self.group}: derive it from the class in {base}"
        if self.has_keys and (why := self._no_settings(option)):
            return why
        declared = getattr(option, "study" if self._inside else "name", None)
        return "" if declared == name else f"calls itself {declared!r}; the two are to be the same"

    def of_value(self, file: own.OwnFile, attribute: str, thing: Any) -> tuple[Registry, str, Any] | None:
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
        return next((its_own for its_own, thing in self.sound() if name in thing.also), name)

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
        return dict.fromkeys([*self.built_in, *self.others, *self.own])

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


def camel_case(name: str) -> str:
    """`fashion_mnist` -> `FashionMnist`."""
    return "".join(part.capitalize() for part in name.split("_"))


def snake_case(name: str) -> str:
    """`FashionMnist` -> `fashion_mnist`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


# -- files of a user's own ------------------------------------------------------------------------

_brought: set[str] = set()


def bring() -> None:
    """Enter the parts of all named files into their registries, once, and take out those of files that are not named
    any more, or have changed since.

    A part is a class of the file that derives from what a group holds (a law of weights, a block, ...), not one that
    begins with `_`, or a `STUDY`, or a figure, which goes by the name of its variable. Raises `SettingError` naming the
    file.
    """
    files = own.files()
    for module in _brought - {file.module for file in files}:
        _brought.discard(module)
        for registry in Registry.known.values():
            registry.drop(module)
    for file in files:
        if file.module not in _brought:
            _brought.add(file.module)  # before: the file itself may ask a registry
            try:
                _bring(file)
            except BaseException:
                _brought.discard(file.module)
                raise


def _bring(file: own.OwnFile) -> None:
    module = file.imported()
    parts = [part for attribute, thing in vars(module).items() if (part := _part(file, attribute, thing))]
    if not parts:
        raise SettingError(
            f"{file.name}: there is no part in it; derive a class from one of resnet_limits, such as rl.Random or"
            " rl.Block, or define a STUDY"
        )
    for registry, name, thing in parts:
        registry.bring(name, thing, file)


def _part(file: own.OwnFile, attribute: str, thing: Any) -> tuple[Registry, str, Any] | None:
    """What something that a file defines is a part of, under which name; None where it is none, or another's."""
    registry = getattr(thing, "options", None)
    if attribute.startswith("_") or not isinstance(registry, Registry):
        return None
    if not isinstance(thing, type):
        return registry.of_value(file, attribute, thing)
    if thing.__module__ != file.module:
        return None
    if lacking := sorted(getattr(thing, "__abstractmethods__", ())):
        raise SettingError(f"{file.name}: {attribute} does not define {', '.join(lacking)}, which {registry.what} has")
    return registry, snake_case(attribute), with_fields(thing)


@dataclass(frozen=True)
class Choice:
    """A name that settings choose: of which registry, under which key, and the option with its keys, if it has any."""

    registry: Registry
    key: str
    name: str
    option: Option | None = None

    @property
    def file(self) -> own.OwnFile | None:
        """The file of a user's own that brought the name; None of all others."""
        return self.registry.own.get(self.name)

    def keys_beside(self, settings: Any) -> dict[str, Any]:
        """The values of the keys of its group, by their names without the group's, and of those in no group."""
        group = self.key.rpartition(".")[0]
        values = flat(settings)
        inside = {key.removeprefix(f"{group}."): value for key, value in values.items() if key.startswith(f"{group}.")}
        return {**{key: value for key, value in values.items() if "." not in key}, **inside}


def files_of(settings: Any, *, content: bool = False) -> list[own.OwnFile]:
    """The files of a user's own that these settings need; with `content` those that what is measured depends on."""
    return [choice.file for choice in _choices(settings, content) if choice.file is not None]


def _choices(settings: Any, content: bool, prefix: str = "") -> Iterator[Choice]:
    if not prefix:
        yield Choice(STUDIES, "study", settings.study)
    for field in dataclasses.fields(settings):
        value, choices, key = getattr(settings, field.name), field.metadata.get("choices"), prefix + field.name
        if content and not field.metadata.get("content", True):
            continue
        if isinstance(value, Option):
            yield Choice(value.options, key, value.name, value)
        if dataclasses.is_dataclass(value):
            yield from _choices(value, content, f"{key}.")
        elif isinstance(choices, Registry):
            yield from (Choice(choices, key, name) for name in (value if isinstance(value, list) else [value]) if name)


def tried(jobs: Iterable[Any]) -> None:
    """Try the parts of a user's own that the settings of jobs choose, each once, on a small example.

    Raises `SettingError` with the key, and what was expected and got, or the line of the file that raised.
    """
    by_choice = {
        repr((choice.key, choice.name, choice.option)): (choice, job)
        for job in jobs
        for choice in _choices(job, content=True)
    }
    for choice, job in by_choice.values():
        part: Any = choice.option or choice.registry[choice.name]
        if choice.file is None or not hasattr(part, "tried"):
            continue
        try:
            (part.of(choice.keys_beside(job)) if isinstance(part, type) else part).tried()
        except Exception as error:
            words = str(error) if isinstance(error, SettingError) else choice.file.blamed(error)
            raise SettingError(
                words if words.startswith(choice.key) else f"{choice.key}={choice.name}: {words}"
            ) from error


def require_shape(what: str, value: Any, shape: tuple[int, ...], words: str) -> None:
    """Raise `SettingError` where what a part returned is no array of this shape, all finite."""
    got = tuple(getattr(value, "shape", ())) if hasattr(value, "shape") else None
    if got != shape:
        it = f"shape {got}" if got is not None else f"{type(value).__name__}"
        raise SettingError(f"{what} returns {it}; expected shape {shape}: {words}")
    if not math.isfinite(float(abs(value).sum())):
        raise SettingError(f"{what} returns values that are not finite")


STUDIES = Registry("study", "studies", inside="settings", alone="STUDY", entry_points="studies")
SINKS = Registry("sinks", "sinks.programs", holds="open_in")
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
