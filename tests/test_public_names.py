"""What goes by a name of the package itself: the options and studies by their classes, and a few others."""

from __future__ import annotations

import ast
import collections
import dataclasses
import doctest
import fnmatch
import inspect
import itertools
import re
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

import resnet_limits as rl
from resnet_limits.settings.registry import STUDIES, groups

PACKAGE = Path(rl.__file__).parent
FOLDERS = [PACKAGE.parent / name for name in ("resnet_limits", "cli", "tests")]
SOURCES = {path.relative_to(PACKAGE).as_posix(): path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py")}
EMPTY = ("its", "found", "own", "told")
"""Names that fit whatever they hold."""
DEMANDED = {
    "STUDY": ("studies/*/study.py",),
    "GROUP": ("studies/*/*/claims.py",),
    "measure": ("studies/*/*/measure.py",),
    "compare": ("studies/*/*/compare.py",),
    "degenerate": ("studies/*/problem.py",),
    "check": ("studies/*/request.py",),
    "warnings": ("studies/*/request.py",),
    "network": ("studies/pair.py", "studies/*/pair.py"),
    "limit": ("studies/pair.py", "studies/*/pair.py"),
    "sample": ("studies/pair.py", "studies/*/pair.py"),
    "FIGURE": ("figures/named/*.py",),
    "draw": ("figures/named/*.py",),
    "open_in": ("sinks/programs/*.py",),
}
"""Names that every file of a room has, or may have, by which others find what is in it."""
VAGUE = frozenset(
    re.findall(
        "[A-Z]+",
        "A ABOVE ACCURACY ALL ALONE AMONG AN APART AT BELOW BEND BEST BEYOND BIG BLOCK COUNT DEEPEST DRAWS EACH"
        " EARLY FAR FARTHER FEW FEWER FEWEST FINE FINER FINEST FOR FROM GREATEST GRID HIGH HIGHEST IN KIND KINDS"
        " LARGE LARGEST LAST LATE LATEST LEAST LEFT LITTLE LONG LONGEST LOW LOWEST MAX MIN MORE MOST NAME NAMES"
        " NARROW NARROWEST NEAR NUMBER OF ONCE OTHER OTHERS OTHERWISE OUTSIDE OVER PIECE PINS ROUNDING SAFETY"
        " SEVERAL SHALLOW SHALLOWEST SHORT SHORTEST SINGLE SIZE SMALL SMALLEST THE TIME TOLERANCE TWICE VALUE"
        " WHERE WIDE WIDEST WITH WITHOUT WORDS ZERO",
    )
)
"""How much there is of something, or where, but not of what."""
OPTIONS = [(group, name) for group, registry in groups().items() for name in registry.built_in]


@pytest.mark.parametrize(("group", "name"), OPTIONS, ids="=".join)
def test_every_option_goes_by_the_name_of_its_class(group, name):
    option = groups()[group][name]
    assert getattr(rl, option.__name__) is option
    assert option.__name__ in dir(rl)


@pytest.mark.parametrize("study", STUDIES.built_in)
def test_so_does_every_study_with_its_groups_of_keys(study):
    settings = STUDIES[study]
    assert getattr(rl, settings.__name__) is settings
    values = vars(settings(study=study)).values()
    keys = [type(value) for value in values if type(value).__module__ == settings.__module__]
    assert keys
    for kind in keys:
        assert getattr(rl, kind.__name__) is kind


def test_what_is_listed_is_offered_and_nothing_that_the_package_itself_imports():
    listed = {name for name in dir(rl) if not name.startswith("__")}
    foreign = {"Any", "Iterator", "TYPE_CHECKING", "annotations", "importlib", "is_dataclass", "sys"}
    assert {*rl.__all__, "errors"} <= listed
    assert not listed & foreign


def test_type_checkers_are_told_the_truth():
    (block,) = (node for node in ast.parse(Path(rl.__file__).read_text()).body if isinstance(node, ast.If))
    imports = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    modules = {alias.asname or alias.name: node.module for node in imports for alias in node.names}
    assert sorted(modules) == rl.__all__
    for name, module in modules.items():
        assert getattr(rl, name).__module__ == f"resnet_limits.{module}"


def test_the_names_of_the_package_are_sorted_and_all_of_them_say_what_they_are():
    assert rl.__all__ == sorted(set(rl.__all__))
    for name in rl.__all__:
        assert getattr(rl, name).__name__ == name
        assert has_docstring(getattr(rl, name)), name


def test_no_two_public_classes_have_one_name():
    classes = collections.defaultdict(list)
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                classes[node.name].append(path.relative_to(PACKAGE).as_posix())
    assert len(classes) > 100
    assert {name: paths for name, paths in classes.items() if len(paths) > 1} == {}


def test_no_name_fits_whatever_it_holds():
    paths = [path for folder in FOLDERS for path in sorted(folder.rglob("*.py"))]
    assert len(paths) > 500
    for path in paths:
        assert empty_names(ast.parse(path.read_text(encoding="utf-8"))) == [], path


def empty_names(tree: ast.Module) -> list[str]:
    """The names of `EMPTY` in a module: of variables, arguments, attributes, functions and classes; a module that is
    imported has the name that it has."""
    nodes = list(ast.walk(tree))
    modules = {node.asname or node.name for node in nodes if isinstance(node, ast.alias)}
    names = [getattr(node, part, None) for node in nodes for part in ("id", "arg", "attr", "name")]
    said = [name for name in names if isinstance(name, str) and name not in modules]
    return [name for name in said if name.strip("_").lower() in EMPTY]


@pytest.mark.parametrize(
    "text", ["own = 1", "def f(told): ...", "job._found = 1", "class Found: ...", "def _own(): ...", "OWN = 1"]
)
def test_an_empty_name_is_seen_wherever_it_stands(text):
    assert len(empty_names(ast.parse(text))) == 1
    assert empty_names(ast.parse("from resnet_limits import own\nown.use([])\nowner = its_value = 1")) == []


def constants(sources: Mapping[str, str]) -> dict[str, dict[str, tuple[str, str]]]:
    """The public constants of modules, `NAME -> module -> (value, docstring)`."""
    places_of: dict[str, dict[str, tuple[str, str]]] = collections.defaultdict(dict)
    for module, text in sources.items():
        body = ast.parse(text).body
        for node, after in itertools.pairwise([*body, None]):
            if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
                continue
            says = after.value if isinstance(after, ast.Expr) else None
            words = str(says.value) if isinstance(says, ast.Constant) else ""
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                for name in ast.walk(target):
                    if isinstance(name, ast.Name) and name.id.isupper() and not name.id.startswith("_"):
                        places_of[name.id][module] = ast.unparse(node.value), words
    return places_of


def functions(sources: Mapping[str, str]) -> dict[str, list[str]]:
    """The modules that define a public function of this name."""
    defined: dict[str, list[str]] = collections.defaultdict(list)
    for module, text in sources.items():
        for node in ast.parse(text).body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                defined[node.name].append(module)
    return defined


def is_demanded(name: str, module: str) -> bool:
    """Whether the room of the module demands this name of every file."""
    return any(fnmatch.fnmatch(module, room) for room in DEMANDED.get(name, ()))


def ambiguous(sources: Mapping[str, str]) -> dict[str, list[str]]:
    """Names of constants and functions with more than one meaning, and where they have them."""
    twice = {}
    for name, places in constants(sources).items():
        free = {module: meaning for module, meaning in places.items() if not is_demanded(name, module)}
        if len(set(free.values())) > 1 or (free and len(free) < len(places)):
            twice[name] = sorted(places)
    for name, modules in functions(sources).items():
        free = [module for module in modules if not is_demanded(name, module)]
        if len(free) > 1 or (free and len(free) < len(modules)):
            twice[name] = sorted(modules)
    return twice


def test_one_name_has_one_meaning():
    assert len(constants(SOURCES)) > 500
    assert len(functions(SOURCES)) > 500
    assert ambiguous(SOURCES) == {}
    for name, rooms in DEMANDED.items():
        kinds = {**constants(SOURCES), **functions(SOURCES)}
        assert all(any(fnmatch.fnmatch(module, room) for module in kinds[name]) for room in rooms), name


def test_a_second_meaning_is_seen():
    assert ambiguous({"a.py": "EPS = 1", "b.py": "from .a import EPS\nx = EPS"}) == {}
    assert ambiguous({"a.py": "EPS = 1\n'Of a.'", "b.py": "EPS = 1\n'Of a.'"}) == {}
    assert ambiguous({"a.py": "EPS = 1", "b.py": "EPS = 2"}) == {"EPS": ["a.py", "b.py"]}
    assert ambiguous({"a.py": "EPS, A = 1, 2", "b.py": "EPS: int = 1\n'Another.'"}) == {"EPS": ["a.py", "b.py"]}
    assert ambiguous({"a.py": "def size(x): ...", "b.py": "def size(x): ..."}) == {"size": ["a.py", "b.py"]}
    groups = {"studies/ode/a/claims.py": "GROUP = 1", "studies/ode/b/claims.py": "GROUP = 2"}
    assert ambiguous(groups) == {}
    assert "GROUP" in ambiguous({**groups, "data/images.py": "GROUP = 3"})


def says_what_it_is(name: str) -> bool:
    """Whether a word of the name says a thing, and not only how much there is of it, or where."""
    return not set(name.split("_")) <= VAGUE


def test_a_constant_says_what_it_bounds():
    assert [name for name in constants(SOURCES) if not says_what_it_is(name)] == []


@pytest.mark.parametrize("name", ["FEW", "LARGEST", "AT_ONCE", "ROUNDING", "MOST_OF_ALL", "MAX_SIZE", "PINS"])
def test_a_vague_name_is_seen(name):
    assert not says_what_it_is(name)
    assert says_what_it_is(f"{name}_OF_NETWORKS")


def has_docstring(thing: Any) -> bool:
    """Whether a class or a function is written with one: a dataclass without is given one."""
    (node,) = ast.parse(textwrap.dedent(inspect.getsource(thing))).body
    return isinstance(node, ast.ClassDef | ast.FunctionDef) and bool(ast.get_docstring(node))


def test_the_package_says_its_version_and_imports_nothing_heavy_for_it():
    assert rl.__version__ == metadata.version("reslim")
    program = "import sys, resnet_limits as rl; rl.__version__; print(*{m.partition('.')[0] for m in sys.modules})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert not {"torch", "pandas", "matplotlib", "scipy"} & set(done.stdout.split())


EXAMPLES = ("fit_order", "judge", "limit", "minimise", "network", "sample", "shoot")


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_example_in_its_docstring_says_what_happens(name):
    (example,) = doctest.DocTestFinder(recurse=False).find(getattr(rl, name), name, globs={})
    assert f"rl.{name}(" in (example.docstring or "")
    said: list[str] = []
    done = doctest.DocTestRunner().run(example, out=said.append)
    assert done.attempted > 2
    assert not done.failed, "".join(said)


def test_help_says_what_every_key_means():
    for name in ("Ode", "OdeKeys", "Train", "TiedLaw", "SlurmCluster"):
        cls, shown = getattr(rl, name), " ".join((inspect.getdoc(getattr(rl, name)) or "").split())
        keys = [field for field in dataclasses.fields(cls) if "meaning" in field.metadata]
        assert keys
        for field in keys:
            assert f"{field.name}: " in shown
            assert " ".join(field.metadata["meaning"].split()) in shown, field.name
    shown = inspect.getdoc(rl.Ode) or ""
    assert "depth: int = 64\n    number of residual blocks L; at least 1 and at most 1000000" in shown
    assert "TiedLaw()" in shown
    assert "ode: OdeKeys = OdeKeys()\n    keys of this study; OdeKeys(inputs, draws, paths)" in shown
    assert shown == inspect.getdoc(rl.Ode), "once, however often the class is asked for"


def test_another_name_is_refused_and_a_module_is_imported_without_a_registry():
    with pytest.raises(AttributeError, match="no attribute 'Odd'"):
        rl.Odd  # noqa: B018
    program = "import sys; from resnet_limits import device; print(*(m for m in sys.modules if 'settings' in m))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == []
