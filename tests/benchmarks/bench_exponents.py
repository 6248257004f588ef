"""Ratios of random networks over depth, all networks and betas side by side, against one network at a time.

    python -m tests.benchmarks.bench_exponents

The experiment of figures 1 and 2 of Marion, Fermanian, Biau & Vert 2022: width 40, depths 10 to 1000, three betas, 50
networks, forward and gradient, one thread. The loop is what one writes first: for each network and beta two matrices a
layer, and autograd through all layers; it runs a few networks, and its time is theirs times the others. Second, the
weights of fractional networks, drawn once for all betas of a search, against drawing them for each. Processor time of
one run; the means of both sides are printed beside their exact value.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import torch

from resnet_limits.networks.blocks import field
from resnet_limits.networks.blocks.two import TwoBlock
from resnet_limits.paths.laws.fractional import FractionalLaw
from resnet_limits.studies.exponents.networks import drawn_weights, log_changes, orthogonal_inputs
from resnet_limits.studies.exponents.ratio.measure import observed
from resnet_limits.studies.exponents.settings import Exponents

WIDTH, BETAS, NETWORKS = 40, [0.25, 0.5, 1.0], 50
DEPTHS = [10, 20, 50, 100, 200, 500, 1000]
NAIVE_NETWORKS = 3


def naive(beta: float, depth: int) -> tuple[float, float]:
    """`|h_L|^2/|h_0|^2` and `|g_0|^2/|g_L|^2` of one network."""
    h0 = torch.randn(WIDTH, dtype=torch.float64).requires_grad_()
    h, f = h0, depth**-beta
    for _ in range(depth):
        W = torch.randn(WIDTH, WIDTH, dtype=torch.float64) / math.sqrt(WIDTH)
        V = torch.randn(WIDTH, WIDTH, dtype=torch.float64) / math.sqrt(WIDTH)
        h = h + f * (V @ torch.relu(W @ h))
    g = torch.randn(WIDTH, dtype=torch.float64)
    (p,) = torch.autograd.grad(h, h0, g)
    h, h0 = h.detach(), h0.detach()
    return float(h.square().sum() / h0.square().sum()), float(p.square().sum() / g.square().sum())


def seconds(way: Callable[[], object]) -> float:
    began = time.process_time()
    way()
    return time.process_time() - began


def figure() -> None:
    """The loop over networks, and ours."""
    naive(0.5, 10)  # first calls
    observed(Exponents(depth=10), BETAS, 2)
    loop = seconds(lambda: [naive(b, d) for d in DEPTHS for b in BETAS for _ in range(NAIVE_NETWORKS)])
    loop *= NETWORKS / NAIVE_NETWORKS
    ours = seconds(lambda: [observed(Exponents(depth=depth), BETAS, NETWORKS) for depth in DEPTHS])
    print(f"figures 1 and 2: one network at a time {loop:.1f} s, side by side {ours:.2f} s: {loop / ours:.0f} times")
    ends = torch.tensor([naive(0.5, 100) for _ in range(200)])
    sampled = observed(Exponents(depth=100), [0.5], 2000)
    exact = (1 + 0.5 / 100) ** 100
    for i, name in enumerate(("norm_ratio", "gradient_norm_ratio")):
        one, many = float(ends[:, i].mean()), float(sampled[name].mean())
        print(f"  mean {name} at depth 100: one at a time {one:.2f}, side by side {many:.3f}, exact {exact:.3f}")


def search() -> None:
    """Weights for all betas of a search, and for each."""
    law = FractionalLaw(sigma_b=0.0, hurst=0.8)
    settings = Exponents(init=law, dtype="float32")
    vector_field, x0 = field(TwoBlock(hidden=WIDTH), "relu", WIDTH), orthogonal_inputs(settings, 16)
    betas = [0.6 + 0.025 * i for i in range(9)]

    def changes(of: list[float]) -> None:
        for _, weights in drawn_weights(settings, vector_field.shapes, 1024, 4):
            log_changes(vector_field, weights, of, x0)

    changes(betas[:1])
    once, each = seconds(lambda: changes(betas)), seconds(lambda: [changes([beta]) for beta in betas])
    print(f"fractional weights, 9 betas: drawn once {once:.2f} s, for each {each:.2f} s: {each / once:.1f} times")


if __name__ == "__main__":
    torch.set_num_threads(1)
    figure()
    search()
