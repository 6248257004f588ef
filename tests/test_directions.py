"""No import runs back up, whether at the top of a file, inside a function or for a type checker alone."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[1]

ORDER = {
    "cli": "the terminal: whatever the package does, asked for in words",
    "python": "whatever the package does, asked for in a line of Python",
    "testing": "laws as test classes, for parts of a user's own",
    "report": "what several runs found, on a page",
    "runs": "a life for jobs on disk; of the studies it knows what every study is",
    "figures": "pictures of records and arrays; whoever makes runs or reports hands it what to draw",
    "studies": "claims, and how they are measured, of what is below",
    "limits": "what networks tend to, found without networks; some are those of what training minimises",
    "training": "networks that learn",
    "diffeomorphisms": "networks as maps: Jacobians, inverses, bounds",
    "engines": "how networks and random walks are computed: the one place that chooses",
    "sampling": "random networks, without their matrices",
    "inference": "kernels on data, whosever they are",
    "networks": "residual networks as functions of their weights",
    "paths": "weights as functions of depth",
    "sinks": "programs that show what is measured while it is",
    "memory": "what there is, and which keys would need less",
    "data": "points with targets",
    "measurement": "the values that all of the above speak in: records, jobs, estimates",
    "claims": "statements as data, and what judges them: records alone",
    "settings": "keys and what they mean; a choice is found by its name, without an import here",
    "random": "normals that are functions of a seed and a purpose",
    "device": "where to compute",
    "cores": "how many CPU cores there are to compute on",
    "slowness": "how slow they are",
    "fixed_shape": "products that do not depend on how much is computed at a time",
    "symmetric": "products of an array and its own transpose",
    "own": "files of a user's own, as modules",
    "files": "whole files, or none",
    "imports": "the modules of another process are those of this one",
    "papers": "who proved what",
    "in_words": "values that say what they are",
    "printable": "any text, as a terminal can show it",
    "errors": "what is raised, with its next step",
}
"""Rooms, from the top: a room knows those below it."""


LOOPS = {
    *("networks.residual.forward", "networks.residual.states"),
    *("sampling.walk.walk", "sampling.tangent.tangents", "sampling.backward.recorded_pass"),
}
"""Loops over the layers, by which the eager engine goes: rooms above the engines ask one, whichever it is."""


class Import(NamedTuple):
    """Module `of` imports `what` at `path:line`; modules by their name below the package, `runs.job`. `whole` is the
    thing itself, `runs.job.run`."""

    of: str
    what: str
    path: Path
    line: int
    whole: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line} imports {self.what}"


@dataclass(frozen=True)
class Tree:
    """The files of a package, and of the command line above it, by the names of their modules."""

    package: str
    root: Path

    def files(self) -> dict[str, Path]:
        """Python and compiled ones."""
        modules = {}
        for folder, start in ((self.root / self.package, ()), (self.root / "cli", ("cli",))):
            for path in (*folder.rglob("*.py"), *folder.rglob("*.c")):
                parts = (*start, *path.relative_to(folder).with_suffix("").parts)
                modules[".".join(parts).removesuffix("__init__").removesuffix(".")] = path
        return modules

    def imports(self) -> list[Import]:
        files = self.files()
        of_each = (self._of(module, path, files) for module, path in files.items() if path.suffix == ".py")
        return list(dict.fromkeys(edge for edges_of_file in of_each for edge in edges_of_file))

    def _of(self, module: str, path: Path, files: Mapping[str, Path]) -> Iterator[Import]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                named = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                start = self._base(module, path, node)
                named = [f"{start}.{alias.name}" for alias in node.names]
            else:
                continue
            for name in named:
                if (what := self._ours(name, files)) is not None and what != module:
                    yield Import(module, what, path, node.lineno, name.removeprefix(f"{self.package}."))

    def _base(self, module: str, path: Path, node: ast.ImportFrom) -> str:
        """What `from` names, absolutely."""
        if not node.level:
            return node.module or ""
        inside = [self.package if not module.startswith("cli") else "", *filter(None, module.split("."))]
        up = node.level - (path.name == "__init__.py")
        return ".".join(filter(None, [*inside[: len(inside) - up], node.module or ""]))

    def _ours(self, name: str, files: Mapping[str, Path]) -> str | None:
        """The module that a dotted name is in, `None` where it is nobody's of this tree."""
        for prefix in (f"{self.package}.", "reslim_", ""):
            target = name.removeprefix(prefix)
            if prefix and target == name:
                continue
            if not prefix and not name.startswith("cli"):
                continue
            while target and target not in files:
                target = target.rpartition(".")[0]
            return target or None
        return None


def room(module: str) -> str:
    return module.partition(".")[0]


def upwards(imports: Iterable[Import], order: Iterable[str] = ORDER) -> list[Import]:
    """Those that name a room above their own. The package's own list of public names is above all of it."""
    height = {name: -i for i, name in enumerate(order)}
    return [edge for edge in imports if edge.of and height[room(edge.of)] < height[room(edge.what)]]


def past_the_engines(imports: Iterable[Import]) -> list[Import]:
    """Those of a loop over the layers by a room above the engines."""
    above = list(ORDER)[: list(ORDER).index("engines")]
    return [edge for edge in imports if edge.whole in LOOPS and room(edge.of) in above]


def circles(imports: Iterable[Import]) -> list[list[Import]]:
    """Each strongly connected component of several modules, as the imports inside it."""
    imports = list(imports)
    after: dict[str, set[str]] = {}
    for edge in imports:
        after.setdefault(edge.of, set()).add(edge.what)
    reach = {module: _reached(module, after) for module in after}
    parts = {frozenset(m for m in reach[of] if of in reach.get(m, ())) for of in reach if of in reach[of]}
    return [[edge for edge in imports if {edge.of, edge.what} <= part] for part in parts]


def _reached(module: str, after: Mapping[str, Set[str]]) -> set[str]:
    reached: set[str] = set()
    ahead = list(after.get(module, ()))
    while ahead:
        if (here := ahead.pop()) not in reached:
            reached.add(here)
            ahead += after.get(here, ())
    return reached


def modules(circle: Iterable[Import]) -> frozenset[str]:
    return frozenset(module for edge in circle for module in (edge.of, edge.what))


HERE = Tree("resnet_limits", ROOT)


@pytest.fixture(scope="module")
def imports() -> list[Import]:
    return HERE.imports()


def test_every_room_has_its_place_in_the_order():
    assert {room(module) for module in HERE.files()} - {""} == set(ORDER)


def test_no_import_runs_back_up(imports: list[Import]):
    assert not (upward := upwards(imports)), "\n".join(map(str, upward))


def test_whoever_is_above_the_engines_asks_one(imports: list[Import]):
    assert {edge.whole for edge in imports} >= LOOPS
    assert not (past := past_the_engines(imports)), "\n".join(map(str, past))


def test_no_files_import_each_other_in_a_circle(imports: list[Import]):
    assert not (found_circles := circles(imports)), "\n\n".join("\n".join(map(str, circle)) for circle in found_circles)


# -- planted --------------------------------------------------------------------------------------


@pytest.fixture
def tree(tmp_path: Path):
    """`tree({"runs/job.py": text, ...})`: the imports of a package of these files."""

    def made(files: Mapping[str, str]) -> list[Import]:
        for name, text in files.items():
            path = tmp_path / ("" if name.startswith("cli/") else "resnet_limits") / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return Tree("resnet_limits", tmp_path).imports()

    return made


DOWN = {"__init__.py": "", "runs/__init__.py": "", "runs/job.py": "from ..files import write\nfrom . import folder\n"}
DOWN |= {"runs/folder.py": "import os\nimport resnet_limits.errors\n", "files.py": "from .errors import No\n"}
DOWN |= {"errors.py": "", "cli/app.py": "from resnet_limits.runs import job\nfrom . import display\n"}
DOWN |= {"cli/display.py": ""}


def test_what_runs_down_is_read_as_it_is(tree):
    assert {(edge.of, edge.what) for edge in tree(DOWN)} == {
        ("runs.job", "files"),
        ("runs.job", "runs.folder"),
        ("runs.folder", "errors"),
        ("files", "errors"),
        ("cli.app", "runs.job"),
        ("cli.app", "cli.display"),
    }
    assert upwards(tree(DOWN)) == circles(tree(DOWN)) == []


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("from .runs.job import run\n", 1),
        ("def late():\n    from .runs import job\n", 2),
        ("from typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    import resnet_limits.runs.job as job\n", 4),
        ("try:\n    from resnet_limits.runs import job\nexcept ImportError:\n    pass\n", 2),
        ("def late():\n    import reslim_cli.app\n", 2),
    ],
    ids=["top", "function", "type checking", "attempt", "command line"],
)
def test_an_import_that_runs_up_is_named_by_its_file_and_line(tree, text: str, line: int):
    (edge,) = upwards(tree(DOWN | {"files.py": text}))
    assert str(edge).startswith(f"{edge.path}:{line} imports ")
    assert edge.path.name == "files.py"


def test_a_study_that_walks_by_itself_is_named(tree):
    package = {f"{name}/__init__.py": "" for name in ("engines", "sampling", "studies")}
    package |= {"sampling/walk.py": "", "engines/eager.py": "from ..sampling.walk import walk\n"}
    package |= {"studies/sde.py": "from ..engines import eager\nfrom ..sampling.walk import other, walk\n"}
    (edge,) = past_the_engines(tree(package))
    assert (edge.path.name, edge.line) == ("sde.py", 2)


def test_a_circle_of_three_is_found_wherever_its_imports_stand(tree):
    circle = {"runs/a.py": "from .b import x\n", "runs/b.py": "def f():\n    from . import c\n"}
    circle |= {"runs/c.py": "import resnet_limits.runs.a\n", "runs/d.py": "from . import a\n"}
    (found_circle,) = circles(tree(DOWN | circle))
    assert modules(found_circle) == {"runs.a", "runs.b", "runs.c"}
    assert sorted((edge.path.name, edge.line) for edge in found_circle) == [("a.py", 1), ("b.py", 2), ("c.py", 1)]
