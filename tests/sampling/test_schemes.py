"""The schemes of shallow blocks obey the laws of schemes of their SDE; slopes and curvatures at 0 are by hand."""

from __future__ import annotations

import math
from typing import ClassVar

import torch

from resnet_limits.sampling.layer_law import Law
from resnet_limits.sampling.schemes import EulerMaruyama, ShallowNetwork
from tests.limits.limit_laws import Equation, SchemeLaws

EQUATIONS = {
    scheme.phi: lambda scheme=scheme: scheme
    for scheme in (
        Equation("tanh", 1.0, 0.0),
        Equation("swish", 0.5, 0.5, "tanh", torch.tanh),
        Equation("gelu", 0.5, math.sqrt(2 / math.pi)),
    )
}


class TestNetwork(SchemeLaws):
    cases: ClassVar = EQUATIONS

    def scheme(self, case: Equation, law: Law) -> ShallowNetwork:
        return ShallowNetwork(case.phi, case.inside)


class TestEulerMaruyama(SchemeLaws):
    cases: ClassVar = EQUATIONS

    def scheme(self, case: Equation, law: Law) -> EulerMaruyama:
        return EulerMaruyama(case.phi, case.inside, law)
