"""What goes by a name of the package itself: the options and studies by their classes, and a few others."""

from __future__ import annotations

import ast
import collections
import dataclasses
import doctest
import inspect
import subprocess
import sys
import textwrap
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

import resnet_limits as rl
from resnet_limits.settings.registry import STUDIES, groups

PACKAGE = Path(rl.__file__).parent
FOLDERS = [PACKAGE.parent / name for name in ("resnet_limits", "cli", "tests")]
EMPTY = ("its", "found", "own", "told")
"""Names of variables that fit whatever they hold."""
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


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_no_variable_has_a_name_that_fits_whatever_it_holds(folder):
    for path in sorted(folder.rglob("*.py")):
        nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
        modules = {node.asname or node.name for node in nodes if isinstance(node, ast.alias)}
        for node in nodes:
            name = getattr(node, "id", None) or getattr(node, "arg", None)
            assert name in modules or name not in EMPTY, f"{path}:{ast.unparse(node)}: {name} says nothing"


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
