"""Files of a user's own: what they bring, as what, and what is refused, in a line."""

from __future__ import annotations

import math
import os
import pickle
import subprocess
import sys
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch

import resnet_limits as rl
from resnet_limits import own
from resnet_limits.errors import SettingError
from resnet_limits.paths.draw import draw_path
from resnet_limits.paths.laws.law import Init, Random, Regularity
from resnet_limits.settings.base import Settings
from resnet_limits.settings.build import from_mapping, require_files
from resnet_limits.settings.case import snake_case
from resnet_limits.settings.choices import files_of
from resnet_limits.settings.content import chosen_keys, content, job_name
from resnet_limits.settings.keys import fixed
from resnet_limits.settings.registry import bring
from resnet_limits.settings.trial import tried
from resnet_limits.studies import study as studies
from resnet_limits.studies.hamiltonian.outside import kinked_velocity

LAW = """
from dataclasses import dataclass
from resnet_limits import Random, key

@dataclass
class MyLaw(Random):
    \"\"\"Nothing at all.\"\"\"

    my_key: int = key(1, "a key", low=1)
"""
BLOCK = """
from dataclasses import dataclass
from resnet_limits import Block, affine

@dataclass
class MyBlock(Block):
    def shapes(self, width):
        return {"W": (width, width), "b": (width,)}

    def formula(self, phi, x, theta):
        return phi(affine(x, theta["W"], theta["b"]))
"""


@pytest.fixture
def named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Writes a file, names it, and enters its parts; all are out again after the test."""
    monkeypatch.setenv(own.FILES_VARIABLE, "")

    def named(text: str, name: str = "my_law.py") -> own.OwnFile:
        path = tmp_path / name
        path.write_text(text)
        (file,) = own.use([path])
        bring()
        return file

    yield named
    monkeypatch.setenv(own.FILES_VARIABLE, "")
    bring()


def test_a_class_goes_by_its_name_in_snake_case():
    names = {"MyLaw": "my_law", "Softsign": "softsign", "HTTPLaw": "http_law", "Dct2Law": "dct2_law"}
    assert {name: snake_case(name) for name in names} == names


def test_a_file_brings_its_parts_and_they_go_with_it(named, tmp_path: Path):
    file = named(LAW)
    law = Init.options["my_law"]
    assert Init.options.of_files["my_law"] == file
    assert "my_law" in list(Init.options)
    assert law().name == "my_law"
    assert law.__dataclass_fields__["name"].metadata["meaning"] == "Nothing at all"
    settings: Any = from_mapping({"study": "ode", "init": {"name": "my_law", "my_key": 2}})
    assert settings.init.my_key == 2
    assert str(tmp_path) not in sys.path
    assert os.listdir(tmp_path) == ["my_law.py"], "no bytecode is written beside it"
    os.environ[own.FILES_VARIABLE] = ""
    assert "my_law" not in Init.options


def test_the_digest_of_a_file_is_content_of_the_jobs_that_use_it_and_of_no_others(named):
    def made() -> Settings:
        return from_mapping({"study": "ode", "init": "my_law"})

    usual = job_name(from_mapping({"study": "ode"}))
    file = named(LAW)
    assert made().parts == file.label
    assert content(made())["parts"] == file.label
    assert chosen_keys(made(), ["init"])["parts"] == file.label, "of a shared solution, too"
    first = job_name(made())
    assert job_name(from_mapping({"study": "ode"})) == usual
    assert "parts" not in content(from_mapping({"study": "ode"}))
    named(LAW + "# a word\n")
    assert job_name(made()) != first
    planned_settings = from_mapping({"study": "ode", "init": "my_law", "parts": file.label})
    assert job_name(planned_settings) == first, "a job that was planned is named as it was"
    with pytest.raises(SettingError, match="the files that were named with --with are others"):
        require_files(planned_settings)
    require_files(made())


def test_a_figure_is_needed_and_no_content(named):
    text = "from resnet_limits import NamedFigure\n\ndef draw(jobs):\n    return None\n\n"
    file = named(text + 'ENDS = NamedFigure(None, "ends", draw, study="ode")\n', "my_figure.py")
    settings = from_mapping({"study": "ode", "figure": "ends"})
    assert settings.parts is None
    assert files_of(settings) == [file]


def test_a_file_of_which_nothing_is_used_is_named_with_what_it_brings(named, capsys):
    named(LAW)
    say_unused = import_module("reslim_cli.train").say_unused
    say_unused([from_mapping({"study": "ode"}), from_mapping({"study": "ode", "init": "my_law"})])
    assert capsys.readouterr() == ("", "")
    say_unused([from_mapping({"study": "ode"})])
    assert capsys.readouterr() == ("", "reslim: my_law.py: nothing of it is used here; it brings my_law (init)\n")


def test_what_is_in_a_file_is_read_from_a_pickle_by_another_process(named, tmp_path: Path):
    named(LAW)
    (tmp_path / "law.pickle").write_bytes(pickle.dumps(Init.options["my_law"](my_key=3)))
    program = f"import pickle; print(pickle.load(open({str(tmp_path / 'law.pickle')!r}, 'rb')).my_key)"
    asked = [sys.executable, "-P", "-c", program]
    assert subprocess.run(asked, capture_output=True, text=True, check=True).stdout == "3\n"
    (tmp_path / "my_law.py").write_text(LAW + "# a word\n")
    refused = subprocess.run(asked, capture_output=True, text=True)
    assert "has changed since it was named" in refused.stderr


def test_a_class_of_ones_own_serves_from_python_without_being_named():
    @dataclass
    class Same(Random):
        """All layers alike."""

        name: str = fixed("same", "all layers alike")
        regularity = Regularity(constant=True, index=math.inf)  # pyright: ignore[reportAssignmentType]

        def path(self, draw):
            return rl.TiedLaw().path(draw)

    def values(law: Init) -> list[float]:
        keys = rl.OdeKeys(inputs=2, paths=1)
        return rl.run(rl.Ode(depth=4, width=4, init=law, claims=["ode.forward"], ode=keys))["value"].tolist()

    assert Same().name == "same"
    assert values(Same()) == values(rl.TiedLaw())
    assert len(values(Same())) > 1


# -- what is refused --------------------------------------------------------------------------------

BROKEN = {
    "def f(:\n": r"my_law\.py, line 1: SyntaxError: ",
    "x = 1\ny = x + z\n": r"my_law\.py, line 2: NameError: name 'z' is not defined",
    "import no_such_package\n": r"my_law\.py, line 1: ModuleNotFoundError: No module named 'no_such_package'",
    "import sys\nsys.exit(3)\n": r"my_law\.py, line 2: SystemExit: 3",
    "from resnet_limits import Lwa\n": r"my_law\.py, line 1: ImportError: cannot import name 'Lwa'",
    "x = 1\n": r"my_law\.py: there is no part in it; derive a class",
    LAW.replace("MyLaw", "Smooth"): r"my_law\.py: init=smooth is one that reslim has; give yours another name",
    LAW.replace('key(1, "a key", low=1)', "1"): r"my_law\.py: init=my_law has keys without a meaning: my_key; write",
    BLOCK.replace("formula", "formel"): r"my_law\.py: MyBlock does not define formula, which a block has",
    "from resnet_limits import Activation\nclass A(Activation):\n    pass\n": (
        r"my_law\.py, line 2: activation A: declare formula, kinks"
    ),
}


@pytest.mark.parametrize("text", BROKEN, ids=lambda text: text.strip().splitlines()[-1][:30])
def test_a_file_that_brings_no_part_is_refused_in_a_line(named, text: str):
    with pytest.raises(SettingError, match=BROKEN[text]) as refused:
        named(text)
    assert "\n" not in str(refused.value)


def test_what_is_no_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(own.FILES_VARIABLE, "")
    (tmp_path / "b").mkdir()
    for folder in (tmp_path, tmp_path / "b"):
        (folder / "a.py").write_text("")
    for paths, words in {
        ("none.py",): "No such file",
        (str(tmp_path),): "expected a file of Python",
        (str(tmp_path / "a.py"), str(tmp_path / "b" / "a.py")): "have one name",
    }.items():
        with pytest.raises(SettingError, match=words):
            own.use(paths)
    monkeypatch.setenv(own.FILES_VARIABLE, "{")
    with pytest.raises(SettingError, match="RESLIM_WITH is no list"):
        own.files()


def test_a_name_stands_for_one_part(named):
    named(LAW)
    with pytest.raises(SettingError, match=r"her_law\.py: init=my_law is in my_law\.py too; rename one of them"):
        named(LAW, "her_law.py")


SHORT = """
import torch
import resnet_limits as rl

class MyLaw(rl.Random):
    waves: float = rl.key(1.0, "waves over the depth", above=0, high=9)
    regularity = torch.inf

    def path(self, draw):
        c = draw.sigma * draw.normals(draw.shape)
        return lambda t: c * torch.cos(self.waves * t / draw.horizon)
"""


def test_a_law_may_be_a_plain_function_of_time_without_a_decorator(named):
    named(SHORT)
    settings = from_mapping({"study": "ode", "init": {"name": "my_law", "waves": 2.0}})
    tried([settings])
    law: Any = settings.init  # pyright: ignore[reportAttributeAccessIssue]
    assert law == type(law)(waves=2.0)
    assert law.regularity == rl.Regularity(index=math.inf)
    W = draw_path(law, {"W": (3, 4)}, depth=8, horizon=2.5, replicas=5, seed=3, dtype=torch.float32)["W"]
    times = torch.tensor([0.0, 1.0, 2.5])
    start = W.at(times)[:, 0]
    for k, t in enumerate(times.tolist()):
        torch.testing.assert_close(W.at(times)[:, k], start * math.cos(2 * t / 2.5))
    assert type(rl.Ode(init="my_law").init) is type(law)  # pyright: ignore
    speed = torch.func.jvp(lambda t: W.at(t)[:, 0], (times[1],), (torch.ones(()),))[1]
    torch.testing.assert_close(speed, -start * 2 / 2.5 * math.sin(2 / 2.5))


SHAPES = {
    "function": (
        "\n    def path(self, draw):\n        import math\n\n"
        "        return lambda t: draw.normals(draw.shape) * math.cos(t)\n",
        r"init=my_law: path\(draw\) returns a function that reads t as a number; t is a tensor: write torch\.cos",
    ),
    "weights": (
        "\n    def path(self, draw):\n        return draw.normals(draw.shape)\n",
        r"init=my_law: path\(draw\) returns Tensor; expected a function of one time t that returns weights",
    ),
    "law": (
        "\n    def path(self, draw):\n        from types import SimpleNamespace\n\n"
        "        return SimpleNamespace(at=lambda times: draw.normals(draw.shape))\n",
        r"init=my_law: path\(draw\)\.at\(times\) returns shape \(2, 3, 4\); expected shape \(2, 5, 3, 4\)",
    ),
    "raises": (
        "\n    def path(self, draw):\n        return draw.size\n",
        r"init=my_law: my_law\.py, line 12: AttributeError: 'Draw' object has no attribute 'size'",
    ),
    "regularity": (
        "\n    regularity = 'smooth'\n",
        r"init=my_law: regularity is 'smooth'; expected a number, Regularity",
    ),
}


@pytest.mark.parametrize("case", SHAPES)
def test_a_law_of_the_wrong_shape_is_refused_with_what_was_expected_and_got(named, case: str):
    text, words = SHAPES[case]
    named(LAW + text)
    with pytest.raises(SettingError, match=words):
        tried([from_mapping({"study": "ode", "init": "my_law"})])


PHI = """
from resnet_limits import Activation

class MyPhi(Activation):
    formula, kinks = "z", ()

    def __call__(self, z):
        return z.sum()
"""
DATA = """
from dataclasses import dataclass
import numpy as np
from resnet_limits import Plane

@dataclass
class MyData(Plane):
    version = 1

    def points(self, seed):
        return np.zeros((9, 2)), np.arange(9) % 3
"""
KERNEL = """
from resnet_limits import OperatorKernel

class MyKernel(OperatorKernel):
    def matrix(self, x, y):
        return x @ y.mT - 1
"""
LOSS = """
from resnet_limits import PointwiseLoss

class MyLoss(PointwiseLoss):
    def value(self, s, y):
        return (s - y).square()
"""


def test_other_parts_of_the_wrong_shape_are_refused(named):
    named(BLOCK.rstrip() + "[..., :1]\n", "my_block.py")
    for text, name in ((PHI, "my_phi"), (DATA, "my_data"), (KERNEL, "my_kernel"), (LOSS, "my_loss")):
        named(text, f"{name}.py")
    for key, words in {
        "block=my_block": r"formula\(phi, x, theta\) returns shape \(2, 3, 1\); expected shape \(2, 3, 4\)",
        "activation=my_phi": r"phi\(z\) returns shape \(\); expected shape \(2, 3, 4\)",
        "data=my_data": r"points\(seed\)\[1\] holds 0 to 2; expected labels 0 to 1",
    }.items():
        name, value = key.split("=")
        with pytest.raises(SettingError, match=f"{key}: {words}"):
            tried([from_mapping({"study": "ode", name: value})])
    for key, words in {
        "kernel=my_kernel": r"matrix\(x, x\) has the eigenvalue -",
        "loss=my_loss": r"value\(s, y\) returns shape \(5, 1\); expected shape \(5,\): one value a point",
    }.items():
        name, value = key.split("=")
        with pytest.raises(SettingError, match=f"hamiltonian.{key}: {words}"):
            tried([from_mapping({"study": "hamiltonian", "hamiltonian": {name: value}})])


def test_a_law_without_a_path_is_refused_with_what_to_give_it(named):
    named("import resnet_limits as rl\n\nclass MyLaw(rl.Random):\n    regularity = 2\n")
    with pytest.raises(SettingError, match=r"init=my_law draws no path, .*; give it path\(draw\), or choose another"):
        studies.get("ode").check(from_mapping({"study": "ode", "init": "my_law"}))


def test_what_a_part_does_not_declare_is_refused_where_it_is_needed(named):
    named(KERNEL, "my_kernel.py")
    named(LOSS, "my_loss.py")
    loss = from_mapping({"study": "hamiltonian", "hamiltonian": {"loss": "my_loss"}})
    with pytest.raises(SettingError, match=r"hamiltonian\.loss=my_loss: it does not declare what it is for"):
        studies.get("hamiltonian").check(loss)
    kernel: Any = from_mapping({"study": "hamiltonian", "hamiltonian": {"kernel": "my_kernel"}})
    assert kinked_velocity(kernel) == (
        "hamiltonian.kernel=my_kernel: the kernel does not declare whether it is smooth, as the theorem needs"
    )


def test_a_task_that_is_sent_without_variables_is_told_the_files_by_the_lines_it_begins_with(named, tmp_path: Path):
    (tmp_path / "it's here").mkdir()
    named(LAW, "it's here/my_law.py")
    script = "\n".join([*own.lines_of_shell(), 'printf %s "$RESLIM_WITH"'])
    printed = subprocess.run(["bash", "-c", script], env={}, capture_output=True, text=True, check=True).stdout
    assert printed == os.environ[own.FILES_VARIABLE]
