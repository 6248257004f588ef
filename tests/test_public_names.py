"""What goes by a name of the package itself: the options and studies by their classes, and a few others."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import resnet_limits as rl
from resnet_limits.settings.registry import STUDIES, groups

OPTIONS = [(group, name) for group, registry in groups().items() for name in registry.built_in]


@pytest.mark.parametrize(("group", "name"), OPTIONS, ids="=".join)
def test_every_option_goes_by_the_name_of_its_class(group, name):
    its = groups()[group][name]
    assert getattr(rl, its.__name__) is its
    assert its.__name__ in dir(rl)


@pytest.mark.parametrize("study", STUDIES.built_in)
def test_so_does_every_study_with_its_groups_of_keys(study):
    its = STUDIES[study]
    assert getattr(rl, its.__name__) is its
    keys = [type(value) for value in vars(its(study=study)).values() if type(value).__module__ == its.__module__]
    assert keys
    for kind in keys:
        assert getattr(rl, kind.__name__) is kind


def test_type_checkers_are_told_the_truth():
    (block,) = (node for node in ast.parse(Path(rl.__file__).read_text()).body if isinstance(node, ast.If))
    imports = [its for its in block.body if isinstance(its, ast.ImportFrom)]
    told = [(its.module, name.asname or name.name) for its in imports for name in its.names]
    assert len(told) > len(OPTIONS) - len(groups()["cluster"].built_in)
    for module, name in told:
        assert getattr(rl, name).__module__ == f"resnet_limits.{module}"


def test_another_name_is_refused_and_a_module_is_imported_without_a_registry():
    with pytest.raises(AttributeError, match="no attribute 'Odd'"):
        rl.Odd  # noqa: B018
    program = "import sys; from resnet_limits import device; print(*(m for m in sys.modules if 'settings' in m))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == []
