"""What laws declare of their regularity: a wrong declaration is noticed, and none is refused and never guessed."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pytest

from resnet_limits.errors import SettingError
from resnet_limits.paths.laws.fractional import Fractional
from resnet_limits.paths.laws.iid import Iid
from resnet_limits.paths.laws.law import Init, Random, Regularity
from resnet_limits.paths.laws.rough import Rough
from resnet_limits.paths.laws.smooth import Smooth
from resnet_limits.paths.laws.tied import Tied
from resnet_limits.studies.flow import outside as of_flow
from resnet_limits.studies.flow.settings import Flow
from resnet_limits.studies.kernel.request import check as check_kernel
from resnet_limits.studies.kernel.settings import Kernel
from resnet_limits.studies.ode import outside as of_ode
from resnet_limits.studies.ode.room import least_of_weights
from resnet_limits.studies.ode.settings import Ode
from resnet_limits.studies.sde.settings import Sde
from resnet_limits.studies.sde.study import STUDY as SDE
from tests.paths.path_laws import facts_are_true


@pytest.mark.parametrize(
    ("law", "wrong"),
    [
        (Rough(hurst=0.25), Regularity(index=0.5)),
        (Rough(hurst=0.75), Regularity(index=math.inf)),
        (Rough(hurst=0.25), Regularity()),
        (Smooth(), Regularity(index=0.9)),
        (Smooth(correlation=1000.0), Regularity(index=math.inf, constant=True)),
        (Tied(), Regularity(index=math.inf)),
        (Iid(), Regularity(index=0.1)),
        (Fractional(hurst=0.25), Regularity(index=0.5, increments=True)),
        (Fractional(hurst=0.75), Regularity(independent_layers=True)),
        (Fractional(hurst=0.25), Regularity(independent_layers=True, isotropic=True)),
    ],
    ids=lambda its: repr(its),
)
def test_a_wrong_declaration_turns_red(law, wrong):
    with pytest.raises(AssertionError):
        facts_are_true(law, wrong)


# -- a laboratory's own laws ----------------------------------------------------------------------


@dataclass
class Undeclared(Random):
    name: str = "undeclared"


@dataclass
class Weierstrass(Random):
    """Continuous and nowhere differentiable."""

    name: str = "weierstrass"

    @property
    def regularity(self):
        return Regularity(index=0.4)


SMOOTH = [
    (of_ode.reads_a_continuous_path, Ode),
    (of_ode.moves, Ode),
    (of_ode.smooth_field, Ode),
    (of_flow.smooth_path, Flow),
    (of_flow.smooth, Flow),
]


@pytest.mark.parametrize(("outside", "kind"), SMOOTH, ids=lambda its: getattr(its, "__qualname__", None))
def test_theorems_about_smooth_weights_ask_for_smooth_weights(outside, kind):
    assert outside(kind(init=Smooth())) is None
    assert outside(kind(init=Tied())) is None
    for law in (Weierstrass(), Rough(), Iid(), Fractional()):
        assert f"init={law.name}: the theorem is about weights that are smooth in time" in outside(kind(init=law))
    assert "init=undeclared declares no regularity: the theorem is about" in outside(kind(init=Undeclared()))


def test_orders_along_depth_ask_for_one_path_for_every_depth():
    for law in (Smooth(), Rough(), Weierstrass()):
        assert of_flow.same_weights_at_every_depth(Flow(init=law)) is None
    for law in (Iid(), Fractional(), Undeclared()):
        assert "networks of each depth have weights of their own" in str(
            of_flow.same_weights_at_every_depth(Flow(init=law))
        )


def test_what_needs_independent_layers_or_entries_refuses_what_does_not_declare_them():
    class Layers(Undeclared):
        @property
        def regularity(self):
            return Regularity(independent_layers=True)

    for law in (Undeclared(), Smooth()):
        with pytest.raises(SettingError, match="the layers of study sde are independent; choose init=iid"):
            SDE.check(Sde(init=law))
    with pytest.raises(SettingError, match="init=undeclared declares no law of a layer"):
        SDE.check(Sde(init=Layers()))
    for law in (Undeclared(), Layers(), Smooth()):
        with pytest.raises(SettingError, match="kernels of study kernel are those of independent entries"):
            check_kernel(Kernel(init=law))


def test_the_least_memory_of_a_law_that_declares_nothing_is_that_of_one_layer():
    assert least_of_weights(Ode(init=Undeclared())) == least_of_weights(Ode(init=Tied()))
    assert least_of_weights(Ode(init=Weierstrass())) == least_of_weights(Ode(init=Smooth()))


def test_sizes_that_are_not_declared_are_refused_and_no_zero_is_guessed():
    @dataclass
    class Bare(Init):
        name: str = "smooth"

    with pytest.raises(SettingError, match="init=smooth declares no sizes of weights"):
        of_ode.moves(Ode(init=Bare()))
