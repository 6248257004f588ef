"""Euler-Maruyama on the span against torchsde with whole weight matrices as Brownian motion (Li et al. 2020)."""

from __future__ import annotations

import pytest
import torch

from resnet_limits.engines import default_engine
from resnet_limits.random import Stream
from resnet_limits.sampling.layer_law import Isotropic
from resnet_limits.sampling.schemes import EulerMaruyama, Walker
from tests.sampling.naive import different_means, points

torchsde = pytest.importorskip("torchsde")

REPLICAS, WIDTH, DEPTH = 10_000, 2, 16
LAW = Isotropic(0.8, 0.5)


class Swish(torch.nn.Module):
    """`dx = v(x)/4 dt + 1/2 (dW tanh(x) + db)`, two inputs: state (4,), noise (W, b) flat (6,)."""

    noise_type, sde_type = "general", "ito"

    def f(self, t, y):
        x = torch.tanh(y.view(-1, 2, WIDTH))
        v = LAW.sigma_b**2 + LAW.sigma_w**2 * x.square().mean(dim=-1, keepdim=True)
        return (0.25 * v).expand(-1, -1, WIDTH).reshape(len(y), -1)

    def g(self, t, y):
        x = torch.tanh(y.view(-1, 2, WIDTH))
        scaled = torch.cat([x * LAW.sigma_w / WIDTH**0.5, LAW.sigma_b * torch.ones_like(x[..., :1])], dim=-1)
        eye = torch.eye(WIDTH, dtype=y.dtype)
        return 0.5 * torch.einsum("rne,ac->rnace", scaled, eye).reshape(len(y), 2 * WIDTH, -1)


def moments(y):
    return torch.cat([y, (y[:, :, None] * y[:, None, :]).flatten(1)], dim=1)


@pytest.mark.parametrize("ito_drift", [True, False])
def test_same_law(ito_drift):
    x0 = points(2, WIDTH)
    scheme = EulerMaruyama("swish", "tanh", LAW, ito_drift)
    (x,) = default_engine().final(
        [Walker(scheme, DEPTH)], x0.expand(REPLICAS, 2, WIDTH), LAW, horizon=1.0, stream=Stream(0, "test")
    )
    torch.manual_seed(0)
    times, start = torch.tensor([0.0, 1.0], dtype=torch.float64), x0.flatten().expand(REPLICAS, -1)
    y = torchsde.sdeint(Swish(), start, times, dt=1 / DEPTH, method="euler")[-1]
    assert (different_means(moments(x.flatten(1)), moments(y)) < 1) == ito_drift
