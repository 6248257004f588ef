"""Activations: the laws of all, the formulas of the field, and what is refused where it is not declared."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest
import torch

from resnet_limits.errors import SettingError
from resnet_limits.limits.pair_products import expansions
from resnet_limits.networks.activations import Activation, activation_named
from resnet_limits.networks.gaussian_means import gaussian_mean

from .activation_laws import ActivationLaws


class Formula(ActivationLaws):
    """Inherit, and define the formula of a single number too."""

    def formula(self, z: float) -> float:
        raise NotImplementedError

    def test_it_is_its_formula(self, phi: Activation):
        z = np.linspace(-4, 4, 33)
        np.testing.assert_allclose(self.value(phi, z), [self.formula(v) for v in z], rtol=1e-14, atol=1e-15)


class TestTanh(Formula):
    name = "tanh"

    def formula(self, z: float) -> float:
        return math.tanh(z)


class TestSwish(Formula):
    name = "swish"

    def formula(self, z: float) -> float:
        return z / (1 + math.exp(-z))


class TestRelu(Formula):
    name = "relu"

    def formula(self, z: float) -> float:
        return max(z, 0.0)


class TestGelu(Formula):
    name = "gelu"

    def formula(self, z: float) -> float:
        return z * (1 + math.erf(z / math.sqrt(2))) / 2


class TestIdentity(Formula):
    name = "identity"

    def formula(self, z: float) -> float:
        return z


class Bare(Activation):
    """`z/sqrt(1 + z^2)`, of which nothing is declared but what must be."""

    name = "bare"
    formula = "z / sqrt(1 + z^2)"
    kinks = ()

    def __call__(self, z: torch.Tensor) -> torch.Tensor:
        return z / (1 + z.square()).sqrt()


class Bent(Activation):
    """`max(z, z/4)`, bent at 0, and nothing else declared."""

    name = "bent"
    formula = "max(z, z/4)"
    kinks = (0.0,)

    def __call__(self, z: torch.Tensor) -> torch.Tensor:
        return torch.maximum(z, z / 4)


class Undeclared(ActivationLaws):
    """What is not declared is made of the value, by autograd, and obeys the same laws."""

    declared: type[Activation]

    @pytest.fixture
    def phi(self) -> Activation:
        return self.declared()

    def test_it_goes_by_its_name(self, phi: Activation):
        assert phi.name == self.declared.name

    def test_the_largest_value_is_approached_and_never_exceeded(self, phi, grid):
        assert phi.bound is None


class Softsign(Bare):
    """`z/(1 + |z|)`: its slope is continuous, its second derivative is not."""

    name = "softsign"
    formula = "z / (1 + |z|)"
    kinks = (0.0,)

    def __call__(self, z: torch.Tensor) -> torch.Tensor:
        return z / (1 + z.abs())


class TestBare(Undeclared):
    declared = Bare


class TestSoftsign(Undeclared):
    declared = Softsign


class TestBent(Undeclared):
    declared = Bent


def test_an_unknown_activation_names_the_nearest():
    with pytest.raises(SettingError, match="did you mean 'tanh'"):
        activation_named("tahn")


def test_kinks_are_declared_or_the_class_is_refused():
    with pytest.raises(SettingError, match=r"activation Silent: declare formula, kinks; .* derivative of phi jumps"):
        type("Silent", (Bare,), {"formula": None, "kinks": None})


def test_facts_that_are_not_declared_are_refused_in_words():
    with pytest.raises(SettingError, match=r"activation=bare: it declares no phi\(0\), and .* no limit in depth"):
        Bare().taylor()
    with pytest.raises(SettingError, match=r"activation=bare: no bound of its derivative is declared"):
        Bare().largest_slope()
    with pytest.raises(SettingError, match=r"activation=relu: it has no phi'\(0\)"):
        activation_named("relu").taylor()


def test_quadratures_for_smooth_activations_refuse_kinks(monkeypatch):
    class Elsewhere(Bent):
        kinks = (1.0,)

    from resnet_limits.limits import pair_products
    from resnet_limits.networks import gaussian_means

    for room in (gaussian_means, pair_products):
        monkeypatch.setattr(room, "activation_named", lambda name: {"bent": Bent(), "elsewhere": Elsewhere()}[name])
    v = torch.ones(1, 1, dtype=torch.float64)
    # E max(z, z/4) = (1 - 1/4) sqrt(v/2 pi): a kink at 0 costs the half-line rule nothing
    assert float(gaussian_mean("bent", v[0])) == pytest.approx(0.75 / math.sqrt(2 * math.pi), rel=1e-13)
    with pytest.raises(SettingError, match="activation=elsewhere: Gaussian means"):
        gaussian_mean("elsewhere", v[0])
    with pytest.raises(SettingError, match=r"activation=bent: .* no closed form is declared"):
        expansions("bent", v)


def test_facts_are_read_without_torch_and_numpy():
    program = (
        "import sys\n"
        "from resnet_limits.networks.activations import activation_named\n"
        "its = [activation_named(n) for n in ('tanh', 'swish', 'relu', 'gelu', 'identity')]\n"
        "print([(phi.kinks, phi.slope_at_0, phi.curvature_at_0, phi.steepest) for phi in its][2])\n"
        "print(*{name.partition('.')[0] for name in sys.modules})\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    facts, modules = done.stdout.splitlines()
    assert facts == "((0.0,), None, None, 1.0)"
    assert not set(modules.split()) & {"torch", "numpy", "scipy"}
