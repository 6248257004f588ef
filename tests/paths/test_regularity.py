"""What laws declare of their regularity: a wrong declaration is noticed, and none is refused and never guessed."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pytest

from resnet_limits.errors import SettingError
from resnet_limits.paths.laws.fractional import FractionalLaw
from resnet_limits.paths.laws.iid import IidLaw
from resnet_limits.paths.laws.law import Init, Random, Regularity
from resnet_limits.paths.laws.rough import RoughLaw
from resnet_limits.paths.laws.smooth import SmoothLaw
from resnet_limits.paths.laws.tied import TiedLaw
from resnet_limits.studies.flow import outside as of_flow
from resnet_limits.studies.flow.settings import Flow
from resnet_limits.studies.kernel.request import check as check_kernel
from resnet_limits.studies.kernel.settings import Kernel
from resnet_limits.studies.ode import outside as of_ode
from resnet_limits.studies.ode.room import least_of_weights
from resnet_limits.studies.ode.settings import Ode
from resnet_limits.studies.sde.settings import Sde
from resnet_limits.studies.sde.study import STUDY as SDE
from resnet_limits.testing.path_laws import facts_are_true


@pytest.mark.slow
@pytest.mark.parametrize(
    ("law", "wrong"),
    [
        (RoughLaw(hurst=0.25), Regularity(index=0.5)),
        (RoughLaw(hurst=0.75), Regularity(index=math.inf)),
        (RoughLaw(hurst=0.25), Regularity()),
        (SmoothLaw(), Regularity(index=0.9)),
        (SmoothLaw(correlation=1000.0), Regularity(index=math.inf, constant=True)),
        (TiedLaw(), Regularity(index=math.inf)),
        (IidLaw(), Regularity(index=0.1)),
        (FractionalLaw(hurst=0.25), Regularity(index=0.5, increments=True)),
        (FractionalLaw(hurst=0.75), Regularity(independent_layers=True)),
        (FractionalLaw(hurst=0.25), Regularity(independent_layers=True, isotropic=True)),
    ],
    ids=lambda value: repr(value),
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
    (of_ode.states_move, Ode),
    (of_ode.smooth_field, Ode),
    (of_flow.smooth_weights, Flow),
    (of_flow.smooth, Flow),
]


@pytest.mark.parametrize(("outside", "kind"), SMOOTH, ids=lambda value: getattr(value, "__qualname__", None))
def test_theorems_about_smooth_weights_ask_for_smooth_weights(outside, kind):
    assert outside(kind(init=SmoothLaw())) is None
    assert outside(kind(init=TiedLaw())) is None
    for law in (Weierstrass(), RoughLaw(), IidLaw(), FractionalLaw()):
        assert f"init={law.name}: the theorem is about weights that are smooth in time" in outside(kind(init=law))
    assert "init=undeclared declares no regularity: the theorem is about" in outside(kind(init=Undeclared()))


def test_orders_along_depth_ask_for_one_path_for_every_depth():
    for law in (SmoothLaw(), RoughLaw(), Weierstrass()):
        assert of_flow.same_weights_at_every_depth(Flow(init=law)) is None
    for law in (IidLaw(), FractionalLaw(), Undeclared()):
        assert "networks of each depth have weights of their own" in str(
            of_flow.same_weights_at_every_depth(Flow(init=law))
        )


def test_what_needs_independent_layers_or_entries_refuses_what_does_not_declare_them():
    class Layers(Undeclared):
        @property
        def regularity(self):
            return Regularity(independent_layers=True)

    for law in (Undeclared(), SmoothLaw()):
        with pytest.raises(SettingError, match="the layers of study sde are independent; choose init=iid"):
            SDE.check(Sde(init=law))
    with pytest.raises(SettingError, match="init=layers declares no law of a layer"):
        SDE.check(Sde(init=Layers()))
    for law in (Undeclared(), Layers(), SmoothLaw()):
        with pytest.raises(SettingError, match="kernels of study kernel are those of independent entries"):
            check_kernel(Kernel(init=law))


def test_the_least_memory_of_a_law_that_declares_nothing_is_that_of_one_layer():
    assert least_of_weights(Ode(init=Undeclared())) == least_of_weights(Ode(init=TiedLaw()))
    assert least_of_weights(Ode(init=Weierstrass())) == least_of_weights(Ode(init=SmoothLaw()))


def test_sizes_that_are_not_declared_are_refused_and_no_zero_is_guessed():
    @dataclass
    class Bare(Init):
        name: str = "smooth"

    with pytest.raises(SettingError, match="init=smooth declares no sizes of weights"):
        of_ode.states_move(Ode(init=Bare()))
