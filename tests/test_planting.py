"""Faults planted by reference act wherever the thing is used, go away again, and no test goes behind their back."""

from __future__ import annotations

import ast
import importlib.util
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType

import pytest

from resnet_limits.settings.registry import FIGURES, SINKS
from tests.planting import enlist, plant, resize

ROOT = Path(__file__).resolve().parents[1]
ROOM = "resnet_limits.made_up"


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Mapping[str, str]], list[ModuleType]]:
    """`room({"a": text, ...})`: modules of a room of the package that there is not, in this order."""

    def made(texts: Mapping[str, str]) -> list[ModuleType]:
        modules = []
        for name, text in texts.items():
            path = tmp_path / f"{name}.py"
            path.write_text(text)
            spec = importlib.util.spec_from_file_location(f"{ROOM}.{name}", path)
            assert spec is not None
            assert spec.loader is not None
            module = importlib.util.module_from_spec(spec)
            monkeypatch.setitem(sys.modules, spec.name, module)
            spec.loader.exec_module(module)
            modules.append(module)
        return modules

    return made


USERS = {
    "law": "SIZE = 4\nOTHER, MOST = 1, 9\ndef draw():\n    return 'right'\ndef _inside():\n    return 0\n",
    "walk": f"from {ROOM}.law import SIZE, draw\ndef walk():\n    return draw(), SIZE\n",
    "study": f"from {ROOM} import law\nfrom {ROOM}.law import draw as drawn\nSIZE = 4\n"
    "def measure():\n    return law.draw(), drawn(), SIZE\n",
}


def test_a_fault_acts_wherever_the_thing_is_used_under_any_name_and_goes_away(room, monkeypatch):
    monkeypatch.setitem(sys.modules, ROOM, package := ModuleType(ROOM))
    package.law, *_ = room({"law": USERS["law"]})  # type: ignore[attr-defined]
    walk, study = room({name: USERS[name] for name in ("walk", "study")})
    with pytest.MonkeyPatch.context() as patch:
        plant(patch, package.law.draw, lambda: "wrong")
        assert walk.walk() == ("wrong", 4)
        assert study.measure() == ("wrong", "wrong", 4)
    assert study.measure() == ("right", "right", 4)
    with pytest.MonkeyPatch.context() as patch:
        plant(patch, package.law.draw, lambda: "wrong", within=f"{ROOM}.walk")
        assert (walk.walk()[0], study.measure()[0]) == ("wrong", "right")
    with pytest.MonkeyPatch.context() as patch:
        resize(patch, package.law, SIZE=7, MOST=8)
        assert walk.walk() == ("right", 7)
        assert study.measure() == ("right", "right", 4), "a constant of its own that is called the same"
        assert (package.law.OTHER, package.law.MOST) == (1, 8)
    assert walk.walk() == ("right", 4)


def test_what_is_enlisted_is_found_by_its_name_alone_and_goes_away():
    figure, other = FIGURES["folding"], FIGURES["deformed_grid"]
    with pytest.MonkeyPatch.context() as patch:
        enlist(patch, FIGURES, "folding", "another")
        enlist(patch, FIGURES, "minimisers", "a third")
        assert (FIGURES["folding"], FIGURES["minimisers"]) == ("another", "a third")
        assert FIGURES["deformed_grid"] is other
        assert callable(SINKS["tensorboard"])
    assert FIGURES["folding"] is figure


def test_what_is_private_or_nowhere_is_refused(room, monkeypatch):
    monkeypatch.setitem(sys.modules, ROOM, ModuleType(ROOM))
    law, walk = room({name: USERS[name] for name in ("law", "walk")})
    with pytest.raises(LookupError, match="_inside is private"):
        plant(monkeypatch, vars(law)["_inside"], lambda: 1)
    with pytest.raises(LookupError, match="no module of resnet_limits holds"):
        plant(monkeypatch, room, lambda: 1)
    with pytest.raises(LookupError, match="defines no public SIZE"):
        resize(monkeypatch, walk, SIZE=1)


# -- no test goes behind their back ---------------------------------------------------------------


def behind(text: str) -> Iterator[int]:
    """Lines of `setattr` on a module of ours, or on a private name of a class of ours."""
    tree = ast.parse(text)
    ours, modules = set(), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("resnet_limits"):
            for alias in node.names:
                dotted = f"{node.module}.{alias.name}".replace(".", "/")
                is_module = (ROOT / dotted).is_dir() or (ROOT / f"{dotted}.py").exists()
                (modules if is_module else ours).add(alias.asname or alias.name)
        elif isinstance(node, ast.Import):
            modules |= {alias.asname for alias in node.names if alias.asname and alias.name.startswith("resnet_limits")}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "setattr":
            target, name = node.args[0], ast.unparse(node.args[1]).strip("'")
            if isinstance(target, ast.Constant):
                is_ours = str(target.value).startswith("resnet_limits")
            else:
                private, dunder = name.startswith("_"), name.endswith("__")
                is_ours = isinstance(target, ast.Name) and (
                    target.id in modules or (target.id in ours and private and not dunder)
                )
            if is_ours:
                yield node.lineno


def found_in_tests(lines: Callable[[str], Iterator[int]]) -> list[str]:
    files = subprocess.check_output(["git", "ls-files", "tests/*.py"], cwd=ROOT, text=True).split()
    return [f"{file}:{line}" for file in files for line in lines((ROOT / file).read_text())]


def test_faults_go_through_public_faces():
    plants = found_in_tests(behind)
    assert not plants, "plant them by tests.planting: " + ", ".join(plants)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("from resnet_limits.runs import job\ndef f(m):\n    m.setattr(job, 'owned', 1)\n", [3]),
        ("import resnet_limits.runs.job as its\nm.setattr(its, 'owned', 1)\n", [2]),
        ("m.setattr('resnet_limits.runs.job.owned', 1)\n", [1]),
        ("from resnet_limits.runs.folder import Run\nm.setattr(Run, '_add', 1)\nm.setattr(Run, 'add', 1)\n", [2]),
        ("import os\nm.setattr(os, 'rename', 1)\nm.setenv('A', 'b')\n", []),
    ],
)
def test_what_goes_behind_is_found(text: str, lines: list[int]):
    assert list(behind(text)) == lines


# -- nor reaches into what is private -------------------------------------------------------------


def private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("__") and name not in PUBLIC_ANYWAY


PUBLIC_ANYWAY = {"_replace", "_asdict", "_fields", "_exit", "_getframe", "_repr_html_"}
"""What the standard library, and notebooks, document under such a name."""


def reaches_in(text: str) -> Iterator[int]:
    """Lines that name what is private elsewhere: imported, read off anything but `self` or `cls`, or by `getattr`."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom):
            is_private = any(
                private(part) for part in [*(node.module or "").split("."), *(alias.name for alias in node.names)]
            )
        elif isinstance(node, ast.Import):
            is_private = any(private(part) for alias in node.names for part in alias.name.split("."))
        elif isinstance(node, ast.Attribute):
            is_private = private(node.attr) and ast.unparse(node.value) not in ("self", "cls")
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("getattr", "setattr") and len(node.args) > 1:
            name = node.args[1]
            is_private = isinstance(name, ast.Constant) and private(str(name.value))
        else:
            continue
        if is_private:
            yield node.lineno


def test_no_test_reaches_into_a_private_name_of_another_module():
    reaches = found_in_tests(reaches_in)
    assert not reaches, "go through what is public, or give it a public name: " + ", ".join(reaches)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("from resnet_limits.runs.job import run_job, _grace\n", [1]),
        ("from resnet_limits.random._gaussian import fill\nimport resnet_limits.random._gaussian\n", [1, 2]),
        ("from resnet_limits.runs import job\njob._grace(1)\ngetattr(job, '_grace')\n", [2, 3]),
        ("def test_it(loss):\n    assert loss.of(1)._solve(2) == 3\n", [2]),
        ("class A:\n    def f(self):\n        return self._kept, self.__class__\n_own = 1\nos._exit(_own)\n", []),
    ],
)
def test_what_reaches_in_is_found(text: str, lines: list[int]):
    assert sorted(reaches_in(text)) == lines
